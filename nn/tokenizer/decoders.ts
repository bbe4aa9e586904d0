/**
 * The key `decoder` of `tokenizer.json`: how tokens become text again.
 *
 * @module
 */

import { fromByteSymbols } from "./bytes.ts";
import { cleanUpToken } from "./clean_up.ts";
import { Component } from "./component.ts";
import { readReplace } from "./normalizers.ts";
import { readMetaspace } from "./pre_tokenizers.ts";

/** Turns tokens into parts of the text. */
export type TokenDecoder = (tokens: readonly string[]) => string[];

const lossy = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Replaces a text, of which the empty one is found between characters, never within one. */
function replaceAll(text: string, from: string, to: string): string {
  return text.replaceAll(from === "" ? /(?:)/gu : from, () => to);
}

function decodeBytes(tokens: readonly string[]): string[] {
  const bytes = tokens.map(fromByteSymbols);
  const joined = new Uint8Array(bytes.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of bytes) {
    joined.set(part, at);
    at += part.length;
  }
  return [lossy.decode(joined)];
}

function decodeByteTokens(tokens: readonly string[]): string[] {
  const decoded: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    try {
      if (bytes.length > 0) decoded.push(strict.decode(Uint8Array.from(bytes)));
    } catch {
      for (const _ of bytes) decoded.push("\ufffd");
    }
    bytes = [];
  };
  for (const token of tokens) {
    const digits = /^<0x(?:([0-9a-f]{2})|\+([0-9a-f]))>$/i.exec(token);
    if (digits) {
      bytes.push(parseInt(digits[1] ?? digits[2] ?? "", 16));
      continue;
    }
    flush();
    decoded.push(token);
  }
  flush();
  return decoded;
}

function readWordPiece(part: Component): TokenDecoder {
  const prefix = part.only("prefix", "cleanup").text("prefix");
  const clean = part.flag("cleanup");
  return (tokens) =>
    tokens.map((token, index) => {
      const inner = token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
      const text = index === 0 ? token : inner;
      return clean ? cleanUpToken(text) : text;
    });
}

function readMetaspaceDecoder(part: Component): TokenDecoder {
  const { sign, prepend } = readMetaspace(part);
  return (tokens) =>
    tokens.map((token, index) =>
      token.replaceAll(sign, index === 0 && prepend !== "never" ? "" : " ")
    );
}

function readStrip(part: Component): TokenDecoder {
  part.only("content", "start", "stop");
  const content = part.character("content");
  const start = part.count("start");
  const stop = part.count("stop");
  return (tokens) =>
    tokens.map((token) => {
      let text = token;
      for (let cut = 0; cut < start && text.startsWith(content); cut++) {
        text = text.slice(content.length);
      }
      for (let cut = 0; cut < stop && text.endsWith(content); cut++) {
        text = text.slice(0, -content.length);
      }
      return text;
    });
}

function readCtc(part: Component): TokenDecoder {
  part.only("pad_token", "word_delimiter_token", "cleanup");
  const pad = part.text("pad_token");
  const delimiter = part.text("word_delimiter_token");
  const clean = part.flag("cleanup");
  return (tokens) =>
    tokens.filter((token, index) => token !== tokens[index - 1]).map((token) => {
      const text = replaceAll(token, pad, "");
      return clean ? replaceAll(cleanUpToken(text), delimiter, " ") : text;
    }).filter((text) => text !== "");
}

function readPart(part: Component): TokenDecoder {
  switch (part.type) {
    case "ByteLevel":
      part.only("add_prefix_space", "trim_offsets", "use_regex");
      return decodeBytes;
    case "WordPiece":
      return readWordPiece(part);
    case "Metaspace":
      return readMetaspaceDecoder(part);
    case "BPEDecoder": {
      const suffix = part.only("suffix").text("suffix");
      return (tokens) =>
        tokens.map((token, index) =>
          replaceAll(token, suffix, index === tokens.length - 1 ? "" : " ")
        );
    }
    case "ByteFallback":
      part.only();
      return decodeByteTokens;
    case "Fuse":
      part.only();
      return (tokens) => [tokens.join("")];
    case "Replace": {
      const { apply } = readReplace(part);
      return (tokens) => tokens.map(apply);
    }
    case "Strip":
      return readStrip(part);
    case "CTC":
      return readCtc(part);
    case "Sequence": {
      const steps = part.only("decoders").parts("decoders").map(readPart);
      return (tokens) => steps.reduce((parts, step) => step(parts), [...tokens]);
    }
    default:
      return part.fail("type", "a known decoder");
  }
}

/**
 * Reads the decoder.
 *
 * @param json Value of the key `decoder`
 * @param name File name for messages
 * @returns What turns tokens into text; undefined where the value is null
 * @throws {FileError} If it is malformed or asks for something unsupported
 */
export function readDecoder(json: unknown, name: string): TokenDecoder | undefined {
  return json === null ? undefined : readPart(new Component(json, "decoder", name));
}
