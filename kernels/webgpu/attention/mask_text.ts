/**
 * Which scores of a turn take part. What varies along keys alone is drawn once a key, as a word of bits
 * in workgroup memory; what varies along queries too is drawn pair by pair, into bits of a register.
 *
 * @module
 */

import { topological } from "../../../core/expr.ts";
import { attentionInputs, type AttentionMasks } from "../../../core/program.ts";
import { fallbacks, maskBits, type MaskPart } from "../../plan/attention.ts";
import { type Leaves, statement, variableName } from "../expression.ts";
import { type AttentionText, upTo } from "./attention_text.ts";

/** Where a score is: a row of the invocation, and four of its columns. */
export type FourPlace = readonly [i: number, j: number];

const parts = Object.keys(maskBits) as MaskPart[];

/** Writes masks. */
export class MaskText {
  readonly #text: AttentionText;
  readonly #masks: AttentionMasks;
  readonly #byKeys: boolean;
  /** Parts that vary from pair to pair, and those that do not. */
  readonly #pair: readonly MaskPart[];
  readonly #key: readonly MaskPart[];

  /**
   * @param text What a pass shares
   * @param tests Bits that a query tests, as text of a vector of words
   */
  constructor(text: AttentionText, readonly tests: (at: FourPlace) => string) {
    this.#text = text;
    this.#masks = text.program.masks;
    this.#byKeys = text.program.pass === "keys";
    const present = parts.filter((part) => this.#masks[part] !== undefined);
    this.#pair = present.filter((part) => this.#masks[part]!.level === 3);
    this.#key = present.filter((part) => this.#masks[part]!.level !== 3);
  }

  /** Functions that give the bits of the parts by which a key, or a pair, is out. */
  functions(): string {
    const bits = (own: readonly MaskPart[]) =>
      own.map((part) => {
        const value = variableName(this.#masks[part]!);
        return `select(0u, ${maskBits[part]}u, ${part === "visible" ? `!${value}` : value})`;
      }).join(" | ");
    const render = (name: string, own: readonly MaskPart[], coordinates: string) => {
      if (own.length === 0) return "";
      const nodes = topological(own.map((part) => this.#masks[part]!));
      const body = nodes.filter(({ op }) => op !== "constant").map((e) =>
        statement(e, this.#leaves(own === this.#pair))
      );
      return `fn ${name}(batch: i32, keyHead: i32, group: i32, ${coordinates}) -> u32 {
${body.join("\n")}
return ${bits(own)};
}
`;
    };
    return render("outByKey", this.#key, "key: i32") +
      render("outByPair", this.#pair, "query: i32, key: i32");
  }

  /** How leaves are read at the coordinates of a function. */
  #leaves(pairs: boolean): Leaves {
    const text = this.#text;
    const at = (operand: number) => {
      const steps = ["batch", "keyHead", "group", pairs ? "query" : "0", "key"].map((c, axis) =>
        ` + ${c} * ${text.step(operand, axis)}`
      );
      return `${text.offset(operand)}${steps.join("")}`;
    };
    return {
      element: (_, slot) => {
        const operand = attentionInputs(text.program) + slot;
        return `a${operand}[${at(operand)}]`;
      },
      index: (slot) => `bitcast<u32>(${at(text.shape.operands + slot)})`,
      scalar: (slot, kind) => text.scalar(slot, kind),
      get columns(): string {
        throw new TypeError("Cannot read the length of a row in a mask");
      },
    };
  }

  /** Workgroup memory of the words of keys. */
  shared(): string {
    const { turn, shape: { tiles } } = this.#text;
    const count = this.#byKeys ? tiles.rows : turn;
    return this.#key.length === 0 ? "" : `var<workgroup> words: array<u32, ${count}>;\n`;
  }

  /** Draws the words of keys from `from` on; whoever reads them waits at a barrier before. */
  drawWords(from: string): void {
    if (this.#key.length === 0) return;
    const { invocations, turn, shape: { tiles } } = this.#text;
    const key = `min(${from} + i, ${this.#text.size("keys")} - 1)`;
    this.#text.add(
      `for (var i = t; i < ${this.#byKeys ? tiles.rows : turn}; i += ${invocations}) {`,
      `words[i] = outByKey(batch, keyHead, group, ${key});`,
      "}",
    );
  }

  /** Draws what varies from pair to pair, and names the columns of a turn from `start` on. */
  enter(): void {
    const text = this.#text;
    for (const j of upTo(text.fours.across)) {
      const first = `start + (${text.columnVector("across", j)}) * 4`;
      text.add(`let column${j} = vec4<i32>(0, 1, 2, 3) + ${first};`);
    }
    if (this.#pair.length === 0) return;
    const { tiles: { own, across, rows } } = text.shape;
    const ends = [text.size("queries"), text.size("keys")];
    const [row, column] = this.#byKeys ? ["key", "query"] : ["query", "key"];
    const [rowEnd, columnEnd] = this.#byKeys ? [ends[1], ends[0]] : ends;
    const rowStep = rows / text.fours.own;
    const columnStep = text.turn / text.fours.across;
    text.add(
      ...this.#pair.map((part) => `var drawn_${part} = 0u;`),
      `for (var e = 0; e < ${own * across}; e++) {`,
      `let i = e / ${across}; let j = e % ${across};`,
      `let ${row} = min(first + (i >> 2u) * ${rowStep} + down * 4 + (i & 3), ${rowEnd} - 1);`,
      `let ${column} = min(start + (j >> 2u) * ${columnStep} + along * 4 + (j & 3), ${columnEnd} - 1);`,
      "let out = outByPair(batch, keyHead, group, query, key);",
      ...this.#pair.map((part) =>
        `drawn_${part} |= select(0u, 1u, (out & ${maskBits[part]}u) != 0u) << u32(e);`
      ),
      "}",
    );
  }

  /** Whether four scores take part in the softmax; nothing where all always do. */
  scored(at: FourPlace): string | undefined {
    return this.#within(["visible", "scores"], at);
  }

  /** Whether they are seen. */
  visible(at: FourPlace): string | undefined {
    return this.#within(["visible"], at);
  }

  /** Whether their weights are left, where they took part. */
  weighed(at: FourPlace): string | undefined {
    return this.#within(["weights"], at);
  }

  /** Both of two tests. */
  both(a: string | undefined, b: string | undefined): string | undefined {
    return a === undefined || b === undefined ? a ?? b : `(${a} & ${b})`;
  }

  #within(own: readonly MaskPart[], at: FourPlace): string | undefined {
    const tests = [
      ...(own.includes("visible") ? this.#places(at) : []),
      this.#byWord(own.filter((part) => this.#key.includes(part)), at),
      ...own.filter((part) => this.#pair.includes(part)).map((part) => this.#byPair(part, at)),
    ];
    return tests.reduce((a, b) => this.both(a, b), undefined);
  }

  /** Whether keys are no later than their query, and there are so many rows. */
  #places([i, j]: FourPlace): string[] {
    const { program: { masks }, shape: { ragged } } = this.#text;
    const beyond = `${this.#text.size("keys")} - ${this.#text.size("queries")}`;
    const passing = this.#text.size(this.#byKeys ? "queries" : "keys");
    const own = `vec4<i32>(row${i} ${this.#byKeys ? "- (" : "+ ("}${beyond}))`;
    return [
      ...(masks.causal ? [`(column${j} ${this.#byKeys ? ">=" : "<="} ${own})`] : []),
      ...(ragged ? [`(column${j} < vec4<i32>(${passing}))`] : []),
    ];
  }

  #byWord(own: readonly MaskPart[], at: FourPlace): string | undefined {
    if (own.length === 0) return undefined;
    const text = this.#text;
    const [i, j] = at;
    const mask = `${own.reduce((sum, part) => sum | maskBits[part], 0)}u`;
    const minds = own.some((part) => fallbacks(this.#masks).includes(part));
    const first = text.columnVector("across", j);
    const four = upTo(4).map((c) => `words[(${first}) * 4 + ${c}]`).join(", ");
    const word = `vec4<u32>(${this.#byKeys ? `words[${text.row(i)}]` : four})`;
    const tested = minds ? `${this.tests(at)} & vec4<u32>(${mask})` : `vec4<u32>(${mask})`;
    return `((${word} & ${tested}) == vec4<u32>(0u))`;
  }

  #byPair(part: MaskPart, at: FourPlace): string {
    const { across } = this.#text.shape.tiles;
    const first = at[0] * across + at[1] * 4;
    const bits = `vec4<u32>(${upTo(4).map((c) => `${first + c}u`).join(", ")})`;
    const minds = fallbacks(this.#masks).includes(part);
    const shift = `vec4<u32>(${Math.log2(maskBits[part])}u)`;
    const tested = minds ? ` & (${this.tests(at)} >> ${shift})` : "";
    return `(((vec4<u32>(drawn_${part}) >> ${bits})${tested} & vec4<u32>(1u)) == vec4<u32>(0u))`;
  }
}
