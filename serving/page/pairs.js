// All pairs of columns: the request, and what is said about it. The picture and the list are in matrix.js.

import { ask, pause, Problem } from "./api.js";
import { categoryNotes } from "./categories.js";
import { byId, count, h } from "./dom.js";
import { showMatrix } from "./matrix.js";
import { during, showProblem } from "./notices.js";
import { bounds, ENDS, mostRows, rowNotes, state } from "./state.js";
import { completeRows, pick, someRows } from "./table.js";

const LONG = 1_000_000; // rows times pairs: from some seconds on the work is a job, with progress

/** Asks for all pairs of the chosen columns; `onPick(a, b)` when a person wants to see one pair. */
export async function comparePairs(onPick) {
  const columns = chosenColumns();
  if (columns.length < 2) return showProblem("Nothing to compare", "Choose at least two columns to compare.");
  const rows = completeRows(columns);
  if (rows.length < 4) {
    const detail = `Only ${count(rows.length, "row")} of ${state.table.rows.toLocaleString("en")} have values in all chosen columns, and at least 4 are needed. Leave out the columns with the most gaps.`;
    return showProblem("These columns cannot be compared", detail);
  }
  const pairs = (columns.length * (columns.length - 1)) / 2;
  const used = someRows(rows, mostRows(columns.length, pairs));
  const body = { columns: Object.fromEntries(columns.map((column) => [column.name, pick([column], used)])), quantiles: ENDS };
  const say = (text) => byId("pairs-status").replaceChildren(text);
  const work = async (signal, onWait) => {
    say(`Comparing ${count(pairs, "pair")} …`);
    const found = await (pairs * used.length > Math.min(LONG, state.limits.max_work ?? LONG) ? asJob : atOnce)(body, { signal, onWait });
    state.pairs = found;
    showAllPairs(onPick);
    say([
      `${count(pairs, "pair")} of ${count(columns.length, "column")}, from ${count(found.n, "row")}`,
      ...rowNotes(rows.length, used.length, state.table.rows, " in any of them"),
      ...categoryNotes(columns),
      ...found.warnings,
    ].join("; ") + ".");
  };
  const [compare, stop] = [byId("compare"), byId("stop")];
  const handOver = (from, to) => document.activeElement === from && to.focus({ preventScroll: true });
  stop.hidden = false;
  handOver(compare, stop); // what is switched off or hidden would drop the focus to the top of the page
  compare.disabled = true;
  await during("pairs", work, { onAgain: () => comparePairs(onPick), onFailure: () => say("") });
  compare.disabled = false;
  handOver(stop, compare.hidden ? byId("pairs-title") : compare);
  stop.hidden = true;
}

const atOnce = (body, options) => ask("POST", "v1/pairwise", body, options);

async function asJob(body, options) {
  let job = await ask("POST", "v1/jobs/pairwise", body, options);
  const path = `v1/jobs/${job.id}`;
  const bar = h("progress", { "aria-label": "Pairs compared", max: 1, value: 0 });
  const text = h("span");
  byId("pairs-status").replaceChildren(bar, " ", text);
  try {
    while (job.state === "queued" || job.state === "running") {
      const { done, total } = job.progress;
      bar.value = total ? done / total : 0;
      text.textContent = job.state === "queued" ? "Waiting for the service …" : `${done.toLocaleString("en")} of ${count(total, "pair")}`;
      await pause(500, options.signal);
      job = await ask("GET", path, undefined, options);
    }
    if (job.state !== "done") throw new Problem(500, "The comparison failed", job.error ?? "The service gave no reason.");
    return await ask("GET", `${path}/result`, undefined, options);
  } finally {
    ask("DELETE", path).catch(() => {}); // stops it, or forgets its result; if that fails, the service forgets it in time
  }
}

/** Draws again what was found, in the unit and with the interval of now. */
export function showAllPairs(onPick) {
  if (!state.pairs) return;
  const { names, n, mi, quantiles } = state.pairs;
  const at = (i, j) => {
    const [low, high] = bounds(quantiles.map((q) => ({ level: q.level, value: q.values[i][j] })), state.level);
    return { mi: mi[i][j], low, high };
  };
  byId("heat-box").hidden = byId("downloads").hidden = false;
  byId("compare").hidden = true;
  showMatrix({ names, n, at }, { unit: state.unit, level: state.level, table: state.table.name, onPick });
}

/** Before all pairs are asked for: which columns to compare. */
export function showNoPairs() {
  state.pairs = null;
  byId("heat-box").hidden = byId("downloads").hidden = true;
  byId("compare").hidden = false;
  byId("pairs-status").textContent = "";
}

/** Offers the columns of the table, all chosen. */
export function offerColumns() {
  const boxes = state.table.columns.map((column) =>
    h("label", {}, h("input", { type: "checkbox", checked: true, change: () => { say(); showNoPairs(); } }), ` ${column.name}`));
  byId("which-columns").replaceChildren(...boxes);
  const say = () => (byId("which").textContent = `Which columns (${chosenColumns().length} of ${state.table.columns.length})`);
  say();
}

function chosenColumns() {
  const boxes = [...byId("which-columns").querySelectorAll("input")];
  return state.table.columns.filter((_, k) => boxes[k].checked);
}
