/**
 * The gradient of fused attention, in two passes: blocks that own queries compute the gradient of
 * these, blocks that own keys those of keys and values. Both compute the weights anew, and every sum has
 * a fixed order.
 *
 * @module
 */

import { attentionFactor, type AttentionProgram, attentionScale } from "../../../core/program.ts";
import { hasTwoSums, keyAxis, queryAxis } from "../../plan/attention.ts";
import { floatText, type PtxProgram } from "../ptx/text.ts";
import { type AttentionShape, attentionThreads, ownedRows } from "./attention_shape.ts";
import type { ElementPlace } from "./element_place.ts";
import { AttentionFrame } from "./frame.ts";
import { GradientRows } from "./gradient_rows.ts";
import { MaskSteps } from "./mask_steps.ts";
import { storeSums } from "./row_values.ts";
import { writeWeight } from "./softmax_steps.ts";
import { TileCopy } from "./tile_copy.ts";
import { type Sums, TileProducts } from "./tile_products.ts";
import { TurnLoop, type TurnPlace } from "./turn_loop.ts";

/** Renders a pass of the gradient. */
export function renderGradient(program: AttentionProgram, shape: AttentionShape): PtxProgram {
  return new GradientWriter(program, shape).render();
}

class GradientWriter {
  readonly #frame: AttentionFrame;
  readonly #own: readonly TileCopy[];
  readonly #copies: readonly TileCopy[];
  readonly #products: TileProducts;
  readonly #masks: MaskSteps;
  readonly #rows: GradientRows;
  readonly #turns: TurnLoop;
  readonly #bytes: number;
  /** Of queries; or of keys, and of values. */
  readonly #sums: readonly string[][][];
  /** Turns of 2 that a unit of a product stands for. */
  readonly #scale: string;

  constructor(program: AttentionProgram, shape: AttentionShape) {
    const frame = this.#frame = new AttentionFrame(program, shape);
    const { turn, padded } = shape;
    const byKeys = program.pass === "keys";
    // Queries and the gradient of the result, or keys and values: by one pair pass the others.
    const [own, other] = byKeys ? [[1, 2], [0, 3]] as const : [[0, 3], [1, 2]] as const;
    const [ownAxis, axis] = byKeys ? [keyAxis, queryAxis] : [queryAxis, keyAxis];
    const pair = (operands: readonly [number, number], along: number, rows: number) => {
      const first = new TileCopy(frame, operands[0], along, rows, 0);
      return [first, new TileCopy(frame, operands[1], along, rows, first.bytes)];
    };
    this.#own = pair(own, ownAxis, ownedRows);
    this.#copies = pair(other, axis, turn);
    this.#products = new TileProducts(frame);
    const bytes = (copies: readonly TileCopy[]) =>
      copies.reduce((sum, each) => sum + each.bytes, 0);
    const behind = bytes(this.#copies);
    this.#rows = new GradientRows(frame, behind);
    this.#masks = new MaskSteps(
      frame,
      frame.ownRows(),
      behind,
      (row, column) => this.#rows.tests(row, column),
    );
    const stage = behind + (this.#masks.shares ? 4 * turn : this.#rows.bytes);
    this.#turns = new TurnLoop(frame, this.#copies, bytes(this.#own), stage);
    this.#bytes = bytes(this.#own) + 2 * stage;
    this.#sums = (byKeys ? [0, 1] : [0]).map(() => this.#products.zeros(padded));
    this.#scale = frame.turns();
  }

  render(): PtxProgram {
    const { text, first, program: { pass } } = this.#frame;
    const tiles = text.into("b32", "mov.u32", "tiles");
    const limit = this.#frame.size(pass === "keys" ? "keys" : "queries");
    for (const own of this.#own) {
      own.begin(this.#frame.base(own.operand), first, limit, tiles);
      own.finish();
    }
    if (pass === "queries") {
      this.#masks.begin(this.#frame.head);
      this.#rows.own();
    }
    this.#turns.write({
      copy: (turn, limit) => this.#rows.copy(turn, limit),
      share: (turn) => this.#masks.shares && this.#masks.share(turn),
      use: (turn) => this.#use(tiles, turn),
    });
    const scale = this.#frame.scalar(attentionScale, "f32");
    const { inputs } = this.#frame;
    if (pass === "queries") {
      storeSums(this.#frame, [inputs, queryAxis], this.#sums[0]!, [scale, scale]);
    } else {
      const one = text.into("f32", "mov.f32", floatText(1));
      storeSums(this.#frame, [inputs, keyAxis], this.#sums[0]!, [scale, scale]);
      storeSums(this.#frame, [inputs + 1, keyAxis], this.#sums[1]!, [one, one]);
    }
    return text.program(attentionThreads, this.#bytes);
  }

  #use(tiles: string, turn: TurnPlace): void {
    const { shape, program: { pass } } = this.#frame;
    if (pass === "keys") this.#masks.begin(turn.head);
    this.#rows.enter(turn);
    this.#masks.enter(turn);
    const products = (which: 0 | 1): Sums =>
      this.#products.withRows(
        [tiles, this.#own[which]!.place],
        [turn.stage, this.#copies[which]!.place],
        shape.turn,
      );
    const scores = products(0);
    this.#masks.over(scores, (x, scored) => this.#masks.without(x, scored));
    const weights = scores.map((four, j) =>
      four.map((x, i) => this.#weights(x, [j, (i >> 1) as 0 | 1, (i & 1) as 0 | 1]))
    );
    if (pass === "keys") {
      const used = weights.map((four) => four.map(({ used }) => used));
      this.#products.withColumns(used, [turn.stage, this.#copies[1]!.place], this.#sums[1]!);
    }
    const through = products(1).map((four, j) =>
      four.map((g, i) =>
        this.#through(g, weights[j]![i]!, [j, (i >> 1) as 0 | 1, (i & 1) as 0 | 1])
      )
    );
    this.#products.withColumns(through, [turn.stage, this.#copies[0]!.place], this.#sums[0]!);
  }

  /** Weight of an element as it was used, and as the gradient of its row's sum has it. */
  #weights(x: string, at: ElementPlace): { readonly used: string; readonly before: string } {
    const { text, program: { masks } } = this.#frame;
    const weigh = (x: string, late: boolean) => {
      const peak = this.#rows.value(late ? "peakBefore" : "peak", at);
      const sum = this.#rows.value(late ? "reciprocalBefore" : "reciprocal", at);
      return text.into("f32", "mul.rn.f32", writeWeight(text, x, peak, this.#scale), sum);
    };
    if (masks.weights === undefined) {
      const used = weigh(x, false);
      return { used, before: used };
    }
    if (masks.rest === "factor") {
      const before = weigh(x, false);
      const factor = this.#frame.scalar(attentionFactor, "f32");
      const used = text.into("f32", "mul.rn.f32", before, factor);
      const weighed = this.#masks.weighed(at);
      const left = weighed === undefined
        ? used
        : text.into("f32", "selp.f32", used, floatText(0), weighed);
      return { used: left, before };
    }
    const before = hasTwoSums(masks) ? weigh(x, true) : undefined;
    this.#masks.without(x, this.#masks.weighed(at));
    const used = weigh(x, false);
    return { used, before: before ?? used };
  }

  /** Gradient of a score, but for the factor of all. */
  #through(
    g: string,
    { used, before }: { readonly used: string; readonly before: string },
    at: ElementPlace,
  ): string {
    const { text } = this.#frame;
    const product = this.#rows.value("product", at);
    if (used === before) {
      return text.into("f32", "mul.rn.f32", used, text.into("f32", "sub.rn.f32", g, product));
    }
    const own = text.into("f32", "mul.rn.f32", used, g);
    return text.into("f32", "sub.rn.f32", own, text.into("f32", "mul.rn.f32", before, product));
  }
}
