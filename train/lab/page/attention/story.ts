/**
 * The words around the figures of a row of attention.
 *
 * @module
 */

import { type Child, element } from "../dom.ts";
import {
  formula,
  fraction,
  indexed,
  type MathPart,
  mathText,
  primed,
  row,
  sumOver,
} from "../math.ts";
import { type RowMethod, rowMethods } from "./compute.ts";
import type { Explanation } from "./explanation.ts";
import type { JacobianMaps } from "./jacobians.ts";
import { caption } from "./methods.ts";

const p = (...children: readonly Child[]) => element("p", {}, ...children);
const em = (text: string) => element("em", {}, text);
const b = (text: string) => element("strong", {}, text);
const h3 = (text: string) => element("h3", {}, text);
const code = (text: string) => element("code", {}, text);

/** Logits, and how a key is dropped. */
export function startStory(bars: HTMLElement, controls: HTMLElement): Node[] {
  return [
    p(
      "A model reads ",
      em("The cat that saw mice was very tired"),
      " and stops at ",
      em("tired"),
      ": who is tired? It gives each word a score, its ",
      b("logit"),
      ". Softmax then turns the eight logits into eight ",
      b("weights"),
      " that add up to 1: how much of each word goes into what the model thinks next.",
    ),
    p(
      "To keep a model from leaning on one word alone, training drops words at random. Here you may do it yourself.",
    ),
    element(
      "figure",
      {},
      element("div", { class: "panel" }, bars, controls),
      caption(
        "Drag a bar, press a word.",
        "A pressed word is dropped; on a bar, arrow keys move it and Enter drops its word. Or let a rate and a seed choose: these are the masks that the library draws in training, the same for the same seed on every machine.",
      ),
    ),
  ];
}

/** Three ways to the same weights. */
export function forwardStory(weights: HTMLElement): Node[] {
  const w = (i: string) => indexed("w", i);
  const g = (i: string) => row("exp", indexed("g", i));
  const kept = () => row("i", "∈", mathText("kept"));
  return [
    h3("Three roads to the same weights"),
    element(
      "dl",
      { class: "roads" },
      ...road("dropkey", "DropKey", ["softmax(logits + log(mask))"], [
        "Hides a word before softmax: its logit becomes −∞, which is the logarithm of 0. The words that are left share everything.",
        equation("5", primed("w", "u"), "=", fraction(g("u"), sumOver(kept(), g("i")))),
      ]),
      ...road("dropattention", "DropAttention without NoGrad", [halves, "kept / sum(kept)"], [
        "Hides it after softmax: its weight becomes 0, and the others are divided by their sum S.",
        equation(
          "6",
          primed("w", "u"),
          "=",
          fraction(w("u"), sumOver(kept(), w("i"))),
          "=",
          fraction(w("u"), "S"),
        ),
      ]),
      ...road("nograd", "DropAttention with NoGrad", [halves, "kept / noGrad(sum(kept))"], [
        "Divides by the same S, but learning is told to take S for a constant. This is what the paper calls DropAttention. The whole difference is one call.",
      ]),
    ),
    element(
      "figure",
      {},
      weights,
      caption(
        "Whatever you drop, the three bars of a word are equally high.",
        "Equations 5 and 6 are one and the same. Going forward, nobody could tell the methods apart.",
      ),
    ),
  ];
}

const small = (text: string) => element("small", {}, text);

const halves = "kept = softmax(logits) * mask";

function equation(number: string, ...terms: readonly MathPart[]): HTMLElement {
  return element("span", { class: "equation" }, formula(...terms), small(`Eq. ${number}`));
}

/** A method: its name, what it does, and that as a program. */
function road(
  method: RowMethod,
  name: string,
  program: readonly string[],
  said: readonly Child[],
): Node[] {
  const sample = element("span", { class: `sample ${method}`, "aria-hidden": "true" });
  const lines = program.flatMap((line) => [code(line), element("br")]);
  return [
    element("dt", {}, sample, name),
    element("dd", {}, ...said, element("p", { class: "program" }, ...lines)),
  ];
}

/** Derivatives, cell by cell. */
export function backwardStory(maps: JacobianMaps, explained: Explanation): Node[] {
  return [
    h3("Going backward, they part"),
    p(
      "Learning asks another question: if a logit grew a little, how fast would each weight follow? For eight weights and eight logits that makes 64 answers, a cell each. The library finds them by differentiating the very lines above.",
    ),
    p(
      "A word that was dropped can change nothing, whatever its logit, so the column below its name should be empty. With DropAttention its logit still reaches the other weights by two paths: through softmax, and through the sum S. They cancel, up to rounding. NoGrad closes the second path, and what comes by the first stays.",
    ),
    element(
      "figure",
      {},
      element(
        "div",
        { class: "panel" },
        explained.kinds,
        explained.sentence,
        element(
          "div",
          { class: "maps" },
          ...rowMethods.map((method) =>
            element("div", { class: "side" }, maps.parts[method], explained.parts[method])
          ),
        ),
        element(
          "p",
          { class: "legend scale" },
          sample("plus", "the weight grows with the logit"),
          sample("minus", "it shrinks"),
          sample("noise", "on a dropped logit"),
        ),
      ),
      caption(
        "Look at the columns of dropped words: with NoGrad they are not empty.",
        "Rows are weights, columns are logits. Choose a cell, also with the arrow keys; here w are the weights before the drop, w′ those after it, and S is the sum of the w that are kept.",
      ),
    ),
  ];
}

function sample(name: string, meaning: string): HTMLElement {
  const shown = element("span", { class: `sample ${name}`, "aria-hidden": "true" });
  return element("span", { class: "method" }, shown, meaning);
}

/** How far the rest is off. */
export function kStory(curve: HTMLElement): Node[] {
  return [
    h3("k: how much of the slope is real"),
    p(
      "NoGrad also bends what remains. For the weight of a kept word and its own logit, the true slope (Eq. 7) over the one with NoGrad (Eq. 9) is",
    ),
    element(
      "p",
      { class: "equation display" },
      formula(
        "k",
        "=",
        fraction(row("1", "−", primed("w", "u")), row("1", "−", indexed("w", "u"))),
        "<",
        "1",
      ),
      small("Eq. 10"),
    ),
    p(
      "The more a dropped word weighed, the more the others gain when it goes: w′ rises above w, and k falls. Dropping what matters most is then what misleads learning most.",
    ),
    element(
      "figure",
      {},
      curve,
      caption(
        "Move the dropped word’s logit to the right: k falls.",
        "Each point of the curve is a quotient of two derivatives that the library has computed; the dot is where the row above stands.",
      ),
    ),
  ];
}
