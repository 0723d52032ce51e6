// One side of the question: a list of columns, one at first, each chosen in a select.

import { h } from "./dom.js";

/**
 * @param {HTMLElement} box where the selects go, a fieldset with its legend
 * @param {() => void} onChange called after a person changed something
 */
export function chooser(box, onChange) {
  const name = box.querySelector("legend").textContent;
  const rows = h("div", { class: "columns" });
  const add = h("button", { class: "button plain", type: "button", click: addOne }, "+ column");
  let offered = [];
  let forbidden = new Set();
  box.append(rows, add);

  const selects = () => [...rows.querySelectorAll("select")];
  const chosen = () => selects().map((select) => offered[select.selectedIndex]);

  function row(selected) {
    const select = h("select", { change: onChange }, ...offered.map((column) => h("option", { selected: column.name === selected }, column.name)));
    const remove = h("button", { class: "button plain remove", type: "button", click: () => {
      line.remove();
      refresh();
      onChange();
      selects()[0].focus();
    } }, "×");
    const line = h("div", { class: "column" }, select, remove);
    return line;
  }

  function addOne() {
    const taken = new Set([...forbidden, ...chosen().map((column) => column.name)]);
    const free = offered.find((column) => !taken.has(column.name));
    if (!free) return;
    rows.append(row(free.name));
    refresh();
    onChange();
    selects().at(-1).focus();
  }

  /** What is chosen elsewhere cannot be chosen here: it is greyed in each select. */
  function refresh() {
    const all = selects();
    const taken = chosen().map((column) => column.name);
    all.forEach((select, k) => {
      select.setAttribute("aria-label", all.length > 1 ? `${name}: column ${k + 1}` : `${name}: column`);
      const remove = select.nextElementSibling;
      remove.hidden = all.length === 1;
      remove.setAttribute("aria-label", `Remove ${taken[k]}`);
      [...select.options].forEach((option, j) => {
        option.disabled = j !== select.selectedIndex && (forbidden.has(option.value) || taken.includes(option.value));
      });
    });
    add.hidden = taken.length + forbidden.size >= offered.length;
  }

  function choose(names) {
    rows.replaceChildren(...names.map(row));
    refresh();
  }

  return {
    chosen,
    choose,
    offer(columns, names) {
      offered = columns;
      forbidden = new Set();
      choose(names);
    },
    forbid(columns) {
      forbidden = new Set(columns.map((column) => column.name));
      refresh();
    },
  };
}
