/**
 * Weights of scores, computed anew, and gradients of scores.
 *
 * @module
 */

import { attentionFactor } from "../../../core/program.ts";
import { hasTwoSums } from "../../plan/attention.ts";
import type { AttentionText } from "./attention_text.ts";
import type { GradientRowText } from "./gradient_rows.ts";
import type { FourPlace, MaskText } from "./mask_text.ts";

/** Writes both, four scores at a time: `score` is read, `used` is made, and `through` becomes the gradient. */
export class ScoreGradients {
  /**
   * @param text What a pass shares
   * @param masks Which scores take part
   * @param rows Values of their rows
   */
  constructor(
    readonly text: AttentionText,
    readonly masks: MaskText,
    readonly rows: GradientRowText,
  ) {}

  /** Weights of four scores as they were used, and as the gradient of their row's sum has them. */
  weigh(at: FourPlace): void {
    const { text } = this;
    const { masks } = text.program;
    const name = at.join("_");
    const scored = this.masks.scored(at);
    const weighed = this.masks.weighed(at);
    const weigh = (late: "" | "Before", kept: string | undefined) => {
      const [peak, reciprocal] = (["peak", "reciprocal"] as const).map((value) =>
        this.rows.value(`${value}${late}`, at)
      );
      const value = `exp((score${name} - ${peak}) * ${text.scale}) * ${reciprocal}`;
      return kept === undefined ? value : `select(vec4<f32>(), ${value}, ${kept})`;
    };
    if (masks.weights === undefined) return text.add(`let used${name} = ${weigh("", scored)};`);
    if (masks.rest === "factor") {
      const factor = text.scalar(attentionFactor, "f32");
      return text.add(
        `let before${name} = ${weigh("", scored)};`,
        `let used${name} = select(vec4<f32>(), before${name} * ${factor}, ${weighed});`,
      );
    }
    text.add(`let used${name} = ${weigh("", this.masks.both(scored, weighed))};`);
    if (hasTwoSums(masks)) text.add(`let before${name} = ${weigh("Before", scored)};`);
  }

  /** Gradients of four scores, but for the factor of all; of those that take no part they are zero. */
  through(at: FourPlace): void {
    const { text } = this;
    const { masks } = text.program;
    const name = at.join("_");
    const product = this.rows.value("product", at);
    const hasBefore = masks.weights !== undefined && (masks.rest === "factor" || hasTwoSums(masks));
    const [value, kept] = hasBefore
      ? [`used${name} * through${name} - before${name} * ${product}`, this.masks.scored(at)]
      : [
        `used${name} * (through${name} - ${product})`,
        this.masks.both(this.masks.scored(at), this.masks.weighed(at)),
      ];
    // A weight of zero times a product that is not finite is NaN.
    const chosen = kept === undefined ? value : `select(vec4<f32>(), ${value}, ${kept})`;
    text.add(`through${name} = ${chosen};`);
  }
}
