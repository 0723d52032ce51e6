// What a number means, in words.

import { digits } from "./dom.js";

const NATS_PER_BIT = Math.LN2;

export const factor = (unit) => (unit === "bits" ? 1 / NATS_PER_BIT : 1);

/** The correlation of two normal variables whose mutual information is `mi` nats: sqrt(1 - exp(-2 mi)) (Linfoot 1957). */
export const equivalent = (mi) => Math.sqrt(1 - Math.exp(-2 * mi));

const STEPS = [
  [0.1, "next to nothing"],
  [0.3, "a little"],
  [0.5, "something"],
  [0.75, "a good deal"],
  [0.95, "very much"],
  [Infinity, "nearly everything"],
];

/** A correlation: never rounded up to 1, which would say that nothing is left to tell. */
const hundredth = (value) => {
  if (value <= 0.995) return value.toFixed(2);
  return value < 0.9999 ? (Math.floor(value * 1e4) / 1e4).toString() : "more than 0.9999";
};

/** "a", "a and b", "a, b and c" */
export const listed = (names) => (names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`);

/**
 * Sentences about one estimate; the first is the headline.
 * @param {{mi: number, low: number, high: number, level: number, off: number|null}} estimate in nats; `off` is the error to expect
 * @param {string[]} x names of the columns of X, and y those of Y
 * @param {number|null} pearson the correlation of the sample, where X and Y are one column each
 */
export function meaning({ mi, low, high, level, off }, x, y, pearson) {
  const rho = equivalent(mi);
  const amount = STEPS.find(([most]) => rho < most)[1];
  const [a, b] = [listed(x), listed(y)];
  const percent = `${+(100 * level).toFixed(1)} %`;
  const sure = low >= 0.005 || rho < 0.1;
  const headline = sure ? `${a} ${x.length > 1 ? "tell" : "tells"} ${amount} about ${b}.` : `${a} may tell ${amount} about ${b}, or nothing.`;
  const sentences = [
    `It is as much as two normally distributed columns with a correlation of ${rho < 0.9999 ? "±" : ""}${hundredth(rho)} tell about each other ` +
      `(interval ${hundredth(equivalent(low))} to ${hundredth(equivalent(high))}).`,
    `It is ${digits(mi / NATS_PER_BIT)} bits or ${digits(mi)} nats. One toss of a fair coin is 1 bit, or 0.693 nats.`,
    `${percent} of such intervals hold the true value` +
      (Number.isFinite(off) ? `, and estimates of such samples are off by ${digits(off)} nats on average.` : ".") +
      (low < 0.005 ? " This one reaches down to zero, so the sample does not rule out that the two are independent." : ""),
  ];
  if (rho > 0.995) sentences.push("If one determines the other exactly, the true value has no bound, and this is as much as so few rows can show.");
  if (pearson !== null && Number.isFinite(pearson)) {
    const straight = Math.abs(pearson);
    let remark = `The straight-line correlation of the sample is ${pearson.toFixed(2).replace("-", "−")}`;
    if (equivalent(low) > straight + 0.1) remark += ", so a straight line misses part of what is there";
    else if (equivalent(low) > 0.1 && Math.abs(rho - straight) < 0.1) remark += ", so a straight line shows most of it";
    sentences.push(`${remark}.`);
  }
  return [headline, ...sentences];
}

/** Pearson's correlation of two lists of numbers; NaN if one is constant. */
export function correlation(a, b) {
  const mean = (v) => v.reduce((sum, value) => sum + value, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    ab += (value - ma) * (b[i] - mb);
    aa += (value - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}
