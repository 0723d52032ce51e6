// The pictures, drawn by Observable Plot. Colours are custom properties of style.css, so light and dark need one drawing.

/* global Plot, d3 */
import { digits } from "./dom.js";

const SHOWN = 2000; // points; more are slow to draw and hide each other

export const shownPoints = SHOWN;

export function cssColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Draws a picture of the usual size into `box`. */
function draw(box, options) {
  const narrow = box.clientWidth < 480;
  const plot = Plot.plot({
    width: Math.max(260, box.clientWidth),
    height: narrow ? 260 : 320,
    marginBottom: 40,
    style: { background: "transparent", color: "var(--ink)", fontFamily: "inherit", fontSize: "12px", overflow: "visible" },
    ...options,
  });
  box.replaceChildren(withRole(plot, "img"));
}

/** Roles for what Plot names: a picture is one thing to a screen reader, with its description; a map is a group of cells. */
function withRole(plot, role) {
  plot.setAttribute("role", role);
  for (const part of plot.querySelectorAll("g[aria-label]")) {
    if (role === "img") part.removeAttribute("aria-label");
    else part.setAttribute("role", "group");
  }
  return plot;
}

/** Ranks from 1 on; equal values share the mean of theirs. */
function ranks(values) {
  const order = d3.range(values.length).sort((i, j) => values[i] - values[j]);
  const out = new Array(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && values[order[end]] === values[order[start]]) end++;
    for (let k = start; k < end; k++) out[order[k]] = (start + 1 + end) / 2;
    start = end;
  }
  return out;
}

const FEW = 12;

/** The distinct values, in order, of a column that has no more than a dozen; null for others. */
export function fewValues(values) {
  const found = new Set();
  for (const value of values) {
    if (Number.isFinite(value)) found.add(value);
    if (found.size > FEW) return null;
  }
  return d3.sort(found);
}

/** Values moved by up to a sixth of the least gap between them, evenly (by multiples of the golden ratio). */
function spread(values, few, turn) {
  const gap = few.length > 1 ? d3.min(d3.pairs(few), ([a, b]) => b - a) : Math.abs(few[0]) || 1;
  return values.map((value, i) => value + (((i * 0.6180339887 + turn) % 1) - 0.5) * (gap / 3));
}

/** The sample as points: a and b are {name, values}, already cut to the rows to be shown. */
export function scatter(box, a, b, asRanks) {
  const few = [a, b].map((column) => (asRanks ? null : fewValues(column.values)));
  const [x, y] = [a, b].map(({ values }, k) => (asRanks ? ranks(values) : few[k] ? spread(values, few[k], k / 3) : values));
  const [xTicks, yTicks] = few.map((values) => values ?? 5);
  const suffix = asRanks ? " (rank)" : "";
  const shown = few[1] ?? d3.ticks(...d3.extent(y), 5);
  const widest = Math.max(...shown.map((tick) => d3.format("~g")(tick).length), 3);
  draw(box, {
    ariaLabel: `Scatter plot of ${b.name} against ${a.name}`,
    ariaDescription: `${x.length} points`,
    marginLeft: 20 + 7 * Math.min(widest, 12),
    x: { label: `${a.name}${suffix} →`, labelArrow: "none", nice: !few[0], ticks: xTicks },
    y: { label: `↑ ${b.name}${suffix}`, labelArrow: "none", nice: !few[1], ticks: yTicks, grid: true },
    marks: [
      Plot.dot({ length: x.length }, {
        x,
        y,
        r: x.length > 500 ? 2 : 3,
        fill: "var(--accent)",
        fillOpacity: Math.max(0.15, Math.min(0.6, 150 / x.length + 0.25)),
      }),
    ],
  });
}

/** The distribution function that the quantiles give, with the interval shaded; values in `unit`. */
export function curve(box, { quantiles, mi, low, high, level, unit }) {
  const share = (1 - level) / 2;
  const inside = [
    { value: low, level: share },
    ...quantiles.filter((q) => q.level > share + 1e-9 && q.level < 1 - share - 1e-9),
    { value: high, level: 1 - share },
  ];
  const percent = d3.format(".3~%");
  const said = (q) => `below ${digits(q.value)} ${unit}: ${percent(q.level)}`;
  draw(box, {
    ariaLabel: `Quantile curve of the mutual information, in ${unit}`,
    ariaDescription: quantiles.filter((q) => [0.05, 0.25, 0.5, 0.75, 0.95].includes(q.level)).map(said).join("; "),
    marginLeft: 48,
    x: { label: `mutual information, ${unit} →`, labelArrow: "none", domain: [0, d3.max(quantiles, (q) => q.value) || 1], ticks: 5 },
    y: { label: "↑ probability that it is less", labelArrow: "none", domain: [0, 1], tickFormat: "%", grid: true, ticks: 5 },
    marks: [
      Plot.areaY(inside, { x: "value", y1: 0, y2: "level", fill: "var(--accent)", fillOpacity: 0.18 }),
      Plot.ruleX([inside[0], inside.at(-1)], { x: "value", y1: () => 0, y2: "level", stroke: "var(--accent)", strokeDasharray: "3,3" }),
      Plot.lineY(quantiles, { x: "value", y: "level", stroke: "var(--accent)", strokeWidth: 2 }),
      Plot.dot([mi], { x: Plot.identity, y: 0.5, r: 5, fill: "var(--warm)", stroke: "var(--paper)" }),
      Plot.tip(quantiles, Plot.pointerX({ x: "value", y: "level", title: said, fontSize: 12, lineHeight: 1.3 })),
    ],
  });
}

const short = (name, most) => (name.length > most ? `${name.slice(0, most - 1)}…` : name);

/** Contrast of two relative luminances (WCAG 2). */
const contrast = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);

function luminance(colour) {
  const { r, g, b } = d3.rgb(colour);
  const [lr, lg, lb] = [r, g, b].map((v) => (v <= 10.31 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * lr + 0.7152 * lg + 0.0722 * lb;
}

/**
 * All pairs as a heat map. Colour follows the correlation of normal columns that tell as much, so that it means the same
 * for every table.
 * @param {{a: string, b: string, i: number, j: number, mi: number, shade: number, text: string, tip: string}[]} cells
 *   all (i, j), i ≠ j, row by row; mi in `unit`, shade from 0 to 1
 * @returns {SVGElement} whose cells are rect elements in the order of `cells`
 */
export function heat(box, names, cells, unit, onPoint) {
  const d = names.length;
  const letters = box.clientWidth < 480 ? 12 : 18;
  const label = 14 + 6.6 * d3.max(names, (name) => short(name, letters).length);
  const size = Math.max(16, Math.min(44, (box.clientWidth - label - 8) / d));
  const ramp = d3.interpolateRgb(cssColour("--heat-low"), cssColour("--heat-high"));
  const readable = (cell) => {
    const ground = luminance(ramp(cell.shade));
    return contrast(ground, 0) > contrast(ground, 1) ? "#000" : "#fff";
  };
  const plot = Plot.plot({
    width: label + size * d + 8,
    height: label + size * d + 8,
    marginLeft: label,
    marginTop: label,
    marginRight: 8,
    marginBottom: 8,
    padding: 0,
    ariaLabel: `Mutual information of all pairs of ${d} columns, in ${unit}`,
    ariaDescription: "Use the arrow keys to move between pairs, and Enter to look at one.",
    style: { background: "transparent", color: "var(--ink)", fontFamily: "inherit", fontSize: "12px", overflow: "visible", maxWidth: "none" },
    x: { domain: d3.range(d), axis: "top", tickFormat: (i) => short(names[i], letters), tickRotate: -90, tickSize: 0, label: null },
    y: { domain: d3.range(d), tickFormat: (i) => short(names[i], letters), tickSize: 0, label: null },
    color: { type: "linear", domain: [0, 1], interpolate: () => ramp },
    marks: [
      Plot.cell(cells, { x: "j", y: "i", fill: "shade", inset: 0.5, rx: 2, ariaLabel: "text" }),
      size >= 32
        ? Plot.text(cells, { x: "j", y: "i", text: (cell) => cell.mi.toFixed(cell.mi < 9.995 ? 2 : 0), fontSize: 11, pointerEvents: "none", fill: readable })
        : null,
      Plot.tip(cells, Plot.pointer({ x: "j", y: "i", title: "tip", fontSize: 12, lineHeight: 1.3, maxRadius: size, lineWidth: 24 })),
    ],
  });
  plot.addEventListener("input", () => plot.value && onPoint(plot.value));
  box.replaceChildren(withRole(plot, "group"));
  return plot;
}

/** A picture that stands alone: colours resolved, one namespace. */
export function standalone(svg) {
  const copy = svg.cloneNode(true);
  copy.querySelectorAll("[tabindex]").forEach((node) => node.removeAttribute("tabindex"));
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  copy.style.background = cssColour("--paper");
  copy.style.fontFamily = "sans-serif";
  const text = new XMLSerializer().serializeToString(copy);
  return text.replace(/var\((--[\w-]+)\)/g, (_, name) => cssColour(name) || "currentColor");
}
