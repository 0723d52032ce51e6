// One question and its answer: the number, what it means, the sample, the quantile curve.

import { ask } from "./api.js";
import { categoryNotes } from "./categories.js";
import { byId, count, digits, h } from "./dom.js";
import { during } from "./notices.js";
import { curve, fewValues, scatter, shownPoints } from "./plots.js";
import { bounds, LEVELS, mostRows, rowNotes, state } from "./state.js";
import { completeRows, pick, someRows } from "./table.js";
import { correlation, factor, meaning } from "./words.js";

/** Asks about the columns x and y, and shows the answer. */
export async function estimate(x, y) {
  const rows = completeRows([...x, ...y]);
  const used = someRows(rows, mostRows(x.length + y.length));
  const work = async (signal, onWait) => {
    const body = { x: pick(x, used), y: pick(y, used), quantiles: LEVELS };
    const answer = await ask("POST", "v1/estimate", body, { signal, onWait });
    answer.warnings = answer.warnings.map((text) => withNames(text, { x, y }));
    answer.warnings.unshift(...rowNotes(rows.length, used.length, state.table.rows), ...categoryNotes([...x, ...y]));
    state.answer = { answer, x, y, used };
    showAnswer();
  };
  await during("answer", work, { onAgain: () => estimate(x, y), onFailure: clearAnswer });
}

/** A warning with the names of the columns, which the service was not told. */
const withNames = (text, sides) => text.replace(/\b([xy])\[(\d+)\]/g, (_, side, k) => sides[side][k].name);

export function showAnswer() {
  if (!state.answer) return;
  const { answer, x, y, used } = state.answer;
  const { unit, level } = state;
  const k = factor(unit);
  const [low, high] = bounds(answer.quantiles, level);
  const names = [x, y].map((columns) => columns.map((column) => column.name));
  const single = x.length === 1 && y.length === 1;
  const ordered = ![...x, ...y].some((column) => column.texts?.length > 2); // a straight line through categories means nothing
  const straight = single && ordered ? correlation(pick(x, used), pick(y, used)) : null;
  const [headline, ...sentences] = meaning({ mi: answer.mi, low, high, level, off: answer.expected_error }, ...names, straight);
  byId("result").replaceChildren(
    h("p", { class: "number-line" },
      h("span", { class: "big" }, digits(answer.mi * k)), ` ${unit} `,
      h("span", { class: "interval" }, `${+(100 * level).toFixed(1)} % interval ${digits(low * k)} to ${digits(high * k)}`)),
    h("p", { class: "headline" }, headline),
    h("ul", { class: "meaning" }, ...sentences.map((text) => h("li", {}, text))),
    ...(answer.warnings.length
      ? [h("div", { class: "notice warn" }, h("p", {}, h("strong", {}, "Before you rely on it")), h("ul", {}, ...answer.warnings.map((text) => h("li", {}, text))))]
      : []),
  );
  const scaled = answer.quantiles.map((q) => ({ level: q.level, value: q.value * k }));
  curve(byId("curve"), { quantiles: scaled, mi: answer.mi * k, low: low * k, high: high * k, level, unit });
  byId("again").textContent = again(state.table.name, ...names);
}

function again(file, x, y) {
  const shell = (text) => (/^[\w./:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
  const columns = (names) => `table.columns([${names.map((name) => JSON.stringify(name)).join(", ")}])`;
  const words = ["mutualist estimate", shell(file), "--x", shell(x.join(",")), "--y", shell(y.join(","))];
  if (state.unit !== "nats") words.push("--unit", state.unit);
  if (state.level !== 0.9) words.push("--level", state.level);
  if (state.answer.used.length < state.table.rows) words.push("--nan-policy omit");
  words.push("--url", location.origin + location.pathname.replace(/\/$/, ""));
  return [
    words.join(" "),
    "",
    "from mutualist import MutualInfoEstimator",
    "from mutualist.tables import read_table",
    "",
    `table = read_table(${JSON.stringify(file)})`,
    "estimator = MutualInfoEstimator.from_pretrained()",
    `r = estimator.estimate(${columns(x)}, ${columns(y)}, nan_policy="omit")`,
    `r.mi, r.interval(${state.level})  # in nats`,
  ].join("\n");
}

function clearAnswer() {
  state.answer = null;
  byId("result").replaceChildren(h("p", { class: "headline" }, "No answer yet."));
  byId("curve").replaceChildren();
}

/** The selects for the axes, where a side has several columns. */
export function drawAxes(x, y) {
  const several = x.length > 1 || y.length > 1;
  const select = (id, columns, label) =>
    h("select", { id, "aria-label": label, change: () => drawScatter(x, y) }, ...columns.map((column) => h("option", {}, column.name)));
  byId("axes").replaceChildren(...(several ? [select("axis-x", x, "Column on the x axis"), " and ", select("axis-y", y, "Column on the y axis")] : []));
}

/** One column of x against one of y. */
export function drawScatter(xs, ys) {
  const x = xs[byId("axis-x")?.selectedIndex ?? 0];
  const y = ys[byId("axis-y")?.selectedIndex ?? 0];
  const rows = completeRows([x, y]);
  const shown = someRows(rows, shownPoints);
  const cut = (column) => ({ name: column.name, values: pick([column], shown) });
  const ranked = document.querySelector('[name="scale"]:checked').value === "ranks";
  if (shown.length) scatter(byId("scatter"), cut(x), cut(y), ranked);
  else byId("scatter").replaceChildren(h("p", { class: "small" }, "No row has values in both columns."));
  byId("scatter-note").textContent = [
    shown.length < rows.length ? `A random ${shown.length.toLocaleString("en")} of ${count(rows.length, "row")} are drawn.` : "",
    !ranked && [x, y].some((column) => fewValues(column.values)) ? "Points of columns with few values are spread a little, to be seen." : "",
    ranked ? "The estimate depends on ranks alone: this is what it sees of these two columns." : "",
  ].join(" ");
}
