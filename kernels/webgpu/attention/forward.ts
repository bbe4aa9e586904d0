/**
 * The forward pass of attention in one program: the softmax of a row is carried along from turn to turn,
 * by its largest score and its sum up to there.
 *
 * **Source**: Milakov and Gimelshein 2018, "Online normalizer calculation for softmax"; Dao et al. 2022,
 * "FlashAttention".
 *
 * @module
 */

import { lowestFloat } from "../../../core/dtype.ts";
import { attentionFactor, type AttentionProgram } from "../../../core/program.ts";
import {
  allTests,
  fallbacks,
  hasTwoSums,
  keyAxis,
  maskBits,
  queryAxis,
  type RowValue,
} from "../../plan/attention.ts";
import type { Shader } from "../shader.ts";
import type { AttentionProducts, TileRows } from "./attention_products.ts";
import { attentionShader } from "./attention_shader.ts";
import type { PassShape } from "./pass_shape.ts";
import { AttentionText, components, upTo } from "./attention_text.ts";
import { type FourPlace, MaskText } from "./mask_text.ts";
import { chooseProducts } from "./product_choice.ts";
import { firstOfRow, ofRow, rowPlace, storeRows } from "./row_text.ts";

/** Suffix of a softmax's names: of the weights that are used, and of those before some were dropped. */
type Softmax = "" | "Before";

/** Renders the forward pass. */
export function forwardShader(program: AttentionProgram, shape: PassShape): Shader {
  return new ForwardWriter(program, shape).render();
}

class ForwardWriter {
  readonly #text: AttentionText;
  readonly #products: AttentionProducts;
  readonly #masks: MaskText;
  readonly #softmaxes: readonly Softmax[];

  constructor(readonly program: AttentionProgram, readonly shape: PassShape) {
    this.#text = new AttentionText(program, shape);
    this.#products = chooseProducts(this.#text);
    this.#masks = new MaskText(this.#text, ([i]) => `vec4<u32>(tests${i})`);
    this.#softmaxes = hasTwoSums(program.masks) ? ["", "Before"] : [""];
  }

  get #fallsBack(): boolean {
    return fallbacks(this.program.masks).length > 0;
  }

  render(): Shader {
    const text = this.#text;
    const { tiles } = this.shape;
    text.begin();
    const [queries, keys] = [text.size("queries"), text.size("keys")];
    const last = `first + ${tiles.rows} + ${keys} - ${queries}`;
    text.add(
      ...upTo(tiles.own).map((i) => `let row${i} = min(first + ${text.row(i)}, ${queries} - 1);`),
      ...[0, 1, 2].map((operand) => `let base${operand} = ${text.base(operand, true)};`),
      `let end = ${this.program.masks.causal ? `min(max(${last}, 0), ${keys})` : keys};`,
      ...this.#groups().flatMap((g) =>
        this.#softmaxes.flatMap((s) => [
          `var peak${s}${g}: vec4<f32>;`,
          `var sum${s}${g}: vec4<f32>;`,
        ])
      ),
      ...this.#fallsBack ? this.#rows().map((i) => `var tests${i} = ${allTests}u;`) : [],
    );
    this.#products.zeros("result", "units");
    if (this.#fallsBack) text.add("for (var attempt = 0; attempt < 3; attempt++) {");
    this.#reset();
    text.add(`for (var start = 0; start < end; start += ${text.turn}) {`);
    this.#turn();
    text.add("}");
    if (this.#fallsBack) this.#fallBack();
    this.#store();
    const flags = "var<workgroup> lost: atomic<u32>;\nvar<workgroup> again: u32;\n";
    return attentionShader(text, this.#masks, this.#fallsBack ? flags : "");
  }

  #rows(): number[] {
    return upTo(this.shape.tiles.own);
  }

  #groups(): number[] {
    return upTo(this.#text.fours.own);
  }

  #reset(): void {
    const lines = this.#groups().flatMap((g) =>
      this.#softmaxes.flatMap((s) => [
        `peak${s}${g} = vec4<f32>(${lowest});`,
        `sum${s}${g} = vec4<f32>();`,
      ])
    );
    this.#text.add(...lines);
    if (!this.#fallsBack) return;
    for (const i of this.#rows()) {
      this.#text.add(
        `var met${i} = 0u;`,
        ...upTo(this.#text.fours.units).map((j) => `result${i}_${j} = vec4<f32>();`),
      );
    }
  }

  #side(operand: 0 | 1 | 2): TileRows {
    const own = operand === 0;
    return {
      operand,
      axis: own ? queryAxis : keyAxis,
      base: `base${operand}`,
      first: own ? "first" : "start",
      limit: this.#text.size(own ? "queries" : "keys"),
    };
  }

  #turn(): void {
    const text = this.#text;
    const { masks } = this.program;
    const places = this.#rows().flatMap((i) =>
      upTo(text.fours.across).map((j): FourPlace => [i, j])
    );
    this.#masks.drawWords("start");
    this.#masks.enter();
    this.#products.withRows("score", this.#side(0), this.#side(1));
    const factor = masks.weights !== undefined && masks.rest === "factor";
    for (const at of places) {
      const scored = this.#masks.scored(at);
      const weighed = this.#masks.weighed(at);
      this.#name("scored", scored, at);
      this.#name("weighed", weighed, at);
      this.#name("used", factor ? scored : this.#masks.both(scored, weighed), at);
      this.#meet(at);
    }
    if (this.#softmaxes.length > 1) this.#carry("Before", "scored");
    this.#carry("", "used");
    for (const [i, j] of places) {
      text.add(
        ...upTo(j === 0 ? text.fours.units : 0).map((u) =>
          `result${i}_${u} *= ${ofRow("shrink", i)};`
        ),
      );
      if (factor && this.#named.has(`weighed${i}_${j}`)) {
        text.add(`weight${i}_${j} = select(vec4<f32>(), weight${i}_${j}, weighed${i}_${j});`);
      }
    }
    this.#products.storeWeights("weight");
    this.#products.withColumns("result", this.#side(2));
  }

  /** Tests of a turn that there are. */
  readonly #named = new Set<string>();

  #name(name: string, test: string | undefined, [i, j]: FourPlace): void {
    if (test === undefined) return;
    this.#named.add(`${name}${i}_${j}`);
    this.#text.add(`let ${name}${i}_${j} = ${test};`);
  }

  /** Notes which parts of the masks a row has met a key in, where masks fall back on these. */
  #meet(at: FourPlace): void {
    const parts = fallbacks(this.program.masks);
    if (parts.length === 0) return;
    const [i, j] = at;
    const note = (bit: number, test: string | undefined) =>
      this.#text.add(
        `met${i} |= ${test === undefined ? `${bit}u` : `select(0u, ${bit}u, any(${test}))`};`,
      );
    const own = (name: string) =>
      this.#named.has(`${name}${i}_${j}`) ? `${name}${i}_${j}` : undefined;
    if (parts.includes("scores")) note(maskBits.visible, this.#masks.visible(at));
    note(maskBits.scores, own("scored"));
    if (parts.includes("weights")) note(maskBits.weights, own("used"));
  }

  /** Takes the scores of a turn into a softmax: their weights, and what earlier ones shrink by. */
  #carry(s: Softmax, test: "scored" | "used"): void {
    const text = this.#text;
    const kept = (value: string, [i, j]: FourPlace, otherwise: string) =>
      this.#named.has(`${test}${i}_${j}`)
        ? `select(vec4<f32>(${otherwise}), ${value}, ${test}${i}_${j})`
        : value;
    for (const i of this.#rows()) {
      const most = upTo(text.fours.across).map((j) => kept(`score${i}_${j}`, [i, j], lowest))
        .reduce((a, b) => `max(${a}, ${b})`);
      text.add(`let most${s}${i} = ${most};`);
    }
    for (const g of this.#groups()) {
      const rows = upTo(4).map((r) => {
        const most = `most${s}${4 * g + r}`;
        return `max(max(${most}.x, ${most}.y), max(${most}.z, ${most}.w))`;
      });
      text.add(`var highest${s}${g} = vec4<f32>(${rows.join(", ")});`);
    }
    text.join(`highest${s}`, (a, b) => `max(${a}, ${b})`);
    for (const g of this.#groups()) {
      const [peak, sum, shrink] = [`peak${s}${g}`, `sum${s}${g}`, `shrink${s}${g}`];
      text.add(
        `highest${s}${g} = max(highest${s}${g}, ${peak});`,
        `let ${shrink} = exp((${peak} - highest${s}${g}) * ${text.scale});`,
        `${peak} = highest${s}${g};`,
        `${sum} *= ${shrink};`,
      );
    }
    const weight = s === "" ? "weight" : "weightBefore";
    for (const i of this.#rows()) {
      for (const j of upTo(text.fours.across)) {
        const shifted = `exp((score${i}_${j} - ${ofRow(`peak${s}`, i)}) * ${text.scale})`;
        text.add(
          `var ${weight}${i}_${j} = ${kept(shifted, [i, j], "")};`,
          `${ofRow(`sum${s}`, i)} += dot(${weight}${i}_${j}, vec4<f32>(1.0));`,
        );
      }
    }
  }

  /** Goes through all keys again where a row has lost all that it sees to a mask. */
  #fallBack(): void {
    const text = this.#text;
    text.add(
      "if (t == 0) { atomicStore(&lost, 0u); }",
      ...this.#groups().map((g) =>
        `var every${g} = vec4<f32>(vec4<u32>(${upTo(4).map((r) => `met${4 * g + r}`).join(", ")}));`
      ),
    );
    text.join("every", (a, b) => `vec4<f32>(vec4<u32>(${a}) | vec4<u32>(${b}))`);
    text.add("var isLost = false;");
    for (const i of this.#rows()) {
      const met = `u32(every${i >> 2}.${components[i & 3]})`;
      for (const part of fallbacks(this.program.masks)) {
        // Of what was there before the mask nothing is left.
        const [before, after] = part === "scores"
          ? [maskBits.visible, maskBits.scores]
          : [maskBits.scores, maskBits.weights];
        text.add(
          `if ((${met} & ${before | after}u) == ${before}u) {`,
          `tests${i} &= ${allTests & ~maskBits[part]}u; isLost = true;`,
          "}",
        );
      }
    }
    text.add(
      "if (isLost) { atomicStore(&lost, 1u); }",
      "workgroupBarrier();",
      "if (t == 0) { again = atomicLoad(&lost); }",
      "if (workgroupUniformLoad(&again) == 0u) { break; }",
      "}",
    );
  }

  #store(): void {
    const text = this.#text;
    const { masks } = this.program;
    const { inputs } = text;
    for (const s of this.#softmaxes) {
      text.join(`sum${s}`, (a, b) => `${a} + ${b}`);
      for (const g of this.#groups()) {
        const sum = `sum${s}${g}`;
        text.add(
          `let reciprocal${s}${g} = 1.0 / select(${sum}, vec4<f32>(1.0), ${sum} == vec4<f32>());`,
        );
      }
    }
    const values = (i: number): (readonly [RowValue, string])[] => [
      ["peak", ofRow("peak", i)],
      ["reciprocal", ofRow("reciprocal", i)],
      ...this.#fallsBack ? [["tests", `f32(tests${i})`] as const] : [],
      ...this.#softmaxes.length === 1 ? [] : [
        ["peakBefore", ofRow("peakBefore", i)] as const,
        ["reciprocalBefore", ofRow("reciprocalBefore", i)] as const,
      ],
    ];
    firstOfRow(
      text,
      "queries",
      (i) =>
        values(i).map(([name, value]) =>
          `a${inputs + 1}[${rowPlace(text, inputs + 1, `row${i}`, name)}] = ${value};`
        ),
    );
    const factor = masks.weights !== undefined && masks.rest === "factor"
      ? ` * ${text.scalar(attentionFactor, "f32")}`
      : "";
    const target = { operand: inputs, axis: queryAxis, base: text.base(inputs, true) };
    storeRows(text, "result", target, (i) => `(${ofRow("reciprocal", i)}${factor})`);
  }
}

const lowest = `${lowestFloat}f`;
