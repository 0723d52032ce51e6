// Small helpers for elements; text goes in as text, never as HTML.

export const byId = (id) => document.getElementById(id);

/** An element with attributes (functions become listeners) and children. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

/** A number as people read it: three digits, no exponent for what is near 1. */
export function digits(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  return value < 0.0995 ? value.toFixed(3) : value < 99.5 ? value.toPrecision(value < 9.995 ? 3 : 4) : value.toFixed(0);
}
