// Requests to the service that this page came from. Every failure is a Problem with words for a person.

const BUSY_TRIES = 4;
let key = null;

/** What went wrong (RFC 9457): `title`, `detail`, `status` (0 if there was no answer). */
export class Problem extends Error {
  constructor(status, title, detail) {
    super(detail || title);
    Object.assign(this, { status, title, detail });
  }
}

export function useKey(text) {
  key = text;
}

/** The JSON of the answer. A busy service (429, or 503) is asked again after the time it names. */
export async function ask(method, path, body, { signal, onWait } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (key) headers.Authorization = `Bearer ${key}`;
  for (let tries = 1; ; tries++) {
    let response;
    try {
      response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Problem(0, "No answer", "The service cannot be reached. It may have been stopped, or the connection is lost.");
    }
    const busy = response.status === 429 || response.status === 503;
    if (busy && tries < BUSY_TRIES) {
      const seconds = Math.min(30, Number(response.headers.get("Retry-After")) || tries);
      onWait?.(seconds);
      await pause(seconds * 1000, signal);
      continue;
    }
    if (response.ok) return response.status === 204 ? null : response.json();
    throw await problem(response);
  }
}

async function problem(response) {
  let said = {};
  try {
    said = await response.json();
  } catch {
    // not JSON: something between the service and this page answered
  }
  const title = typeof said.title === "string" ? said.title : `Error ${response.status}`;
  const detail = typeof said.detail === "string" ? said.detail : "The service gave no reason.";
  return new Problem(response.status, title, detail);
}

/** Waits; a stopped request ends the waiting as well. */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
