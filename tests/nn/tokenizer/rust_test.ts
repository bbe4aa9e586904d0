import { assert, assertEquals } from "@std/assert";
import { Tokenizer } from "../../../nn/tokenizer/tokenizer.ts";

// What the Rust library tokenizers says; tests/nn/tokenizer/rust/make.py makes both files.
const load = async (name: string) =>
  JSON.parse(await Deno.readTextFile(new URL(`rust/${name}`, import.meta.url)));
const { models, tokenizers }: {
  models: Record<string, { vocab: Record<string, number> | [string, number][] }>;
  tokenizers: Record<string, { model: string; added_tokens: { id: number; content: string }[] }>;
} = await load("tokenizers.json");
const digests: {
  block: number;
  texts: number;
  group: number;
  awkward: string;
  snippets: string[];
  points: Record<string, string>;
  random: Record<string, string>;
} = await load("digests.json");
const digestLength = 12;

/** All code points with HIDDENKEY_FUZZ, a minute or two; else every third block up to U+20000. */
const everything = Deno.permissions.querySync({ name: "env", variable: "HIDDENKEY_FUZZ" }).state ===
    "granted" && Deno.env.get("HIDDENKEY_FUZZ") !== undefined;

function open(name: string): Tokenizer {
  const spec = tokenizers[name]!;
  const model = models[spec.model]!;
  return new Tokenizer({ ...spec, model, post_processor: null }, {}, name);
}

async function digest(lines: readonly string[]): Promise<string> {
  const bytes = new TextEncoder().encode(lines.join("\n"));
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return hash.toHex().slice(0, digestLength);
}

/** The texts of make.py: xorshift with 32 bits. */
function randomTexts(): string[] {
  let state = 1;
  const draw = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const letters = [...digests.awkward];
  const { snippets } = digests;
  return Array.from({ length: digests.texts }, () => {
    const parts = Array.from(
      { length: draw(24) },
      () => draw(5) === 0 ? snippets[draw(snippets.length)] : letters[draw(letters.length)],
    );
    return parts.join("");
  });
}

for (const [index, [name, expected]] of Object.entries(digests.points).entries()) {
  Deno.test(`code points, each by itself and between letters: ${name}`, async () => {
    const tokenizer = open(name);
    const different: string[] = [];
    for (let block = 0; block * digests.block < 0x110000; block++) {
      if (!everything && (block > 31 || block % 3 !== index % 3)) continue;
      const lines: string[] = [];
      for (let point = block * digests.block; point < (block + 1) * digests.block; point++) {
        if (point >= 0xd800 && point < 0xe000) continue;
        const text = String.fromCodePoint(point);
        const [alone, between] = [tokenizer.encode(text), tokenizer.encode(`a${text}b`)];
        lines.push(`${alone.ids};${between.ids}`);
      }
      const want = expected.slice(block * digestLength, (block + 1) * digestLength);
      if (await digest(lines) !== want) different.push(`block ${block}`);
    }
    assertEquals(different, []);
  });
}

Deno.test("awkward texts: ids and decoded texts of every part", async () => {
  const texts = randomTexts();
  const different: string[] = [];
  for (const [name, expected] of Object.entries(digests.random)) {
    const tokenizer = open(name);
    for (let group = 0; group * digests.group < texts.length; group++) {
      const lines: string[] = [];
      for (const text of texts.slice(group * digests.group, (group + 1) * digests.group)) {
        const { ids } = tokenizer.encode(text);
        lines.push(`${ids}`, tokenizer.decode(ids), tokenizer.decode(ids, { skipSpecial: true }));
      }
      const want = expected.slice(group * digestLength, (group + 1) * digestLength);
      if (await digest(lines) !== want) different.push(`${name}: texts of group ${group}`);
    }
  }
  assertEquals(different, []);
  assert(Object.keys(digests.random).length > 80);
});
