// Columns of text as categories, with the rules of the command: a number for each different text.

const MOST = [32, 128]; // as in mutualist/categories.py
const ROWS_EACH = 4;

/** Order by code points, as the command's; JavaScript's own is that of UTF-16, in which 🌲 comes before ﬁ. */
function byCodePoint(a, b) {
  const [p, q] = [a, b].map((text) => Array.from(text, (character) => character.codePointAt(0)));
  const k = p.findIndex((code, i) => code !== q[i]);
  return k < 0 ? p.length - q.length : p[k] - (q[k] ?? -1);
}

/**
 * Codes from 0 on in the order of the texts; or the reason why the column has too many of them.
 * @param {string[]} cells without space around them, "" where one is missing
 * @param {(text: string) => boolean} isNumber
 * @returns {{values: Float64Array, texts: string[]} | {reason: string}}
 */
export function categories(cells, isNumber) {
  const counts = new Map();
  for (const cell of cells) if (cell) counts.set(cell, (counts.get(cell) ?? 0) + 1);
  const texts = [...counts.keys()];
  const of = (some) => some.reduce((sum, text) => sum + counts.get(text), 0);
  const odd = texts.filter((text) => !isNumber(text));
  if (odd.length < texts.length / 2) {
    return { reason: `has ${of(odd)} of ${cells.length} cells that are no numbers (${examples(odd)}): leave them empty` };
  }
  const shared = texts.filter((text) => counts.get(text) > 1);
  const alone = texts.length - shared.length;
  const thin = shared.length > MOST[0] && of(shared) < ROWS_EACH * shared.length;
  if (texts.length > MOST[1] || thin || 2 * alone > of(texts)) {
    const why =
      texts.length > MOST[1] ? `categories are at most ${MOST[1]}`
      : thin ? `more than ${MOST[0]} take at least ${ROWS_EACH} rows each on average`
      : `${alone} of them in one row only`;
    return { reason: `has ${texts.length} different texts (${examples(texts)}), and ${why}: group the rare ones, or encode it as numbers` };
  }
  texts.sort(byCodePoint);
  const code = new Map(texts.map((text, k) => [text, k]));
  return { values: Float64Array.from(cells, (cell) => code.get(cell) ?? NaN), texts };
}

const examples = (texts) => texts.slice(0, 3).map((text) => `“${text.slice(0, 24)}”`).join(", ");

/** What a person should know of the columns of text among those that were used. */
export const categoryNotes = (columns) =>
  columns.filter((column) => column.texts).map(({ name, texts }) => `took column ${name} as ${texts.length} ${texts.length === 1 ? "category" : "categories"}`);

/** Which number stands for which text, in words. */
export const legend = (texts) => texts.map((text, k) => `${k} is “${text.slice(0, 24)}”`).join(", ");
