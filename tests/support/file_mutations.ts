/** Arbitrary damage to files: bytes, values of JSON, headers of safetensors, regular expressions. */

import fc from "fast-check";

/** A change of something. */
export type Mutation<T> = (value: T) => T;

/** Damage to bytes: flips, cuts, insertions, exchanged runs. */
export const byteMutation: fc.Arbitrary<Mutation<Uint8Array<ArrayBuffer>>> = fc.oneof(
  fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 })
    .map((flips) => (bytes: Uint8Array<ArrayBuffer>) => {
      const copy = bytes.slice();
      for (const [place, bits] of flips) if (copy.length > 0) copy[place % copy.length]! ^= bits;
      return copy;
    }),
  // The first bytes hold the length of the header.
  fc.tuple(fc.nat(7), fc.nat(255)).map(([place, byte]) => (bytes: Uint8Array<ArrayBuffer>) => {
    const copy = bytes.slice();
    if (place < copy.length) copy[place] = byte;
    return copy;
  }),
  fc.nat().map((length) => (bytes: Uint8Array<ArrayBuffer>) =>
    bytes.slice(0, length % (bytes.length + 1))
  ),
  fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 9 })).map(([place, added]) => {
    return (bytes: Uint8Array<ArrayBuffer>) => {
      const at = place % (bytes.length + 1);
      return new Uint8Array([...bytes.subarray(0, at), ...added, ...bytes.subarray(at)]);
    };
  }),
);

/** Nests an empty list so deep that what walks it by recursion overflows the stack. */
function nested(depth: number): string {
  return "[".repeat(depth) + "]".repeat(depth);
}

/** Texts of JSON that hardly any field expects. */
const strangeJson = fc.oneof(
  fc.constantFrom("null", "true", "false", '""', "[]", "{}", "0", "-1", "-0", "0.5", "1e400"),
  fc.constantFrom("9007199254740993", "1e15", "1000000000", "4294967296", "65537", "-1e308"),
  fc.constantFrom('"__proto__"', '"8"', '"NaN"', '".*"', '"("', '"all-linear"', '"BF16"', '"I64"'),
  fc.constantFrom("[0]", "[null]", '["query"]', '{"0":1}', '{"a":{"b":[1]}}', '[[1],{"x":2}]'),
  fc.constantFrom(nested(200), nested(20_000), JSON.stringify("x".repeat(100_000))),
  fc.integer({ min: 0, max: 64 }).map(String),
  fc.json({ maxDepth: 2 }),
);

/** Place of a value in a JSON text: the objects and lists around it, and its key. */
type Place = readonly [holder: Record<string, unknown>, key: string];

function placesIn(value: unknown, depth = 0): Place[] {
  if (typeof value !== "object" || value === null || depth > 9) return [];
  const holder = value as Record<string, unknown>;
  return Object.keys(holder).flatMap((key): Place[] => [
    [holder, key],
    ...placesIn(holder[key], depth + 1),
  ]);
}

const chosen = (places: readonly Place[], at: number) => places[at % places.length]!;

/** Damage to a JSON text: other values, keys lost, doubled or renamed, two values exchanged. */
const jsonMutation: fc.Arbitrary<Mutation<string>> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.nat(), strangeJson).map(replaceValue) },
  fc.nat().map((at) => (text: string) =>
    edited(text, (places) => {
      const [holder, key] = chosen(places, at);
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
    })
  ),
  fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => (text: string) =>
    edited(text, (places) => {
      const [[one, key], [other, name]] = [chosen(places, a), chosen(places, b)];
      [one[key], other[name]] = [structuredClone(other[name]), structuredClone(one[key])];
    })
  ),
  fc.tuple(fc.nat(), strangeJson).map(([at, value]) => (text: string) => {
    // The first of two equal keys counts for nothing, or is refused.
    const keys = [...text.matchAll(/"[^"\\]*"(?=\s*:)/g)];
    const found = keys[at % Math.max(1, keys.length)];
    if (found === undefined) return text;
    return `${text.slice(0, found.index)}${found[0]}:${value},${text.slice(found.index)}`;
  }),
  fc.tuple(fc.nat(), fc.constantFrom("x", "__proto__", "", "__metadata__")).map(([at, name]) => {
    return (text: string) =>
      edited(text, (places) => {
        const [holder, key] = chosen(places, at);
        if (Array.isArray(holder)) return;
        Object.defineProperty(holder, name, { value: holder[key], enumerable: true });
        delete holder[key];
      });
  }),
);

/** Parses a text, changes it in place and formats it again; one nested too deep stays as it is. */
function edited(text: string, change: (places: readonly Place[]) => void): string {
  try {
    const value = JSON.parse(text);
    const places = placesIn(value);
    if (places.length > 0) change(places);
    return JSON.stringify(value);
  } catch {
    return text;
  }
}

function replaceValue([at, json]: [number, string]): Mutation<string> {
  return (text) => {
    const mark = `\u0007${at}`;
    const marked = edited(text, (places) => {
      const [holder, key] = chosen(places, at);
      holder[key] = mark;
    });
    // By text, as not all of these values can be formatted.
    return marked.replace(JSON.stringify(mark), () => json);
  };
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (json: string) => new TextEncoder().encode(json);

/** Damage to a file of JSON: to its values mostly, to its bytes sometimes. */
export const jsonFileMutation: fc.Arbitrary<Mutation<Uint8Array<ArrayBuffer>>> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(jsonMutation, { minLength: 1, maxLength: 2 }).map((list) => {
      return (bytes: Uint8Array<ArrayBuffer>) => {
        return bytesOf(list.reduce((json, change) => change(json), text(bytes)));
      };
    }),
  },
  { weight: 1, arbitrary: byteMutation },
);

interface HeaderEntry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Headers that keep to the format and mean something else. */
const exchanges: readonly ((one: HeaderEntry, other: HeaderEntry) => void)[] = [
  (one) => one.dtype = one.dtype === "F32" ? "I32" : "F32",
  (one) => {
    one.dtype = "F16";
    one.shape = [...one.shape, 2];
  },
  (one) => one.shape.reverse(),
  (one) => one.shape = [one.shape.reduce((product, size) => product * size, 1)],
  (one, other) => [one.data_offsets, other.data_offsets] = [other.data_offsets, one.data_offsets],
  (one, other) => [one.shape, other.shape] = [other.shape, one.shape],
];

const exchangeMutation = fc.tuple(fc.nat(), fc.nat(), fc.constantFrom(...exchanges))
  .map(([a, b, exchange]) => (bytes: Uint8Array<ArrayBuffer>) => {
    const { __metadata__, ...fields } = JSON.parse(text(bytes));
    const entries = Object.values(fields) as HeaderEntry[];
    exchange(entries[a % entries.length]!, entries[b % entries.length]!);
    return bytesOf(JSON.stringify({ __metadata__, ...fields }));
  });

/** Damage to a safetensors file: to its bytes, or to its header with the length put right. */
export const weightsMutation: fc.Arbitrary<Mutation<Uint8Array<ArrayBuffer>>> = fc.oneof(
  byteMutation,
  fc.oneof({ weight: 2, arbitrary: jsonFileMutation }, { weight: 1, arbitrary: exchangeMutation })
    .map((change) => (file: Uint8Array<ArrayBuffer>) => {
      const length = Number(new DataView(file.buffer).getBigUint64(0, true));
      const header = change(file.slice(8, 8 + length));
      const start = new Uint8Array(new BigUint64Array([BigInt(header.length)]).buffer);
      return new Uint8Array([...start, ...header, ...file.subarray(8 + length)]);
    }),
);

/** Regular expressions with loops in loops, as often harmless as not. */
const anyPattern: fc.Arbitrary<string> = fc.letrec<{ part: string; atom: string; whole: string }>(
  (tie) => ({
    atom: fc.oneof(
      fc.constantFrom(
        "a",
        ".",
        "\\w",
        "\\d+",
        "\\.",
        "[a-z_.0-9]",
        "[^!]",
        "layer",
        "query",
        "(a|a)",
      ),
      fc.constantFrom(
        "(a|ab)",
        "(?:)",
        "\\1",
        "\\b",
        "(",
        "[",
        "\\",
        "(?=a)",
        "(?P<x>a)",
        "\\p{L}",
        "é",
      ),
      { arbitrary: tie("whole").map((inner) => `(${inner})`), weight: 2 },
      tie("whole").map((inner) => `(?:${inner})`),
    ),
    part: fc.tuple(
      tie("atom"),
      fc.constantFrom("", "", "+", "*", "?", "+?", "{2}", "{1,9}", "{3,}", "{0,1000}"),
    ).map(([atom, quantifier]) => atom + quantifier),
    whole: fc.oneof(
      { maxDepth: 4 },
      fc.array(tie("part"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("")),
      fc.tuple(tie("part"), tie("part")).map((parts) => parts.join("|")),
    ),
  }),
).whole;

const patternKeys = [
  "target_modules",
  "exclude_modules",
  "rank_pattern",
  "alpha_pattern",
  "modules_to_save",
  "layers_pattern",
] as const;

/** An adapter configuration with a regular expression of any kind in any of its places. */
export const patternMutation: fc.Arbitrary<Mutation<Uint8Array<ArrayBuffer>>> = fc.tuple(
  fc.constantFrom(...patternKeys),
  anyPattern,
  fc.constantFrom("", "!", "$", ".*"),
).map(([key, start, end]) => (bytes: Uint8Array<ArrayBuffer>) => {
  const fields = JSON.parse(text(bytes));
  const pattern = start + end;
  fields[key] = key.endsWith("_pattern") && key !== "layers_pattern"
    ? { [pattern]: 2 }
    : key === "modules_to_save"
    ? [...fields[key] ?? [], pattern]
    : pattern;
  if (key === "layers_pattern") fields.layers_to_transform = [0, 1];
  return bytesOf(JSON.stringify(fields));
});
