/**
 * The forward pass of fused attention: the softmax of a row is carried along from turn to turn, by its
 * largest score and its sum up to there.
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
import { floatText, type PtxProgram } from "../ptx/text.ts";
import { type AttentionShape, attentionThreads, ownedRows } from "./attention_shape.ts";
import type { ElementPlace } from "./element_place.ts";
import { AttentionFrame } from "./frame.ts";
import { MaskSteps } from "./mask_steps.ts";
import { reciprocalOf, rowAddress, storeSums, storeWords, valueAddress } from "./row_values.ts";
import { joinQuad, writeWeight } from "./softmax_steps.ts";
import { TileCopy } from "./tile_copy.ts";
import { type Sums, TileProducts } from "./tile_products.ts";
import { TurnLoop, type TurnPlace } from "./turn_loop.ts";

/** The softmax of the lane's two rows, up to the turn at hand. */
interface RunningSoftmax {
  readonly peaks: readonly string[];
  readonly sums: readonly string[];
}

/** Renders the forward pass. */
export function renderForward(program: AttentionProgram, shape: AttentionShape): PtxProgram {
  return new ForwardWriter(program, shape).render();
}

class ForwardWriter {
  readonly #frame: AttentionFrame;
  readonly #own: TileCopy;
  readonly #copies: readonly TileCopy[];
  readonly #products: TileProducts;
  readonly #masks: MaskSteps;
  readonly #turns: TurnLoop;
  readonly #bytes: number;
  /** Bits of the masks that each row tests, and parts in which it has met a key. */
  readonly #tests: readonly [string, string];
  readonly #met: readonly [string, string];
  readonly #used: RunningSoftmax;
  readonly #before: RunningSoftmax | undefined;
  readonly #sums: string[][];
  /** Turns of 2 that a unit of a product stands for. */
  readonly #scale: string;

  constructor(program: AttentionProgram, shape: AttentionShape) {
    const frame = this.#frame = new AttentionFrame(program, shape);
    const { text } = frame;
    const { turn, padded } = shape;
    this.#own = new TileCopy(frame, 0, queryAxis, ownedRows, 0);
    const keys = new TileCopy(frame, 1, keyAxis, turn, 0);
    const values = new TileCopy(frame, 2, keyAxis, turn, keys.bytes);
    this.#copies = [keys, values];
    this.#products = new TileProducts(frame);
    this.#tests = [word(frame, allTests), word(frame, allTests)];
    this.#met = [word(frame, 0), word(frame, 0)];
    const words = keys.bytes + values.bytes;
    this.#masks = new MaskSteps(frame, frame.ownRows(), words, (row) => this.#tests[row]);
    const stage = words + (this.#masks.shares ? 4 * turn : 0);
    this.#turns = new TurnLoop(frame, this.#copies, this.#own.bytes, stage);
    this.#bytes = this.#own.bytes + 2 * stage;
    const running = () => ({
      peaks: [text.register("f32"), text.register("f32")],
      sums: [text.register("f32"), text.register("f32")],
    });
    this.#used = running();
    this.#before = hasTwoSums(program.masks) ? running() : undefined;
    this.#sums = this.#products.zeros(padded);
    this.#scale = frame.turns();
  }

  render(): PtxProgram {
    const { text } = this.#frame;
    const tiles = text.into("b32", "mov.u32", "tiles");
    this.#own.begin(
      this.#frame.base(0),
      this.#frame.first,
      this.#frame.size("queries"),
      tiles,
    );
    this.#own.finish();
    this.#masks.begin(this.#frame.head);
    const again = text.label();
    text.place(again);
    this.#reset();
    this.#turns.write({
      share: (turn) => this.#masks.shares && this.#masks.share(turn),
      use: (turn) => this.#use(tiles, turn),
    });
    this.#fallBack(again);
    this.#store();
    return text.program(attentionThreads, this.#bytes);
  }

  #reset(): void {
    const { text } = this.#frame;
    for (const { peaks, sums } of [this.#used, ...(this.#before ? [this.#before] : [])]) {
      for (const peak of peaks) text.add(`mov.f32 ${peak}, ${floatText(lowestFloat)}`);
      for (const sum of sums) text.add(`mov.f32 ${sum}, ${floatText(0)}`);
    }
    for (const sum of this.#sums.flat()) text.add(`mov.f32 ${sum}, ${floatText(0)}`);
    for (const row of this.#met) text.add(`mov.u32 ${row}, 0`);
  }

  #use(tiles: string, turn: TurnPlace): void {
    const { text, shape, program: { masks } } = this.#frame;
    const [keys, values] = this.#copies as readonly [TileCopy, TileCopy];
    this.#masks.enter(turn);
    const scores = this.#products.withRows([tiles, 0], [turn.stage, keys.place], shape.turn);
    this.#masks.over(scores, (x, scored, at) => {
      this.#meet("visible", this.#masks.visible(at), at);
      this.#meet("scores", scored, at);
      this.#masks.without(x, scored);
    });
    if (this.#before !== undefined) this.#carry(this.#before, scores);
    const factor = masks.rest === "factor";
    if (masks.weights !== undefined && !factor) {
      this.#each(scores, (x, at) => {
        const weighed = this.#masks.weighed(at);
        this.#meetBoth(weighed, at);
        this.#masks.without(x, weighed);
        return x;
      });
    }
    const { weights, shrinks } = this.#carry(this.#used, scores);
    for (const sum of this.#sums) {
      sum.forEach((register, i) =>
        text.add(`mul.rn.f32 ${register}, ${register}, ${shrinks[i >> 1]}`)
      );
    }
    const used = masks.weights === undefined || !factor ? weights : this.#each(
      weights,
      (x, at) => {
        const weighed = this.#masks.weighed(at);
        return weighed === undefined ? x : text.into("f32", "selp.f32", x, floatText(0), weighed);
      },
    );
    this.#products.withColumns(used, [turn.stage, values.place], this.#sums);
  }

  #each(sums: Sums, make: (x: string, at: ElementPlace) => string): Sums {
    return sums.map((four, j) =>
      four.map((x, i) => make(x, [j, (i >> 1) as 0 | 1, (i & 1) as 0 | 1]))
    );
  }

  /** Notes that a row has met a key, where masks fall back on what it has met. */
  #meet(part: "visible" | "scores", predicate: string | undefined, [, row]: ElementPlace): void {
    const parts = fallbacks(this.#frame.program.masks);
    const wanted = part === "visible" ? parts.includes("scores") : parts.length > 0;
    if (!wanted) return;
    const guard = predicate === undefined ? "" : `@${predicate} `;
    const own = this.#met[row];
    this.#frame.text.add(`${guard}or.b32 ${own}, ${own}, ${maskBits[part]}`);
  }

  /** Notes that a weight is left of a score that took part. */
  #meetBoth(weighed: string | undefined, at: ElementPlace): void {
    const { text } = this.#frame;
    const scored = this.#masks.scored(at);
    const own = this.#met[at[1]];
    const both = scored === undefined || weighed === undefined
      ? scored ?? weighed
      : text.into("pred", "and.pred", scored, weighed);
    const guard = both === undefined ? "" : `@${both} `;
    text.add(`${guard}or.b32 ${own}, ${own}, ${maskBits.weights}`);
  }

  /** Takes the scores of a turn into a softmax; gives their weights and what earlier ones shrink by. */
  #carry(
    { peaks, sums }: RunningSoftmax,
    scores: Sums,
  ): { readonly weights: Sums; readonly shrinks: readonly string[] } {
    const { text } = this.#frame;
    const shrinks = peaks.map((peak, r) => {
      const most = text.into("f32", "mov.f32", floatText(-Infinity));
      for (const four of scores) {
        for (const x of four.slice(2 * r, 2 * r + 2)) text.add(`max.f32 ${most}, ${most}, ${x}`);
      }
      joinQuad(text, "max.f32", most);
      text.add(`max.f32 ${most}, ${most}, ${peak}`);
      const shrink = writeWeight(text, peak, most, this.#scale);
      text.add(`mov.f32 ${peak}, ${most}`);
      text.add(`mul.rn.f32 ${sums[r]}, ${sums[r]}, ${shrink}`);
      return shrink;
    });
    const weights = this.#each(scores, (x, [, r]) => {
      const weight = writeWeight(text, x, peaks[r]!, this.#scale);
      text.add(`add.rn.f32 ${sums[r]}, ${sums[r]}, ${weight}`);
      return weight;
    });
    return { weights, shrinks };
  }

  /** Goes through all keys again where a row has lost all that it sees to a mask. */
  #fallBack(again: string): void {
    const { text, program: { masks } } = this.#frame;
    const parts = fallbacks(masks);
    if (parts.length === 0) return;
    let anew: string | undefined;
    const limit = this.#frame.size("queries");
    this.#frame.ownRows().forEach((row, r) => {
      const own = this.#met[r as 0 | 1];
      joinQuad(text, "or.b32", own);
      const within = text.into("pred", "setp.lt.s32", row, limit);
      for (const part of parts) {
        // Of what was there before the mask nothing is left.
        const [before, after] = part === "scores"
          ? [maskBits.visible, maskBits.scores]
          : [maskBits.scores, maskBits.weights];
        const both = text.into("b32", "and.b32", own, before | after);
        const lost = text.into("pred", "setp.eq.and.u32", both, before, within);
        const tests = this.#tests[r as 0 | 1];
        text.add(`@${lost} and.b32 ${tests}, ${tests}, ${allTests & ~maskBits[part]}`);
        anew = anew === undefined ? lost : text.into("pred", "or.pred", anew, lost);
      }
    });
    const any = text.register("pred");
    text.add(`bar.red.or.pred ${any}, 0, ${anew}`);
    text.add(`@${any} bra ${again}`);
  }

  #store(): void {
    const frame = this.#frame;
    const { text, program: { masks } } = frame;
    const base = rowAddress(frame, frame.inputs + 1, frame.firstHead);
    const store = (value: RowValue, words: readonly string[]) =>
      storeWords(frame, valueAddress(frame, base, value), words);
    const reciprocals = (running: RunningSoftmax) =>
      running.sums.map((sum) => {
        joinQuad(text, "add.rn.f32", sum);
        return reciprocalOf(frame, sum);
      });
    const used = reciprocals(this.#used);
    store("peak", this.#used.peaks);
    store("reciprocal", used);
    if (fallbacks(masks).length > 0) store("tests", this.#tests);
    if (this.#before !== undefined) {
      store("peakBefore", this.#before.peaks);
      store("reciprocalBefore", reciprocals(this.#before));
    }
    const factors = masks.weights !== undefined && masks.rest === "factor"
      ? used.map((one) => text.into("f32", "mul.rn.f32", one, frame.scalar(attentionFactor, "f32")))
      : used;
    storeSums(frame, [frame.inputs, queryAxis], this.#sums, factors as [string, string]);
  }
}

/** A register that holds a word. */
function word(frame: AttentionFrame, value: number): string {
  return frame.text.into("b32", "mov.u32", value);
}
