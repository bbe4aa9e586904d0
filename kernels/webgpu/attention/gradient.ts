/**
 * The gradient of attention in two passes: workgroups that own queries compute the gradient of these,
 * workgroups that own keys those of keys and values. Both compute the weights anew, and every sum has a
 * fixed order.
 *
 * @module
 */

import type { AttentionProgram } from "../../../core/program.ts";
import { keyAxis, queryAxis } from "../../plan/attention.ts";
import type { Shader } from "../shader.ts";
import type { AttentionProducts, TileRows } from "./attention_products.ts";
import { attentionShader } from "./attention_shader.ts";
import type { PassShape } from "./pass_shape.ts";
import { AttentionText, upTo } from "./attention_text.ts";
import { GradientRowText } from "./gradient_rows.ts";
import { type FourPlace, MaskText } from "./mask_text.ts";
import { chooseProducts } from "./product_choice.ts";
import { storeRows } from "./row_text.ts";
import { ScoreGradients } from "./score_gradients.ts";

/** Renders a pass of the gradient. */
export function gradientShader(program: AttentionProgram, shape: PassShape): Shader {
  return new GradientWriter(program, shape).render();
}

class GradientWriter {
  readonly #text: AttentionText;
  readonly #products: AttentionProducts;
  readonly #masks: MaskText;
  readonly #rows: GradientRowText;
  readonly #scores: ScoreGradients;
  readonly #byKeys: boolean;
  /** Operands whose rows pass by: those that scores are made of, and the others. */
  readonly #passing: readonly [number, number];
  readonly #own: readonly [number, number];

  constructor(readonly program: AttentionProgram, readonly shape: PassShape) {
    const text = this.#text = new AttentionText(program, shape);
    this.#products = chooseProducts(text);
    this.#rows = new GradientRowText(text);
    this.#masks = new MaskText(text, (at) => this.#rows.tests(at));
    this.#scores = new ScoreGradients(text, this.#masks, this.#rows);
    this.#byKeys = program.pass === "keys";
    const [queries, keys] = [[0, 3], [1, 2]] as const;
    [this.#own, this.#passing] = this.#byKeys ? [keys, queries] : [queries, keys];
  }

  render(): Shader {
    const text = this.#text;
    text.begin();
    const limit = text.size(this.#byKeys ? "keys" : "queries");
    text.add(
      ...upTo(this.shape.tiles.own).map((i) =>
        `let row${i} = min(first + ${text.row(i)}, ${limit} - 1);`
      ),
      ...this.#own.map((operand) => `let base${operand} = ${text.base(operand, !this.#byKeys)};`),
    );
    if (this.#byKeys) this.#overQueries();
    else this.#overKeys();
    return attentionShader(text, this.#masks);
  }

  /** Workgroups that own queries: all keys that these see pass by. */
  #overKeys(): void {
    const text = this.#text;
    const [queries, keys] = [text.size("queries"), text.size("keys")];
    this.#rows.own();
    this.#products.zeros("ofScores", "units");
    const last = `first + ${this.shape.tiles.rows} + ${keys} - ${queries}`;
    text.add(
      ...this.#passing.map((operand) => `let base${operand} = ${text.base(operand, true)};`),
      `let end = ${this.program.masks.causal ? `min(max(${last}, 0), ${keys})` : keys};`,
      `for (var start = 0; start < end; start += ${text.turn}) {`,
    );
    this.#masks.drawWords("start");
    this.#turn();
    text.add("}");
    this.#store("ofScores", 0, text.scale);
  }

  /** Workgroups that own keys: all queries pass by that see them, of every head that shares them. */
  #overQueries(): void {
    const text = this.#text;
    const [queries, keys] = [text.size("queries"), text.size("keys")];
    this.#products.zeros("ofScores", "units");
    this.#products.zeros("ofWeights", "units");
    const least = `max(first + ${queries} - ${keys}, 0) / ${text.turn} * ${text.turn}`;
    text.add(
      `for (var group = 0; group < ${text.size("group")}; group++) {`,
      `let number = keyNumber * ${text.size("group")} + group;`,
      ...this.#passing.map((operand) => `let base${operand} = ${text.base(operand, true)};`),
    );
    this.#masks.drawWords("first");
    text.add(
      `for (var start = ${
        this.program.masks.causal ? least : "0"
      }; start < ${queries}; start += ${text.turn}) {`,
    );
    this.#turn();
    text.add("}", "}");
    this.#store("ofScores", 0, text.scale);
    this.#store("ofWeights", 1);
  }

  #side(operand: number, isOwn: boolean): TileRows {
    const byKeys = isOwn === this.#byKeys;
    return {
      operand,
      axis: byKeys ? keyAxis : queryAxis,
      base: `base${operand}`,
      first: isOwn ? "first" : "start",
      limit: this.#text.size(byKeys ? "keys" : "queries"),
    };
  }

  #turn(): void {
    const text = this.#text;
    const places = upTo(this.shape.tiles.own).flatMap((i) =>
      upTo(text.fours.across).map((j): FourPlace => [i, j])
    );
    this.#masks.enter();
    this.#rows.enter();
    const products = (name: string, which: 0 | 1) =>
      this.#products.withRows(
        name,
        this.#side(this.#own[which], true),
        this.#side(this.#passing[which], false),
      );
    products("score", 0);
    for (const at of places) this.#scores.weigh(at);
    if (this.#byKeys) {
      this.#products.storeWeights("used");
      this.#products.withColumns("ofWeights", this.#side(this.#passing[1], false));
    }
    products("through", 1);
    for (const at of places) this.#scores.through(at);
    this.#products.storeWeights("through");
    this.#products.withColumns("ofScores", this.#side(this.#passing[0], false));
  }

  /** Stores sums as an output's rows. */
  #store(name: string, output: 0 | 1, factor?: string): void {
    const text = this.#text;
    const operand = text.inputs + output;
    const axis = this.#byKeys ? keyAxis : queryAxis;
    const base = text.base(operand, !this.#byKeys);
    storeRows(text, name, { operand, axis, base }, () => factor);
  }
}
