// What was found for all pairs: the heat map, the list of the strongest, and the downloads.

/* global d3 */
import { byId, count, digits, h } from "./dom.js";
import { heat, standalone } from "./plots.js";
import { equivalent, factor } from "./words.js";

const FIRST = 10;

/**
 * @param {{names: string[], n: number, at: (i: number, j: number) => {mi: number, low: number, high: number}}} found in nats
 * @param {{unit: string, level: number, table: string, onPick: (a: string, b: string) => void}} view
 */
export function showMatrix(found, view) {
  const cells = [];
  const { names } = found;
  names.forEach((a, i) =>
    names.forEach((b, j) => {
      if (i === j) return;
      const nats = found.at(i, j);
      const scaled = scale(nats, view.unit);
      const interval = `${+(100 * view.level).toFixed(1)} % interval ${digits(scaled.low)} to ${digits(scaled.high)}`;
      cells.push({
        a, b, i, j, ...scaled,
        shade: equivalent(nats.mi),
        numbers: `${digits(scaled.mi)} ${view.unit}, ${interval}`,
        text: `${a} and ${b}: ${digits(scaled.mi)} ${view.unit}, ${interval}`,
        tip: `${a} · ${b}\n${digits(scaled.mi)} ${view.unit}\n${interval}`,
      });
    }),
  );
  const read = (cell, ...more) =>
    byId("reading").replaceChildren(h("strong", {}, `${cell.a} · ${cell.b}`), `: ${cell.numbers} `, ...more);
  legend(view.unit);
  byId("heat-box").classList.toggle("wide", names.length > 16);
  const svg = heat(byId("heat"), names, cells, view.unit, read);
  byId("reading").textContent = matchMedia("(hover: none)").matches
    ? "Tap a cell to read its interval."
    : "Point at a cell, or move with the arrow keys, to read its interval. A click shows the pair above.";
  keys(svg, cells, names.length, read, view.onPick);
  const strongest = cells.filter((cell) => cell.i < cell.j).sort((a, b) => b.mi - a.mi);
  list(strongest, view, FIRST);
  downloads(svg, strongest, found, view);
}

const scale = ({ mi, low, high }, unit) => ({ mi: mi * factor(unit), low: low * factor(unit), high: high * factor(unit) });

/** What the colours mean: the values at which normal columns have the correlations 0, ¼, ½, ¾ and 1. */
function legend(unit) {
  const labels = [0.25, 0.5, 0.75].map((rho) => digits(-0.5 * Math.log(1 - rho ** 2) * factor(unit)));
  byId("legend").replaceChildren(
    h("span", { class: "ramp" }),
    h("span", { class: "ticks" }, ...["0", ...labels, "∞"].map((text) => h("span", {}, text))),
    h("span", {}, `${unit}; the colour is the correlation of normal columns that tell as much`),
  );
}

function keys(svg, cells, d, read, onPick) {
  const boxes = [...svg.querySelectorAll('g[aria-label="cell"] > rect')];
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const index = (i, j) => i * (d - 1) + (j < i ? j : j - 1);
  boxes.forEach((box, k) => {
    const { a, b, i, j } = cells[k];
    box.setAttribute("role", "button");
    box.setAttribute("tabindex", k === 0 ? "0" : "-1");
    box.addEventListener("focus", () => read(cells[k]));
    box.addEventListener("click", (event) => {
      if (event.pointerType !== "touch") return onPick(a, b);
      read(cells[k], h("button", { class: "link", type: "button", click: () => onPick(a, b) }, "Show this pair"));
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        onPick(a, b);
      }
      if (!(event.key in step)) return;
      event.preventDefault();
      let [row, column] = [i + step[event.key][0], j + step[event.key][1]];
      if (row === column) [row, column] = [row + step[event.key][0], column + step[event.key][1]]; // over the diagonal
      if (row < 0 || column < 0 || row >= d || column >= d) return;
      const next = boxes[index(row, column)];
      box.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  });
}

function list(rows, view, most) {
  const head = ["pair", view.unit, `${+(100 * view.level).toFixed(1)} % interval`];
  byId("strongest").replaceChildren(
    h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, ...rows.slice(0, most).map((row) =>
      h("tr", {},
        h("td", {}, h("button", { class: "link", type: "button", click: () => view.onPick(row.a, row.b) }, `${row.a} · ${row.b}`)),
        h("td", { class: "number" }, digits(row.mi)),
        h("td", { class: "number" }, `${digits(row.low)} to ${digits(row.high)}`)))),
  );
  const more = byId("more");
  more.hidden = rows.length <= most;
  more.textContent = `Show all ${count(rows.length, "pair")}`;
  more.onclick = () => {
    list(rows, view, Infinity);
    byId("strongest").querySelectorAll("button")[most]?.focus();
  };
}

function downloads(svg, rows, found, view) {
  const stem = view.table.replace(/\.[^.]*$/, "") || "table";
  const { names, n } = found;
  const make = {
    pairs: () => ["csv", d3.csvFormatRows([
      ["a", "b", `mi_${view.unit}`, `low_${view.level}`, `high_${view.level}`, "n"],
      ...rows.map((row) => [row.a, row.b, row.mi, row.low, row.high, n]),
    ])],
    matrix: () => ["csv", d3.csvFormatRows([
      ["", ...names],
      ...names.map((name, i) => [name, ...names.map((_, j) => (i === j ? "" : found.at(i, j).mi * factor(view.unit)))]),
    ])],
    picture: () => ["svg", standalone(svg)],
  };
  for (const button of document.querySelectorAll("[data-download]")) {
    button.onclick = () => {
      const kind = button.dataset.download;
      const [suffix, text] = make[kind]();
      const type = suffix === "csv" ? "text/csv" : "image/svg+xml";
      const url = URL.createObjectURL(new Blob([text.endsWith("\n") ? text : `${text}\n`], { type }));
      h("a", { href: url, download: `${stem}-${kind}.${suffix}` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
    };
  }
}
