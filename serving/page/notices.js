// Waiting and errors: one place for messages, one request at a time for each part of the page.

import { Problem } from "./api.js";
import { byId, h } from "./dom.js";

const running = {}; // by part of the page: a newer question ends an older one

export function showProblem(title, detail, kind = "bad", onAgain = null) {
  byId("problem").replaceChildren(
    h("div", { class: `notice ${kind}` }, h("p", {}, h("strong", {}, title)), h("p", {}, detail),
      ...(onAgain ? [h("button", { class: "button", type: "button", click: onAgain }, "Try again")] : [])),
  );
  byId("problem").scrollIntoView({ block: "nearest" });
}

export function clearProblem() {
  byId("problem").replaceChildren();
  byId("key-form").hidden = true;
}

/** Shows what a request came back with; anything but a Problem is a defect and goes on. */
export function complain(error, onAgain = null) {
  if (!(error instanceof Problem)) throw error;
  const locked = error.status === 401;
  byId("key-form").hidden = !locked;
  showProblem(error.title, error.detail, "bad", error.status === 0 || error.status >= 429 ? onAgain : null);
  if (locked) byId("key").focus();
}

export function stop(place) {
  running[place]?.abort();
}

/**
 * Runs `work` for one part of the page, marked busy meanwhile; ends what ran there before.
 * @param {(signal: AbortSignal, onWait: (seconds: number) => void) => Promise<void>} work
 * @param {{onAgain: () => void, onFailure?: () => void}} then
 */
export async function during(place, work, { onAgain, onFailure }) {
  stop(place);
  const controller = (running[place] = new AbortController());
  byId(place).setAttribute("aria-busy", "true");
  clearProblem();
  try {
    await work(controller.signal, (seconds) => showProblem("The service is busy", `Trying again in ${seconds} s.`, "wait"));
    clearProblem();
  } catch (error) {
    if (error.name === "AbortError") return;
    onFailure?.();
    complain(error, onAgain);
  } finally {
    if (running[place] === controller) {
      delete running[place];
      byId(place).setAttribute("aria-busy", "false");
    }
  }
}
