/**
 * Bytes as byte-level vocabularies write them: each as one visible character.
 *
 * @module
 */

import { printableAscii } from "./unicode.ts";

const symbols: string[] = [];
const byteOf = new Map<string, number>();
for (let byte = 0, next = 256; byte < 256; byte++) {
  const visible = byte > 32 && byte < 127 || byte > 160 && byte !== 173;
  const symbol = String.fromCharCode(visible ? byte : next++);
  symbols.push(symbol);
  byteOf.set(symbol, byte);
}

const encoder = new TextEncoder();
const spaceSymbol = symbols[32] ?? " ";

/** Writes the bytes of a text in UTF-8, each as its symbol. */
export function toByteSymbols(text: string): string {
  if (printableAscii.test(text)) return text.replaceAll(" ", spaceSymbol);
  let written = "";
  for (const byte of encoder.encode(text)) written += symbols[byte];
  return written;
}

/** Reads a token: the bytes of its symbols, or those of its text where it has others too. */
export function fromByteSymbols(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let index = 0; index < token.length; index++) {
    const byte = byteOf.get(token[index] ?? "");
    if (byte === undefined) return encoder.encode(token);
    bytes[index] = byte;
  }
  return bytes;
}

/** Names of the tokens that stand for the bytes of a text, such as `<0x0A>`. */
export function byteTokens(text: string): string[] {
  return Array.from(
    encoder.encode(text),
    (byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`,
  );
}
