/**
 * What `tokenizer.json` would be if it said all that a folder says: the class of tokenizer,
 * `tokenizer_config.json` and the files beside it are worked into one object.
 *
 * Source: `AutoTokenizer` of Hugging Face transformers 5.
 *
 * @module
 */

import { isRecord, type JsonObject } from "../../formats/json_record.ts";
import { type DescribedToken, type ListedToken, readAddedToken, refuse } from "./added_token.ts";
import { AddedVocabulary, ModelVocabulary } from "./added_vocabulary.ts";
import type { TokenizerClass } from "./class_name.ts";
import { buildLayout, plainLayout } from "./layout.ts";
import { buildParts, type BuiltClass, type Pieces, stepsOf, usualTokens } from "./parts.ts";
import { type Role, roles, type Settings } from "./settings.ts";

/** A tokenizer of which `tokenizer.json` says everything. */
export interface ResolvedTokenizer {
  /** The object that `tokenizer.json` would hold. */
  readonly json: JsonObject;
  /** Tokens with roles, side of truncation and clean-up, by the keys of `tokenizer_config.json`. */
  readonly config: JsonObject;
}

/** Where a vocabulary comes from. */
export interface VocabularySource {
  /** Class of the tokenizer. */
  readonly name: TokenizerClass;
  /** Path of the file, for messages. */
  readonly path: string;
  /** Parsed `tokenizer.json`; undefined where only files before it are there. */
  readonly json?: JsonObject;
  /** Vocabulary of the files before `tokenizer.json`. */
  readonly pieces?: Pieces;
}

/**
 * Works everything that a folder says into one `tokenizer.json`.
 *
 * @throws {FileError} If files contradict each other or ask for something that is not done
 */
export function resolveTokenizer(source: VocabularySource, settings: Settings): ResolvedTokenizer {
  const { name, json, path } = source;
  const built = name === "whole" ? undefined : name;
  const pieces = source.pieces ?? piecesOf(json, built, path);
  const listed = readListed(json, path);
  const named = namedTokens(source, settings);
  const vocabulary = new AddedVocabulary(new ModelVocabulary(pieces.vocab), { path, key: "" });
  if (built === undefined) { for (const token of listed) vocabulary.add(token); }
  addAll(vocabulary, tokensToAdd(settings, listed, named), named, settings.extra);
  if (built === "Qwen2Tokenizer") {
    for (const { content } of [...named.values(), ...settings.extra]) {
      vocabulary.add(plainly(content));
    }
  }
  const tokenOf = (role: Role): readonly [string, number] => {
    const content = named.get(role)?.content;
    const id = content === undefined ? undefined : vocabulary.id(content);
    return content === undefined || id === undefined
      ? refuse({ path: settings.path, key: role }, "a token", null)
      : [content, id];
  };
  const parts = built === undefined
    ? json
    : buildParts(built, settings, pieces, named.get("unk_token")?.content ?? "");
  return {
    json: {
      ...parts,
      added_tokens: vocabulary.list(),
      post_processor: buildLayout(name, settings, tokenOf) ?? json?.["post_processor"] ??
        layoutOf(source, settings, named, tokenOf),
    },
    config: configOf(source, settings, named),
  };
}

/** Vocabulary and merges of a `tokenizer.json`, which must be of the kind that the class builds. */
function piecesOf(
  json: JsonObject | undefined,
  built: BuiltClass | undefined,
  path: string,
): Pieces {
  const model = isRecord(json?.["model"]) ? json["model"] : {};
  const { vocab, merges } = model;
  if (built === undefined) return { vocab, merges: [], digits: [] };
  const type = model["type"] ?? (Array.isArray(merges) ? "BPE" : "WordPiece");
  const required = modelOf[built];
  if (type !== required) {
    refuse({ path, key: "model.type" }, `${required}, as the tokenizer_class says`, type);
  }
  if (required === "Unigram") {
    return { vocab, merges: [], digits: [], charsmap: charsmapOf(json?.["normalizer"]) };
  }
  if (!isRecord(vocab)) refuse({ path, key: "model.vocab" }, "ids by token", vocab);
  if (required === "WordPiece") return { vocab, merges: [], digits: [] };
  checkSteps(json?.["pre_tokenizer"], built, path);
  if (!Array.isArray(merges)) refuse({ path, key: "model.merges" }, "a list", merges);
  return { vocab, merges, digits: stepsOf(json?.["pre_tokenizer"]).slice(0, -1) };
}

/** Models that the classes build. */
const modelOf: Readonly<Record<BuiltClass, string>> = {
  BertTokenizer: "WordPiece",
  MPNetTokenizer: "WordPiece",
  RobertaTokenizer: "BPE",
  GPT2Tokenizer: "BPE",
  LlamaTokenizer: "BPE",
  GemmaTokenizer: "BPE",
  Qwen2Tokenizer: "BPE",
  XLMRobertaTokenizer: "Unigram",
  DebertaV2Tokenizer: "Unigram",
};

/** The first table of character replacements of a normalizer; undefined without one. */
function charsmapOf(normalizer: unknown): JsonObject | undefined {
  if (!isRecord(normalizer)) return undefined;
  if (normalizer["type"] === "Precompiled") return normalizer;
  const steps = normalizer["normalizers"];
  const step = Array.isArray(steps)
    ? steps.find((one) => isRecord(one) && one["type"] === "Precompiled")
    : undefined;
  return isRecord(step) ? step : undefined;
}

/**
 * Checks that a class of byte pairs can take the place of the steps in `tokenizer.json`.
 *
 * `AutoTokenizer` would leave out steps beside these without a word; only Digits stay here.
 */
function checkSteps(step: unknown, built: BuiltClass, path: string): void {
  const types = stepsOf(step).map((one) => isRecord(one) ? one["type"] : one);
  const { required, fits } = stepsOfClass(built);
  if (fits(types)) return;
  refuse(
    { path, key: "pre_tokenizer" },
    `${required}, as the tokenizer_class says, or the tokenizer_class PreTrainedTokenizerFast`,
    types,
  );
}

/** Which steps a class of byte pairs can take the place of. */
function stepsOfClass(built: BuiltClass): {
  readonly required: string;
  readonly fits: (types: readonly unknown[]) => boolean;
} {
  if (built === "LlamaTokenizer") {
    const fits = (types: readonly unknown[]) => types.every((type) => type === "Metaspace");
    return { required: "Metaspace or none", fits };
  }
  if (built === "GemmaTokenizer") {
    const fits = (types: readonly unknown[]) => types.every((type) => type === "Split");
    return { required: "Split or none", fits };
  }
  const [before, required] = built === "Qwen2Tokenizer"
    ? ["Split", "Split and ByteLevel"]
    : ["Digits", "ByteLevel, behind Digits or alone"];
  return {
    required,
    fits: (types) =>
      types.at(-1) === "ByteLevel" && types.slice(0, -1).every((type) => type === before) &&
      (before === "Digits" || types.length === 2),
  };
}

/** The added tokens of a `tokenizer.json`. */
function readListed(json: JsonObject | undefined, path: string): ListedToken[] {
  const list = json?.["added_tokens"] ?? [];
  if (!Array.isArray(list)) return refuse({ path, key: "added_tokens" }, "a list", list);
  return list.map((entry, index) => {
    const place = { path, key: `added_tokens[${index}]` };
    const token = readAddedToken(entry, place);
    const id: unknown = isRecord(entry) ? entry["id"] : undefined;
    if (typeof id === "number" && Number.isSafeInteger(id) && id >= 0) return { token, id };
    return refuse({ path, key: `${place.key}.id` }, "an id from 0", id);
  });
}

/** Tokens with roles and names: those of the files, else those of the class. */
function namedTokens(
  { name, json }: VocabularySource,
  { named, path }: Settings,
): Map<string, DescribedToken> {
  const usual: Partial<Record<Role, unknown>> = { ...usualTokens[name] };
  const padding = json?.["padding"];
  if (isRecord(padding) && (name === "whole" || name === "LlamaTokenizer")) {
    usual.pad_token = padding["pad_token"];
  }
  const all = new Map<string, DescribedToken>();
  for (const role of [...roles, ...named.keys()]) {
    const fallback = usual[role as Role] ?? undefined;
    const token = named.has(role) || fallback === undefined
      ? named.get(role)
      : readAddedToken(fallback, { path, key: role });
    if (token !== undefined) all.set(role, token);
  }
  return all;
}

/** Tokens with ids by the files, of which those with a role are special. */
function tokensToAdd(
  { decoder, added }: Settings,
  listed: readonly ListedToken[],
  named: ReadonlyMap<string, DescribedToken>,
): ListedToken[] {
  // Later descriptions of an id take the place of earlier ones.
  const byId = new Map((decoder ?? [...added, ...listed]).map((entry) => [entry.id, entry]));
  const withRole = new Set([...named.values()].map(({ content }) => content));
  return [...byId.values()]
    .toSorted((a, b) => (a.id ?? 0) - (b.id ?? 0))
    .map(({ id, token }) => ({
      id,
      token: { ...token, special: token.special || withRole.has(token.content) },
    }));
}

/** A special token that is found as it stands. */
function plainly(content: string): ListedToken {
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return { id: undefined, token: { content, ...flags, special: true } };
}

/** Adds tokens with ids, then those that have a name only. */
function addAll(
  vocabulary: AddedVocabulary,
  tokens: readonly ListedToken[],
  named: ReadonlyMap<string, DescribedToken>,
  extra: readonly DescribedToken[],
): void {
  for (const token of tokens) vocabulary.add(token);
  const contents = new Set([...named.values()].map(({ content }) => content));
  const before = new Set([...contents, ...extra.map(({ content }) => content)]
    .filter((content) => vocabulary.has(content)));
  // What is said twice in the same words counts where it was said first.
  const once = new Map(
    [...named.values(), ...extra].map((token) => [JSON.stringify(token), token]),
  );
  for (const token of once.values()) {
    if (before.has(token.content)) continue;
    const special = token.special || contents.has(token.content);
    vocabulary.add({ id: undefined, token: { ...token, special } });
  }
}

/** The layout of a class without one of its own, where `tokenizer.json` has none either. */
function layoutOf(
  { json }: VocabularySource,
  { config }: Settings,
  named: ReadonlyMap<string, DescribedToken>,
  tokenOf: (role: Role) => readonly [string, number],
): JsonObject {
  const wanted = (key: string, role: Role) =>
    json === undefined && config[key] === true && named.has(role) ? tokenOf(role) : undefined;
  return plainLayout(wanted("add_bos_token", "bos_token"), wanted("add_eos_token", "eos_token"));
}

/** The keys that the tokenizer itself acts on. */
function configOf(
  { json, name }: VocabularySource,
  { config }: Settings,
  named: ReadonlyMap<string, DescribedToken>,
): JsonObject {
  const truncation = json?.["truncation"];
  const direction = isRecord(truncation) ? truncation["direction"] : undefined;
  const model = json?.["model"];
  const bytePair = name === "whole"
    ? isRecord(model) && "merges" in model
    : modelOf[name] === "BPE";
  const forced = "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output";
  return {
    ...Object.fromEntries(roles.map((role) => [role, named.get(role)?.content ?? null])),
    chat_template: config["chat_template"] ?? null,
    truncation_side: config["truncation_side"] ?? (direction === "Left" ? "left" : "right"),
    clean_up_tokenization_spaces: config["clean_up_tokenization_spaces"] === true &&
      (!bytePair || config[forced] === true),
  };
}
