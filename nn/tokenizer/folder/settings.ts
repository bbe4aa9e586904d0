/**
 * What the files beside a vocabulary say of a tokenizer: `tokenizer_config.json`,
 * `special_tokens_map.json` and `added_tokens.json`.
 *
 * @module
 */

import { isRecord, type JsonObject } from "../../formats/json_record.ts";
import {
  type DescribedToken,
  type KeyPlace,
  type ListedToken,
  readAddedToken,
  refuse,
} from "./added_token.ts";

/** Tokens that have a role, in the order in which they are added. */
export const roles = [
  "bos_token",
  "eos_token",
  "unk_token",
  "sep_token",
  "pad_token",
  "cls_token",
  "mask_token",
] as const;
/** Key of a token that has a role. */
export type Role = typeof roles[number];

/** A parsed file of a folder. */
export interface FolderFile {
  /** Its content; undefined when the folder lacks it. */
  readonly value: JsonObject | undefined;
  /** Its path, for messages. */
  readonly path: string;
}

/** What the files say, checked. */
export interface Settings {
  /** `tokenizer_config.json`, whose known keys have the right types. */
  readonly config: JsonObject;
  /** Its path, for messages. */
  readonly path: string;
  /** Tokens that are named: undefined for a name whose token is null. */
  readonly named: ReadonlyMap<string, DescribedToken | undefined>;
  /** Further special tokens. */
  readonly extra: readonly DescribedToken[];
  /** Whether the files have a list of them, which counts before that of a SentencePiece model. */
  readonly listsExtra: boolean;
  /** Tokens with ids; undefined where those of `tokenizer.json` count. */
  readonly decoder: readonly ListedToken[] | undefined;
  /** Tokens of `added_tokens.json`. */
  readonly added: readonly ListedToken[];
}

/**
 * Reads a flag, whose type was checked.
 *
 * @throws {FileError} If it is null
 */
export function flagOf({ config, path }: Settings, key: string, usual: boolean): boolean {
  const value = config[key] ?? usual;
  return typeof value === "boolean" ? value : refuse({ path, key }, "true or false", value);
}

const flags = ["do_lower_case", "tokenize_chinese_chars", "trim_offsets"];
const nullableFlags = [
  "strip_accents",
  "add_prefix_space",
  "add_bos_token",
  "add_eos_token",
  "legacy",
  "clean_up_tokenization_spaces",
  "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output",
];
const extraKey = "extra_special_tokens";
const sides = ["truncation_side", "padding_side"];

/** Checks the types of the keys that count. */
function checkTypes(config: JsonObject, path: string): void {
  for (const [key, value] of Object.entries(config)) {
    const place = { path, key };
    const nullable = nullableFlags.includes(key);
    if ((nullable && value !== null) || flags.includes(key)) {
      if (typeof value !== "boolean") refuse(place, "true or false", value);
    }
    if (sides.includes(key) && value !== "left" && value !== "right") {
      refuse(place, "left or right", value);
    }
  }
  const length = config["model_max_length"] ?? 0;
  if (typeof length !== "number") refuse({ path, key: "model_max_length" }, "a number", length);
  const split = config["split_special_tokens"] ?? false;
  if (split !== false) refuse({ path, key: "split_special_tokens" }, "false", split);
  const files = config["fast_tokenizer_files"] ?? [];
  if (!Array.isArray(files) || files.some((file) => file !== "tokenizer.json")) {
    refuse({ path, key: "fast_tokenizer_files" }, "tokenizer.json alone", files);
  }
  const code = config["auto_map"] ?? {};
  if (!isRecord(code) || (code["AutoTokenizer"] ?? null) !== null) {
    refuse({ path, key: "auto_map" }, "a tokenizer without code of its own", code);
  }
}

/** Reads an id, which is a key of an object or a number. */
function readId(id: unknown, place: KeyPlace): number {
  const number = typeof id === "string" && /^\d+$/.test(id) ? Number(id) : id;
  if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
  return refuse(place, "an id from 0", id);
}

/** Reads `added_tokens_decoder`. */
function readDecoder({ value: config, path }: FolderFile): ListedToken[] | undefined {
  const decoder = config?.["added_tokens_decoder"];
  if (decoder === undefined) return undefined;
  const place = { path, key: "added_tokens_decoder" };
  if (!isRecord(decoder)) refuse(place, "an object", decoder);
  return Object.entries(decoder).map(([key, value]) => {
    const here = { path, key: `${place.key}.${key}` };
    if (!isRecord(value)) refuse(here, "the description of a token", value);
    return { id: readId(key, here), token: readAddedToken(value, here) };
  });
}

/** Reads `added_tokens.json`, in which special tokens are those that others mention. */
function readAdded({ value, path }: FolderFile, special: ReadonlySet<string>): ListedToken[] {
  return Object.entries(value ?? {}).map(([content, id]) => {
    const place = { path, key: content };
    const token = readAddedToken({
      content,
      special: special.has(content),
      normalized: !special.has(content),
    }, place);
    return { id: readId(id, place), token };
  });
}

/** Collects the tokens that two files name, in the order in which they are added. */
class Names {
  readonly named = new Map<string, DescribedToken | undefined>();
  readonly late = new Map<string, DescribedToken | undefined>();
  /** Tokens that a file names by their text, or `special_tokens_map.json` in any way. */
  readonly mentioned = new Set<DescribedToken>();
  extra: readonly DescribedToken[] | undefined;
  additional: readonly DescribedToken[] | undefined;

  /** Takes the names of a file; those of `special_tokens_map.json` come second and win. */
  read({ value, path }: FolderFile, special?: true): void {
    for (const [key, token] of Object.entries(value ?? {})) {
      const place = { path, key };
      const named = isRecord(token) && !special && !Object.hasOwn(value ?? {}, extraKey);
      if (key === extraKey || (key === "additional_special_tokens" && named)) {
        this.#readExtra(token, place, special);
      } else if (key === "additional_special_tokens") {
        this.additional = this.#readList(token ?? [], place, special);
      } else if ((roles as readonly string[]).includes(key)) {
        this.named.set(key, token === null ? undefined : this.#readToken(token, place, special));
      } else if (key.endsWith("_token") && (typeof token === "string" || isRecord(token))) {
        const early = special || isRecord(token);
        (early ? this.named : this.late).set(key, readAddedToken(token, place, special));
      }
    }
    if (special) return;
    // One file has the list under one of two names; the newer name wins.
    if (value === undefined || !Object.hasOwn(value, extraKey)) {
      this.extra = this.additional;
    }
    this.additional = undefined;
  }

  #readToken(value: unknown, place: KeyPlace, special?: true): DescribedToken {
    const token = readAddedToken(value, place, special);
    if (special || typeof value === "string") this.mentioned.add(token);
    return token;
  }

  #readList(value: unknown, place: KeyPlace, special?: true): DescribedToken[] {
    if (!Array.isArray(value)) refuse(place, "a list of tokens", value);
    return value.map((token) => this.#readToken(token, place, special));
  }

  #readExtra(value: unknown, place: KeyPlace, special?: true): void {
    if (!isRecord(value)) {
      const before = value === null ? [] : this.extra ?? [];
      this.extra = [...before, ...this.#readList(value ?? [], place, special)];
      return;
    }
    for (const [name, token] of Object.entries(value)) {
      this.late.set(name, readAddedToken(token, { ...place, key: `${place.key}.${name}` }));
    }
  }
}

/** Whether a file lists tokens under a key, be it null; an object has names for them. */
function hasList({ value = {} }: FolderFile, key: string): boolean {
  return Object.hasOwn(value, key) && !isRecord(value[key]);
}

/**
 * Reads and checks what the files beside a vocabulary say.
 *
 * @param files `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json`; the
 * latter two count only where the first has no `added_tokens_decoder`
 * @throws {FileError} If a value is malformed or asks for something that is not done
 */
export function readSettings(
  files: { readonly config: FolderFile; readonly map: FolderFile; readonly added: FolderFile },
): Settings {
  const { config, map, added } = files;
  checkTypes(config.value ?? {}, config.path);
  const names = new Names();
  names.read(config);
  const decoder = readDecoder(config);
  if (decoder === undefined) names.read(map, true);
  const extra = names.extra ?? names.additional ?? [];
  const known = [...roles.map((role) => names.named.get(role)), ...extra];
  const special = new Set(
    known.flatMap((token) => token && names.mentioned.has(token) ? token.content : []),
  );
  return {
    config: config.value ?? {},
    path: config.path,
    named: new Map([...names.named, ...names.late]),
    extra,
    listsExtra: hasList(config, extraKey) || hasList(config, "additional_special_tokens") ||
      decoder === undefined && hasList(map, extraKey),
    decoder,
    added: decoder === undefined ? readAdded(added, special) : [],
  };
}
