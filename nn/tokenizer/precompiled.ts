/**
 * The map of characters that models of SentencePiece carry: replacements of characters and
 * clusters, found in a trie.
 *
 * @module
 */

import type { Component } from "./component.ts";
import { clustersOf, printableAscii } from "./unicode.ts";

const encoder = new TextEncoder();

/** A trie of bytes as one array, in which a unit says where those of the next byte stand. */
class Replacements {
  readonly #units: Uint32Array;
  readonly #texts: Uint8Array;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

  constructor(units: Uint32Array, texts: Uint8Array) {
    this.#units = units;
    this.#texts = texts;
  }

  /** Finds what replaces the shortest beginning of a text that has a replacement. */
  find(text: string): string | undefined {
    const first = this.#units[0] ?? 0;
    let place = offsetOf(first);
    for (const byte of encoder.encode(text)) {
      if (byte === 0) return undefined;
      place ^= byte;
      const unit = this.#units[place] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== byte) return undefined;
      place ^= offsetOf(unit);
      if ((unit >>> 8 & 1) === 0) continue;
      const start = (this.#units[place] ?? 0) & 0x7fffffff;
      const end = this.#texts.indexOf(0, start);
      return this.#decoder.decode(this.#texts.subarray(start, end < 0 ? undefined : end));
    }
    return undefined;
  }
}

function offsetOf(unit: number): number {
  return unit >>> 10 << ((unit & 1 << 9) >>> 6);
}

function decodeBase64(part: Component): Uint8Array {
  try {
    return Uint8Array.from(atob(part.text("precompiled_charsmap")), (byte) => byte.charCodeAt(0));
  } catch {
    return part.fail("precompiled_charsmap", "base64");
  }
}

/**
 * Reads the map of a normalizer.
 *
 * @param part A normalizer with the key `precompiled_charsmap`
 * @returns What changes a text
 * @throws {FileError} If the map is malformed
 */
export function readCharacterMap(part: Component): (text: string) => string {
  const bytes = decodeBase64(part);
  const view = new DataView(bytes.buffer);
  const size = bytes.length < 4 ? -1 : view.getUint32(0, true);
  if (size < 4 || size % 4 !== 0 || 4 + size > bytes.length) {
    part.fail("precompiled_charsmap", "a trie of its stated size", bytes.length);
  }
  const units = Uint32Array.from({ length: size / 4 }, (_, at) => view.getUint32(4 + 4 * at, true));
  const map = new Replacements(units, bytes.subarray(4 + size));
  const known = new Map<string, string>();
  const replace = (cluster: string): string => {
    // Clusters of up to five bytes are looked up as they are.
    if (encoder.encode(cluster).length < 6) {
      const whole = map.find(cluster);
      if (whole !== undefined) return whole;
    }
    return Array.from(cluster, (character) => map.find(character) ?? character).join("");
  };
  return (text) => {
    let normal = "";
    for (const segment of printableAscii.test(text) ? text : clustersOf(text)) {
      let replaced = known.get(segment);
      if (replaced === undefined) {
        replaced = replace(segment);
        if (known.size < 10_000) known.set(segment, replaced);
      }
      normal += replaced;
    }
    return normal;
  };
}
