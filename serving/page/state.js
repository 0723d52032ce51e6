// What the page knows.

/* global d3 */
export const state = {
  table: null, // what was opened; see table.js
  limits: {}, // of the service, from /v1/model
  answer: null, // {answer, x, y, used}: the last estimate, and of which columns and rows
  pairs: null, // the last answer for all pairs
  unit: "nats",
  level: 0.9,
};

// Levels of the quantiles that are asked for: the ends of all intervals on offer, so that another interval needs no new
// request, and those of the curve.
export const ENDS = [0.025, 0.05, 0.1, 0.25, 0.75, 0.9, 0.95, 0.975];
export const LEVELS = d3.sort(new Set([...ENDS, 0.005, 0.01, 0.99, 0.995, ...d3.range(3, 18).map((k) => k / 20)]));

/** The ends of the central interval, from quantiles at ENDS or LEVELS. */
export const bounds = (quantiles, level) =>
  [(1 - level) / 2, (1 + level) / 2].map((at) => d3.least(quantiles, (q) => Math.abs(q.level - at)).value);

const BYTES = 26; // of the longest number in JSON, such as -0.0000012345678901234567, and its comma

/** The most rows of so many columns, of which so many pairs are asked for, that one request or job may have. */
export function mostRows(columns, pairs = 1) {
  const { max_rows = 50_000, max_values = 4e6, max_body_bytes = 2 ** 24, max_job_work = 5e8 } = state.limits;
  const room = Math.min(max_values, max_body_bytes / BYTES) / (columns + 2); // what holds the numbers takes room as well
  return Math.max(4, Math.floor(Math.min(max_rows, room, max_job_work / pairs)));
}

/** What a person should know of rows that were not used. */
export function rowNotes(complete, used, total, where = "") {
  const notes = [];
  const number = (n) => n.toLocaleString("en");
  if (complete < total) notes.push(`left out ${number(total - complete)} of ${number(total)} rows with missing or infinite values${where}`);
  if (used < complete) notes.push(`used a random ${number(used)} of ${number(complete)} rows, the most that this service takes`);
  return notes;
}
