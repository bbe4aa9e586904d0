/**
 * Models of SentencePiece, as `spm.model` holds them: pieces with their scores.
 *
 * **Source**: Kudo and Richardson 2018, "SentencePiece"; the file is a message of Protocol Buffers.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import type { DescribedToken } from "./folder/added_token.ts";
import type { Pieces } from "./folder/parts.ts";

/** A field of a message: a number, or the bytes of a text, a message or a float. */
type Field = number | Uint8Array<ArrayBuffer>;

/** Numbers of fields, as the schema of SentencePiece has them. */
const fieldsOf = {
  model: { pieces: 1, trainer: 2 },
  piece: { text: 1, score: 2, kind: 3 },
  trainer: { kind: 3, unknown: 40 },
} as const;
/** Kinds of pieces that are found in texts as they stand; those of `control` say no text. */
const kinds = { control: 3, userDefined: 4 } as const;
/** Kind of a model: the only one whose scores are those of a division. */
const unigram = 1;

/** Reads the fields of messages. */
class MessageReader {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(readonly path: string) {}

  fail(required: string, found: string): never {
    throw new FileError(
      `Cannot read SentencePiece model as ${required} is required: found ${found}`,
      this.path,
    );
  }

  /** Fields with their numbers, in their order. */
  *fields(bytes: Uint8Array<ArrayBuffer>): Generator<readonly [number, Field]> {
    let at = 0;
    const varint = (): number => {
      let value = 0;
      for (let shift = 0; shift < 70; shift += 7) {
        const byte = bytes[at++] ?? this.fail("a whole message", "its end within a number");
        value += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) return value;
      }
      return this.fail("a number of at most 10 bytes", "a longer one");
    };
    const take = (size: number): Uint8Array<ArrayBuffer> => {
      if (size > bytes.length - at) {
        this.fail("a whole message", `${bytes.length - at} of ${size} bytes`);
      }
      return bytes.subarray(at, at += size);
    };
    while (at < bytes.length) {
      const tag = varint();
      const kind = tag % 8;
      const field = Math.floor(tag / 8);
      if (kind === 0) yield [field, varint()];
      else if (kind === 1) yield [field, take(8)];
      else if (kind === 2) yield [field, take(varint())];
      else if (kind === 5) yield [field, take(4)];
      else this.fail("a message of Protocol Buffers", `a field of type ${kind}`);
    }
  }

  /** A field that is a number. */
  number(field: Field, what: string): number {
    return typeof field === "number" ? field : this.fail(`a number as ${what}`, "bytes");
  }

  /** A field that is bytes, of which there are so many. */
  bytes(field: Field, what: string, size?: number): Uint8Array<ArrayBuffer> {
    if (typeof field === "number") return this.fail(`bytes as ${what}`, "a number");
    if (size === undefined || field.length === size) return field;
    return this.fail(`${size} bytes as ${what}`, `${field.length}`);
  }

  /** A field that is a text. */
  text(field: Field, what: string): string {
    const bytes = this.bytes(field, what);
    try {
      return this.#decoder.decode(bytes);
    } catch {
      return this.fail(`UTF-8 as ${what}`, "other bytes");
    }
  }
}

/** A piece of the vocabulary. */
interface Piece {
  readonly text: string;
  readonly score: number;
  readonly kind: number;
}

function readPiece(reader: MessageReader, bytes: Uint8Array<ArrayBuffer>, id: number): Piece {
  const own = fieldsOf.piece;
  let [text, score, kind] = ["", 0, 1];
  for (const [field, value] of reader.fields(bytes)) {
    if (field === own.text) text = reader.text(value, `piece ${id}`);
    else if (field === own.kind) kind = reader.number(value, `the kind of piece ${id}`);
    else if (field === own.score) {
      const { buffer, byteOffset } = reader.bytes(value, `the score of piece ${id}`, 4);
      score = new DataView(buffer, byteOffset).getFloat32(0, true);
    }
  }
  if (!Number.isFinite(score)) reader.fail(`a finite score of piece ${id}`, `${score}`);
  return { text, score, kind };
}

/** What a model of SentencePiece holds. */
export interface SentencePieces extends Pieces {
  /** Pieces that texts may hold as tokens. */
  readonly extra: readonly DescribedToken[];
}

/**
 * Reads a model.
 *
 * @param path Name of the file, for messages
 * @throws {FileError} If it is malformed, or no unigram model
 */
export function readSentencePieces(bytes: Uint8Array<ArrayBuffer>, path: string): SentencePieces {
  const reader = new MessageReader(path);
  const pieces: Piece[] = [];
  let [kind, unknownId, isTrained] = [unigram as number, 0, false];
  for (const [field, value] of reader.fields(bytes)) {
    if (field === fieldsOf.model.pieces) {
      const message = reader.bytes(value, `piece ${pieces.length}`);
      pieces.push(readPiece(reader, message, pieces.length));
    } else if (field === fieldsOf.model.trainer) {
      isTrained = true;
      for (const [own, setting] of reader.fields(reader.bytes(value, "the trainer's settings"))) {
        if (own === fieldsOf.trainer.kind) kind = reader.number(setting, "the kind of the model");
        if (own === fieldsOf.trainer.unknown) unknownId = reader.number(setting, "the unknown id");
      }
    }
  }
  // They stand behind the pieces, so that a file which breaks off between two of these has none.
  if (!isTrained) reader.fail("trainer_spec behind the pieces", "none");
  if (kind !== unigram) reader.fail("a unigram model", `one of kind ${kind}`);
  if (unknownId >= pieces.length) {
    reader.fail(`an unknown id below ${pieces.length}`, `${unknownId}`);
  }
  const found = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return {
    vocab: pieces.map(({ text, score }) => [text, score]),
    merges: [],
    digits: [],
    unknownId,
    extra: pieces.flatMap(({ text, kind }) =>
      kind === kinds.control || kind === kinds.userDefined
        ? [{ content: text, ...found, special: kind === kinds.control }]
        : []
    ),
  };
}
