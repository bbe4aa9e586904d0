/**
 * What stands in the chosen cell, in words, as the paper's equation and in numbers, below each map.
 *
 * @module
 */

import { element } from "../dom.ts";
import { formula, fraction, indexed, primed, row } from "../math.ts";
import {
  accountOf,
  type CellKind,
  cellKinds,
  type JacobianCell,
  kindOfCell,
  negligible,
} from "./cell_kinds.ts";
import { type RowMethod, rowMethods, type RowResults } from "./compute.ts";
import { byMethod, threePlaces } from "./methods.ts";
import { rowWords } from "./row.ts";

/** The explanation as it is drawn. */
export interface Explanation {
  /** Buttons, one for each kind of cell. */
  readonly kinds: HTMLElement;
  /** What the chosen cell is. */
  readonly sentence: HTMLElement;
  /** A part for each method. */
  readonly parts: Readonly<Record<RowMethod, HTMLElement>>;
  /** Explains a cell. */
  draw(results: RowResults, dropped: readonly number[], cell: JacobianCell): void;
}

const kindNames: Readonly<Record<CellKind, string>> = {
  own: "Its own logit",
  other: "Another kept word’s logit",
  noise: "A dropped word’s logit",
  gone: "A dropped word’s weight",
};

/** Why a method has what it has in a kind of cell. */
const reasons: Readonly<Record<CellKind, Readonly<Record<RowMethod, string>>>> = {
  own: {
    dropkey: "The slope of softmax over the words that are left.",
    dropattention: "The divisor moves along, and makes up for the words that are gone.",
    nograd:
      "The divisor stands still, so this is the slope of the full row, only enlarged. Too steep.",
  },
  other: {
    dropkey: "Words compete: when one gains, all others lose their share of it.",
    dropattention: "The same competition, by way of the divisor.",
    nograd: "The competition of the full row, enlarged once instead of twice. Too weak.",
  },
  noise: {
    dropkey: "The word is gone. Its logit changes nothing, so it has nothing to learn.",
    dropattention: "What comes through the weights is cancelled by what comes through the divisor.",
    nograd: "The word is gone, and yet its logit is told to move. This is the noise.",
  },
  gone: {
    dropkey: "A dropped word has the weight 0, whatever the logits are.",
    dropattention: "The mask makes it 0, whatever the logits are.",
    nograd: "The mask makes it 0, whatever the logits are.",
  },
};

/** Equation of a kind of cell under a method. */
function equationOf(method: RowMethod, kind: CellKind): Element {
  const [w, v] = [(i: string) => indexed("w", i), (i: string) => primed("w", i)];
  const byS = (...above: readonly (Element | string)[]) => fraction(row(...above), "S");
  const zero = kind === "gone" || (kind === "noise" && method !== "nograd");
  const by = { own: "u", other: "v", noise: "m", gone: "v" }[kind];
  const of = kind === "gone" ? "m" : "u";
  const slope = fraction(row("∂", v(of)), row("∂", indexed("g", by)));
  if (zero) return formula(slope, "=", "0");
  if (method === "nograd") {
    return kind === "own"
      ? formula(slope, "=", byS(w("u"), "(", "1", "−", w("u"), ")"))
      : formula(slope, "=", "−", byS(w("u"), w(by)));
  }
  return kind === "own"
    ? formula(slope, "=", v("u"), "(", "1", "−", v("u"), ")")
    : formula(slope, "=", "−", v("u"), v("v"));
}

/** The explanation, of which nothing is said before a cell is drawn. */
export function explanation(onKind: (kind: CellKind) => void): Explanation {
  const buttons = cellKinds.map((kind) => {
    const button = element("button", { type: "button", "data-kind": kind }, kindNames[kind]);
    button.addEventListener("click", () => onKind(kind));
    return button;
  });
  const parts = byMethod((method) => element("div", { class: `account ${method}` }));
  const sentence = element("p", { class: "sentence", role: "status" });
  return {
    kinds: element(
      "div",
      { class: "kinds", role: "group", "aria-label": "Kinds of cells" },
      ...buttons,
    ),
    sentence,
    parts,
    draw(results, dropped, cell) {
      const kind = kindOfCell(cell, dropped);
      buttons.forEach((button, i) => {
        button.setAttribute("aria-pressed", String(cellKinds[i] === kind));
        const needs = cellKinds[i] === "noise" || cellKinds[i] === "gone";
        button.disabled = needs && dropped.length === 0;
      });
      const text = sentenceOf(cell, kind);
      if (sentence.textContent !== text) sentence.textContent = text;
      for (const method of rowMethods) {
        parts[method].replaceChildren(...account(method, kind, { results, dropped, cell }));
      }
    },
  };
}

function sentenceOf([u, j]: JacobianCell, kind: CellKind): string {
  const [weight, logit] = [rowWords[u]!, rowWords[j]!];
  switch (kind) {
    case "own":
      return `If the logit of “${logit}” grew a little, how fast would its own weight follow?`;
    case "other":
      return `If the logit of “${logit}” grew a little, how fast would the weight of “${weight}” follow?`;
    case "noise":
      return `“${logit}” is dropped. If its logit grew a little, how fast would the weight of “${weight}” follow?`;
    case "gone":
      return `“${weight}” is dropped. If the logit of “${logit}” grew a little, how fast would its weight follow?`;
  }
}

interface Explained {
  readonly results: RowResults;
  readonly dropped: readonly number[];
  readonly cell: JacobianCell;
}

function account(method: RowMethod, kind: CellKind, { results, dropped, cell }: Explained): Node[] {
  const { equation, numbers } = accountOf(method, cell, results.before, dropped);
  const found = results[method].jacobian[rowWords.length * cell[0] + cell[1]]!;
  const shown = Math.abs(found) > negligible ? threePlaces(found) : "0";
  const value = element("strong", { class: "number", "data-value": found }, shown);
  const source = equation === undefined ? "not in the paper" : `Eq. ${equation} of the paper`;
  return [
    element("p", { class: "equation" }, equationOf(method, kind)),
    element(
      "p",
      { class: "numbers number" },
      ...(numbers === undefined ? [] : [`= ${numbers} `]),
      "= ",
      value,
    ),
    element(
      "p",
      { class: "reason" },
      reasons[kind][method],
      " ",
      element("small", {}, `(${source})`),
    ),
  ];
}
