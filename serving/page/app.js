// The page: a table comes in, two sides are chosen, the answer is shown. This file wires the parts together.

import { drawAxes, drawScatter, estimate, showAnswer } from "./answer.js";
import { ask, useKey } from "./api.js";
import { legend } from "./categories.js";
import { chooser } from "./chooser.js";
import { byId, count, h } from "./dom.js";
import { clearProblem, complain, showProblem, stop } from "./notices.js";
import { comparePairs, offerColumns, showAllPairs, showNoPairs } from "./pairs.js";
import { state } from "./state.js";
import { readBytes, readFile, TableError } from "./table.js";

const EXAMPLES = [
  { file: "diabetes.csv", title: "Diabetes", about: "442 patients, and the disease one year later", x: "bmi", y: "progression" },
  { file: "wine.csv", title: "Wine", about: "178 wines from three cultivars", x: "flavanoids", y: "class" },
];
const sides = { x: chooser(byId("side-x"), changed), y: chooser(byId("side-y"), changed) };

async function open(read, preset = {}) {
  clearProblem();
  document.body.classList.add("loading");
  try {
    const table = await read();
    stop("answer");
    stop("pairs");
    Object.assign(state, { table, answer: null, pairs: null });
    sides.x.offer(table.columns, [preset.x ?? table.columns[0].name]);
    sides.y.offer(table.columns, [preset.y ?? table.columns.at(-1).name]);
    showTable();
    offerColumns();
    showNoPairs();
    changed();
    byId("table-name").focus();
  } catch (error) {
    if (!(error instanceof TableError)) throw error;
    showProblem("This table cannot be used", error.message);
  } finally {
    document.body.classList.remove("loading");
  }
}

async function fetchExample(file) {
  const response = await fetch(`page/examples/${file}`).catch(() => null);
  if (!response?.ok) throw new TableError(`The example ${file} could not be loaded. Is the service still running?`);
  return readBytes(await response.arrayBuffer(), file);
}

function showTable() {
  const { table } = state;
  setOpen(true);
  byId("table-name").textContent = table.name;
  byId("table-size").textContent = `${count(table.rows, "row")} × ${count(table.columns.length, "column")}`;
  const [left, taken] = [table.skipped, table.columns.filter((column) => column.texts)];
  const about = byId("about-columns");
  about.hidden = !left.length && !taken.length;
  about.querySelector("summary").textContent = [
    ...(taken.length ? [`${count(taken.length, "column")} taken as categories`] : []),
    ...(left.length ? [`${count(left.length, "column")} left out`] : []),
  ].join(", ");
  about.querySelector("ul").replaceChildren(
    ...taken.map(({ name, texts }) => h("li", {}, h("strong", {}, name), ` is text: ${legend(texts)}`)),
    ...left.map(({ name, reason }) => h("li", {}, h("strong", {}, name), ` ${reason}`)),
  );
}

function setOpen(open) {
  document.body.classList.toggle("with-table", open);
  byId("drop").hidden = byId("lead").hidden = open;
  byId("work").hidden = !open;
}

/** Another column was chosen on either side. */
function changed() {
  const [x, y] = [sides.x.chosen(), sides.y.chosen()];
  sides.x.forbid(y);
  sides.y.forbid(x);
  drawAxes(x, y);
  drawScatter(x, y);
  estimate(x, y);
}

function look(a, b) {
  sides.x.choose([a]);
  sides.y.choose([b]);
  changed();
  byId("answer").scrollIntoView({ block: "start" });
  byId("answer-title").focus({ preventScroll: true });
}

function redraw() {
  if (byId("work").hidden) return;
  drawScatter(sides.x.chosen(), sides.y.chosen());
  showAnswer();
  showAllPairs(look);
}

async function describeService() {
  try {
    const model = await ask("GET", "v1/model");
    state.limits = model.limits ?? {};
    byId("model").textContent = `weights ${model.name} ${model.version}`;
  } catch (error) {
    complain(error, describeService);
  }
}

byId("examples").replaceChildren(...EXAMPLES.map(({ file, title, about, ...preset }) =>
  h("li", {}, h("button", { class: "example", type: "button", click: () => open(() => fetchExample(file), preset) },
    h("strong", {}, title), h("span", {}, about)))));

byId("file").addEventListener("change", (event) => {
  const [file] = event.target.files;
  if (file) open(() => readFile(file));
  event.target.value = ""; // the same file may be chosen again
});
byId("other").addEventListener("click", () => {
  stop("answer");
  stop("pairs");
  setOpen(false);
  clearProblem();
  byId("file").focus();
});
byId("swap").addEventListener("click", () => {
  const [x, y] = [sides.x, sides.y].map((side) => side.chosen().map((column) => column.name));
  sides.x.choose(y);
  sides.y.choose(x);
  changed();
});
for (const name of ["unit", "level"]) {
  byId(name).addEventListener("change", (event) => {
    state[name] = name === "level" ? Number(event.target.value) : event.target.value;
    showAnswer();
    showAllPairs(look);
  });
}
for (const button of document.querySelectorAll('[name="scale"]')) {
  button.addEventListener("change", () => drawScatter(sides.x.chosen(), sides.y.chosen()));
}
byId("compare").addEventListener("click", () => comparePairs(look));
byId("stop").addEventListener("click", () => {
  stop("pairs");
  byId("pairs-status").textContent = "Stopped.";
});
byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useKey(byId("key").value);
  byId("key").value = "";
  clearProblem();
  describeService();
  if (state.table) changed();
});

let depth = 0; // of nested elements that a dragged file has entered
const hasFile = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragenter", (event) => {
  if (hasFile(event)) byId("veil").hidden = ++depth === 0;
});
addEventListener("dragleave", (event) => {
  if (hasFile(event)) byId("veil").hidden = --depth <= 0;
});
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  event.preventDefault();
  depth = 0;
  byId("veil").hidden = true;
  const [file] = event.dataTransfer?.files ?? [];
  if (file) open(() => readFile(file));
});

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
let width = innerWidth;
addEventListener("resize", () => {
  if (innerWidth === width) return; // a phone's bar that comes and goes changes the height alone
  width = innerWidth;
  redraw();
});

describeService();
