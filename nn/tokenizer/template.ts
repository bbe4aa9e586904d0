/**
 * How a tokenizer puts sequences and special tokens together: the post-processor of
 * `tokenizer.json`.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { excerpt } from "../../core/excerpt.ts";
import { isRecord, type JsonObject } from "../formats/json_record.ts";

/** One piece of an input: a special token or one of the sequences. */
export interface TemplatePiece {
  /** Ids of special tokens, or the sequence that stands here. */
  readonly content: readonly number[] | "A" | "B";
  /** Token type of everything in this piece. */
  readonly typeId: number;
}

/** The layouts of single sequences and pairs. */
export interface Template {
  /** What a text by itself becomes. */
  readonly single: readonly TemplatePiece[];
  /** What two texts become. */
  readonly pair: readonly TemplatePiece[];
}

const sequenceA: TemplatePiece = { content: "A", typeId: 0 };
const sequenceB: TemplatePiece = { content: "B", typeId: 1 };
const plain: Template = { single: [sequenceA], pair: [sequenceA, sequenceB] };

/** Reads `[token, id]` of the BERT and RoBERTa post-processors. */
function idOf(processor: JsonObject, key: "cls" | "sep", name: string): number {
  const value = processor[key];
  const id = Array.isArray(value) ? value[1] : undefined;
  if (typeof id !== "number") {
    throw new FileError(`Cannot load tokenizer as post_processor.${key} requires an id`, name);
  }
  return id;
}

/** Reads the pieces of a `TemplateProcessing`. */
function readPieces(processor: JsonObject, key: "single" | "pair", name: string): TemplatePiece[] {
  const pieces = processor[key];
  const specials = processor["special_tokens"];
  const fail = (found: unknown): never => {
    throw new FileError(
      `Cannot load tokenizer as post_processor.${key} requires sequences and special tokens: ` +
        `found ${excerpt(found)}`,
      name,
    );
  };
  if (!Array.isArray(pieces) || !isRecord(specials)) return fail(pieces);
  return pieces.map((piece: unknown): TemplatePiece => {
    if (!isRecord(piece)) return fail(piece);
    const { Sequence: sequence, SpecialToken: special } = piece;
    if (isRecord(sequence)) {
      const { id, type_id: typeId } = sequence;
      if ((id !== "A" && id !== "B") || typeof typeId !== "number") return fail(piece);
      return { content: id, typeId };
    }
    if (!isRecord(special)) return fail(piece);
    const { id, type_id: typeId } = special;
    const token = typeof id === "string" && Object.hasOwn(specials, id) ? specials[id] : undefined;
    const ids = isRecord(token) ? token["ids"] : undefined;
    if (typeof typeId !== "number" || !Array.isArray(ids) || !ids.every(Number.isInteger)) {
      return fail(piece);
    }
    return { content: ids, typeId };
  });
}

/**
 * Reads the post-processor of a `tokenizer.json`.
 *
 * @param processor Value of the key `post_processor`
 * @param name File name for messages
 * @returns The layouts of single sequences and pairs
 * @throws {FileError} If the post-processor is malformed or of an unknown type
 */
export function readTemplate(processor: unknown, name: string): Template {
  if (processor === null) return plain;
  const type = isRecord(processor) ? processor["type"] : undefined;
  if (!isRecord(processor) || typeof type !== "string") {
    throw new FileError("Cannot load tokenizer as it requires post_processor.type", name);
  }
  switch (type) {
    case "ByteLevel":
      return plain;
    case "TemplateProcessing":
      return {
        single: readPieces(processor, "single", name),
        pair: readPieces(processor, "pair", name),
      };
    case "BertProcessing": {
      const cls = { content: [idOf(processor, "cls", name)], typeId: 0 };
      const sep = { content: [idOf(processor, "sep", name)], typeId: 0 };
      const single = [cls, sequenceA, sep];
      return { single, pair: [...single, sequenceB, { ...sep, typeId: 1 }] };
    }
    case "RobertaProcessing": {
      // RoBERTa has one token type, for the second sequence too.
      const cls = { content: [idOf(processor, "cls", name)], typeId: 0 };
      const sep = { content: [idOf(processor, "sep", name)], typeId: 0 };
      const single = [cls, sequenceA, sep];
      return { single, pair: [...single, sep, { content: "B", typeId: 0 }, sep] };
    }
    case "Sequence": {
      const list = processor["processors"];
      const steps = Array.isArray(list) ? list : [];
      const effective = steps.filter((step) => !isRecord(step) || step["type"] !== "ByteLevel");
      if (effective.length <= 1) return readTemplate(effective[0] ?? null, name);
      throw new FileError(
        "Cannot load tokenizer as post_processor requires at most one step beside ByteLevel: " +
          `found ${effective.length}`,
        name,
      );
    }
    default:
      throw new FileError(
        `Cannot load tokenizer as it requires a known post_processor: found ${excerpt(type)}`,
        name,
      );
  }
}

/**
 * Counts the special tokens of a layout.
 *
 * @param pieces Pieces of the layout
 * @returns Tokens that are added to the sequences
 */
export function countSpecial(pieces: readonly TemplatePiece[]): number {
  let count = 0;
  for (const { content } of pieces) count += typeof content === "string" ? 0 : content.length;
  return count;
}
