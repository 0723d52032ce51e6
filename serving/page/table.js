// A table from delimited text, with the rules of the command: named columns of numbers or categories, gaps allowed.

/* global d3 */
import { categories } from "./categories.js";

const GAPS = new Set(["", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "#N/A", "#NA", "#N/A N/A"]);
const TRUTH = new Set(["true", "false"]);
const MOST_BYTES = 100 * 2 ** 20;

/** What is wrong with a table, in words for the person who brought it. */
export class TableError extends Error {}

/** Reads a file that was chosen or dropped. */
export async function readFile(file) {
  if (file.size > MOST_BYTES) {
    throw new TableError(
      `${file.name} has ${Math.round(file.size / 2 ** 20)} MiB; this page reads up to ${MOST_BYTES / 2 ** 20}. ` +
        "Sample its rows, or use the command line.",
    );
  }
  return readBytes(await file.arrayBuffer(), file.name);
}

/** @returns {{name: string, rows: number, columns: {name: string, values: Float64Array, texts?: string[]}[], skipped: {name: string, reason: string}[]}} */
export function readBytes(buffer, name) {
  const start = new Uint8Array(buffer, 0, Math.min(4, buffer.byteLength));
  const magic = String.fromCharCode(...start);
  if (magic === "PAR1" || magic.startsWith("PK") || magic.startsWith("\x1f\x8b")) {
    throw new TableError(`${name} is not plain text. Save the table as CSV; the command reads Parquet and .csv.gz as well.`);
  }
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(buffer);
  } catch {
    throw new TableError(`${name} is not UTF-8 text. Save it as CSV, with the encoding UTF-8.`);
  }
  if (!text.trim()) throw new TableError(`${name} is empty. A header line and rows of numbers are needed.`);
  return readText(text, name);
}

function readText(text, name) {
  const header = text.slice(0, (text.indexOf("\n") + 1 || text.length + 1) - 1);
  const delimiter = header.includes(",") ? "," : d3.greatest([";", "\t", "|"], (d) => header.split(d).length);
  const rows = d3.dsvFormat(delimiter).parseRows(text);
  const names = rows.shift().map((cell) => cell.trim());
  while (rows.length && rows.at(-1).every((cell) => !cell.trim())) rows.pop();
  if (!rows.length) throw new TableError(`${name} has a header but no rows. Add rows of numbers.`);
  if (names.length > 1 && names.every((cell) => cell && Number.isFinite(Number(cell)))) {
    throw new TableError(`${name} starts with numbers (${names.slice(0, 4).join(", ")}). Columns are used by name: add a header line.`);
  }
  const uneven = rows.findIndex((row) => row.length !== names.length && row.some((cell) => cell.trim()));
  if (uneven >= 0) {
    throw new TableError(
      `Line ${uneven + 2} of ${name} has ${rows[uneven].length} cells and the header has ${names.length}. ` +
        "Give every row as many cells as the header.",
    );
  }
  const columns = [];
  const skipped = [];
  const seen = new Set();
  names.forEach((title, j) => {
    const cells = rows.map((row) => (row[j] ?? "").trim());
    const unnamed = !title ? "has no name (a row index?)" : seen.has(title) ? "has the name of an earlier column" : "";
    const { reason, ...found } = unnamed ? { reason: unnamed } : readCells(cells);
    seen.add(title);
    if (reason) skipped.push({ name: title || `column ${j + 1}`, reason });
    else columns.push({ name: title, ...found });
  });
  if (columns.length < 2) {
    const found = columns.length ? `only ${columns[0].name}` : "none";
    const why = skipped.slice(0, 5).map((s) => `${s.name} ${s.reason}`).join("; ");
    throw new TableError(`Two columns of numbers or categories are needed, and ${name} has ${found}${why ? `: ${why}` : ""}.`);
  }
  return { name, rows: rows.length, columns, skipped };
}

/** The values of a column, and its texts in the order of their codes if it has some; or the reason why it cannot be used. */
function readCells(cells) {
  const known = cells.map((cell) => (GAPS.has(cell) ? "" : cell));
  if (!known.some((cell) => cell)) return { reason: "has no values" };
  const values = Float64Array.from(known, number);
  if (known.every((cell, i) => !cell || !Number.isNaN(values[i]))) return { values };
  return categories(known, (text) => !TRUTH.has(text.toLowerCase()) && !Number.isNaN(number(text)));
}

function number(cell) {
  if (!cell) return NaN;
  const small = cell.toLowerCase();
  if (small === "true") return 1;
  if (small === "false") return 0;
  if (/^[+-]?inf(inity)?$/.test(small)) return small.startsWith("-") ? -Infinity : Infinity;
  return /^0[xbo]/.test(small) ? NaN : Number(cell);
}

/** Indices of the rows in which all given columns have finite values. */
export function completeRows(columns) {
  const rows = [];
  for (let i = 0; i < columns[0].values.length; i++) {
    if (columns.every((column) => Number.isFinite(column.values[i]))) rows.push(i);
  }
  return rows;
}

/** `most` of the rows, chosen at random but the same each time (a linear congruence), in order. */
export function someRows(rows, most) {
  if (rows.length <= most) return rows;
  const chosen = rows.slice();
  let seed = 1;
  for (let i = 0; i < most; i++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const j = i + Math.floor((seed / 2 ** 32) * (chosen.length - i));
    [chosen[i], chosen[j]] = [chosen[j], chosen[i]];
  }
  return chosen.slice(0, most).sort((a, b) => a - b);
}

/** The given rows of columns: numbers if there is one column, rows of numbers if several. */
export function pick(columns, rows) {
  if (columns.length === 1) return rows.map((i) => columns[0].values[i]);
  return rows.map((i) => columns.map((column) => column.values[i]));
}
