/**
 * The derivatives of all weights by all logits, one map for each method, with one cell chosen in all.
 *
 * @module
 */

import { element, setAttributes } from "../dom.ts";
import { type JacobianCell, negligible } from "./cell_kinds.ts";
import { type RowMethod, rowMethods, type RowResults } from "./compute.ts";
import { methodTitles } from "./method_titles.ts";
import { byMethod, methodName, threePlaces } from "./methods.ts";
import { rowWords } from "./row.ts";

/** The maps as they are drawn. */
export interface JacobianMaps {
  /** A part of the page for each method. */
  readonly parts: Readonly<Record<RowMethod, HTMLElement>>;
  /** Shows derivatives, the keys that are dropped, and the chosen cell. */
  draw(results: RowResults, dropped: readonly number[], cell: JacobianCell): void;
}

const size = rowWords.length;

/** One map for each method. */
export function jacobianMaps(onChoose: (cell: JacobianCell) => void): JacobianMaps {
  const maps = byMethod((method) => map(method, onChoose));
  const parts = byMethod((method) => maps[method].root);
  return {
    parts,
    draw(results, dropped, cell) {
      const all = rowMethods.flatMap((method) => [...results[method].jacobian]);
      const largest = Math.max(...all.map(Math.abs));
      for (const method of rowMethods) {
        drawMap(maps[method], results[method].jacobian, { dropped, cell, largest });
      }
    },
  };
}

interface JacobianMap {
  readonly root: HTMLElement;
  readonly table: HTMLTableElement;
  /** Heads of columns, and of rows. */
  readonly heads: readonly (readonly HTMLElement[])[];
  readonly cells: readonly HTMLTableCellElement[];
  readonly total: HTMLElement;
}

function map(method: RowMethod, onChoose: (cell: JacobianCell) => void): JacobianMap {
  const cells = Array.from({ length: size * size }, (_, i) => {
    const [u, j] = [Math.floor(i / size), i % size];
    const cell = element("td", { role: "gridcell", tabindex: -1 });
    cell.addEventListener("click", () => onChoose([u, j]));
    cell.addEventListener("keydown", (event) => {
      const to = beside(event.key, u, j);
      if (to === undefined) return;
      event.preventDefault();
      onChoose(to);
      cells[size * to[0] + to[1]]!.focus();
    });
    return cell;
  });
  const heads = rowWords.map((word) =>
    element("th", { scope: "col", role: "columnheader" }, element("span", {}, word))
  );
  const rowHeads = rowWords.map((word) =>
    element("th", { scope: "row", role: "rowheader" }, element("span", {}, word))
  );
  const rows = rowWords.map((_, u) =>
    element(
      "tr",
      { role: "row" },
      rowHeads[u]!,
      ...cells.slice(size * u, size * u + size),
    )
  );
  const head = element("tr", { role: "row" }, corner(), ...heads);
  const table = element(
    "table",
    {
      class: "jacobian",
      role: "grid",
      "data-method": method,
      "aria-label": `${
        methodTitles[method]
      }: derivative of each weight (rows) by each logit (columns)`,
    },
    element("thead", { role: "rowgroup" }, head),
    element("tbody", { role: "rowgroup" }, ...rows),
  );
  const total = element("p", { class: "total number" });
  const root = element("div", { class: `map ${method}` }, methodName(method), table, total);
  return { root, table, heads: [heads, rowHeads], cells, total };
}

/** Says what rows and columns are. */
function corner(): HTMLElement {
  const [columns, rows] = [element("span", {}, "logit →"), element("span", {}, "weight ↓")];
  return element("td", { role: "columnheader" }, columns, rows);
}

/** The cell that a key of the keyboard leads to. */
function beside(key: string, u: number, j: number): JacobianCell | undefined {
  const last = size - 1;
  switch (key) {
    case "ArrowUp":
      return [Math.max(0, u - 1), j];
    case "ArrowDown":
      return [Math.min(last, u + 1), j];
    case "ArrowLeft":
      return [u, Math.max(0, j - 1)];
    case "ArrowRight":
      return [u, Math.min(last, j + 1)];
    case "Home":
      return [u, 0];
    case "End":
      return [u, last];
    default:
      return undefined;
  }
}

interface Shown {
  readonly dropped: readonly number[];
  readonly cell: JacobianCell;
  /** Largest derivative of all maps, which has the full colour. */
  readonly largest: number;
}

function drawMap(map: JacobianMap, jacobian: Float32Array, shown: Shown): void {
  const { dropped, cell: [row, column], largest } = shown;
  let noise = 0;
  map.cells.forEach((cell, i) => {
    const [u, j] = [Math.floor(i / size), i % size];
    const value = jacobian[i]!;
    const chosen = u === row && j === column;
    const visible = Math.abs(value) > negligible;
    if (dropped.includes(j) && visible) noise += Math.abs(value);
    // The root shows small derivatives beside large ones.
    cell.style.setProperty(
      "--share",
      `${visible ? 100 * Math.sqrt(Math.abs(value) / largest) : 0}%`,
    );
    cell.className = [
      value > 0 ? "plus" : "minus",
      chosen ? "chosen" : "",
      dropped.includes(j) ? "dropped-logit" : "",
      dropped.includes(u) ? "dropped-weight" : "",
      dropped.includes(j) && visible ? "noise" : "",
    ].join(" ").trim();
    cell.tabIndex = chosen ? 0 : -1;
    setAttributes(cell, { "aria-selected": String(chosen) });
    cell.textContent = visible ? threePlaces(value) : "0";
  });
  for (const heads of map.heads) {
    heads.forEach((head, key) => head.classList.toggle("dropped", dropped.includes(key)));
  }
  map.total.textContent = `On dropped logits: ${noise === 0 ? "0" : threePlaces(noise)}`;
  map.total.classList.toggle("noisy", noise > 0);
  setAttributes(map.table, { "data-jacobian": jacobian.join() });
}
