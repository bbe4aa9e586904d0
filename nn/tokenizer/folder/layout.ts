/**
 * Where texts and special tokens stand: the layout of a class, and the plain one.
 *
 * @module
 */

import type { JsonObject } from "../../formats/json_record.ts";
import type { TokenizerClass } from "./class_name.ts";
import { flagOf, type Role, type Settings } from "./settings.ts";

/** Text and id of a token with a role. */
export type TokenOf = (role: Role) => readonly [string, number];

/** A layout as `tokenizer.json` has it, from `A`, `B` and tokens with their token types. */
export function template(
  single: readonly Piece[],
  pair: readonly Piece[],
): JsonObject {
  const special: Record<string, unknown> = {};
  const write = ([what, type_id]: Piece) => {
    if (typeof what === "string") return { Sequence: { id: what, type_id } };
    const [content, id] = what;
    special[content] = { id: content, ids: [id], tokens: [content] };
    return { SpecialToken: { id: content, type_id } };
  };
  return {
    type: "TemplateProcessing",
    single: single.map(write),
    pair: pair.map(write),
    special_tokens: special,
  };
}

/** A sequence or a token, and its token type. */
type Piece = readonly ["A" | "B" | readonly [string, number], 0 | 1];

/**
 * The layout of a class that has one of its own, whatever `tokenizer.json` says; else undefined.
 *
 * @param tokenOf Looks up the tokens with roles
 */
export function buildLayout(
  name: TokenizerClass,
  settings: Settings,
  tokenOf: TokenOf,
): JsonObject | undefined {
  if (name === "BertTokenizer" || name === "DebertaV2Tokenizer") {
    const [cls, sep] = [tokenOf("cls_token"), tokenOf("sep_token")];
    const single: Piece[] = [[cls, 0], ["A", 0], [sep, 0]];
    return template(single, [...single, ["B", 1], [sep, 1]]);
  }
  if (name === "XLMRobertaTokenizer") {
    const [bos, eos] = [tokenOf("bos_token"), tokenOf("eos_token")];
    const single: Piece[] = [[bos, 0], ["A", 0], [eos, 0]];
    return template(single, [...single, [eos, 0], ["B", 0], [eos, 0]]);
  }
  if (name !== "RobertaTokenizer" && name !== "MPNetTokenizer") return undefined;
  const tokens = { sep: tokenOf("sep_token"), cls: tokenOf("cls_token") };
  const type = "RobertaProcessing";
  if (name === "MPNetTokenizer") {
    return { type, ...tokens, trim_offsets: true, add_prefix_space: false };
  }
  return {
    type,
    ...tokens,
    trim_offsets: flagOf(settings, "trim_offsets", true),
    add_prefix_space: flagOf(settings, "add_prefix_space", false),
  };
}

/**
 * The layout where neither class nor `tokenizer.json` has one.
 *
 * @param begin Token before each text
 * @param end Token behind each text
 */
export function plainLayout(
  begin: readonly [string, number] | undefined,
  end: readonly [string, number] | undefined,
): JsonObject {
  const around = (what: "A" | "B", type: 0 | 1): Piece[] => [
    ...begin === undefined ? [] : [[begin, type] as const],
    [what, type],
    ...end === undefined ? [] : [[end, type] as const],
  ];
  return template(around("A", 0), [...around("A", 0), ...around("B", 1)]);
}
