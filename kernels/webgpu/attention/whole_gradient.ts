/**
 * The gradient of attention over short texts in one program: a workgroup has all queries and keys of a head,
 * so that weights are computed anew once.
 *
 * @module
 */

import type { AttentionProgram } from "../../../core/program.ts";
import { keyAxis, queryAxis } from "../../plan/attention.ts";
import type { Shader } from "../shader.ts";
import type { AttentionProducts, TileRows } from "./attention_products.ts";
import { attentionShader } from "./attention_shader.ts";
import { AttentionText, upTo } from "./attention_text.ts";
import { GradientRowText } from "./gradient_rows.ts";
import { type FourPlace, MaskText } from "./mask_text.ts";
import type { PassShape } from "./pass_shape.ts";
import { chooseProducts } from "./product_choice.ts";
import { ofRow, storeRows } from "./row_text.ts";
import { ScoreGradients } from "./score_gradients.ts";

/** Renders the pass. */
export function wholeGradientShader(program: AttentionProgram, shape: PassShape): Shader {
  return new WholeGradientWriter(program, shape).render();
}

class WholeGradientWriter {
  readonly #text: AttentionText;
  readonly #products: AttentionProducts;
  readonly #masks: MaskText;
  readonly #rows: GradientRowText;
  readonly #scores: ScoreGradients;

  constructor(program: AttentionProgram, shape: PassShape) {
    const text = this.#text = new AttentionText(program, shape);
    this.#products = chooseProducts(text);
    this.#rows = new GradientRowText(text);
    this.#masks = new MaskText(text, (at) => this.#rows.tests(at));
    this.#scores = new ScoreGradients(text, this.#masks, this.#rows);
  }

  render(): Shader {
    const text = this.#text;
    text.begin();
    text.add(
      ...upTo(text.shape.tiles.own).map((i) =>
        `let row${i} = min(first + ${text.row(i)}, ${text.size("queries")} - 1);`
      ),
      ...[1, 2].map((operand) => `let base${operand} = ${text.base(operand, false)};`),
      "let start = 0;",
    );
    this.#products.zeros("ofKeys", "units");
    this.#products.zeros("ofValues", "units");
    text.add(
      `for (var group = 0; group < ${text.size("group")}; group++) {`,
      `let number = keyNumber * ${text.size("group")} + group;`,
      ...[0, 3].map((operand) => `let base${operand} = ${text.base(operand, true)};`),
    );
    this.#masks.drawWords("start");
    this.#ofScores();
    this.#products.storeWeights("through");
    this.#products.zeros("ofQueries", "units");
    this.#products.withColumns("ofQueries", this.#side(1));
    this.#store("ofQueries", 0, text.scale);
    this.#products.storeTurned("used");
    this.#products.withColumns("ofValues", this.#side(3));
    this.#products.storeTurned("through");
    this.#products.withColumns("ofKeys", this.#side(0));
    text.add("}");
    this.#store("ofKeys", 1, text.scale);
    this.#store("ofValues", 2);
    return attentionShader(text, this.#masks);
  }

  #side(operand: 0 | 1 | 2 | 3): TileRows {
    const ofQueries = operand === 0 || operand === 3;
    return {
      operand,
      axis: ofQueries ? queryAxis : keyAxis,
      base: `base${operand}`,
      first: "start",
      limit: this.#text.size(ofQueries ? "queries" : "keys"),
    };
  }

  /** Weights and gradients of all scores. */
  #ofScores(): void {
    const text = this.#text;
    const places = upTo(text.shape.tiles.own).flatMap((i) =>
      upTo(text.fours.across).map((j): FourPlace => [i, j])
    );
    this.#masks.enter();
    this.#rows.load();
    this.#products.withRows("score", this.#side(0), this.#side(1));
    for (const at of places) this.#scores.weigh(at);
    this.#products.withRows("through", this.#side(3), this.#side(2));
    text.add(...upTo(text.fours.own).map((g) => `var product${g} = vec4<f32>();`));
    for (const [i, j] of places) {
      text.add(`${ofRow("product", i)} += dot(used${i}_${j}, through${i}_${j});`);
    }
    text.join("product", (a, b) => `${a} + ${b}`);
    for (const at of places) this.#scores.through(at);
  }

  #store(name: string, output: 0 | 1 | 2, factor?: string): void {
    const text = this.#text;
    const operand = text.inputs + output;
    const base = text.base(operand, output === 0);
    const axis = output === 0 ? queryAxis : keyAxis;
    storeRows(text, name, { operand, axis, base }, () => factor);
  }
}
