import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { stringify as toml } from "smol-toml";
import { stringify as yaml } from "yaml";
import { FileError, OptionError } from "../../../core/errors.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import { readConfigFile } from "../../../train/config/config_file.ts";
import { trainOptions } from "../../../train/config/train_options.ts";

/** Reads a text as a file of some name. */
async function reading(name: string, content: string | Uint8Array<ArrayBuffer>) {
  const folder = await Deno.makeTempDir({ prefix: "hiddenkey-" });
  try {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${folder}/${name}`, bytes);
    return await readConfigFile(trainOptions, `${folder}/${name}`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** One configuration with a value of each kind, as a person would write it. */
const written = {
  json: `{
  "$schema": "./schema.json",
  "task": "rte", "data": "d: \\"x\\" # y", "model": "m",
  "lr": 1e-3, "bucket": false, "seed": 9007199254740991, "branches": 2,
  "decayExclude": ["bias", "norm"], "layers": [0, 2], "rate": {"logits": 0.1, "hidden": 5e-2},
  "site": [
    {"position": "lora", "structure": "element", "rate": 0.5, "rescale": true},
    {"position": "hidden", "structure": "span", "rate": 0.1, "layers": "latter-half", "spanLength": 3}
  ]
}`,
  jsonc: `// A configuration.
{
  "task": "rte", /* of GLUE */
  "data": "d: \\"x\\" # y", "model": "m",
  "lr": 0.001, "bucket": false, "seed": 9007199254740991, "branches": 2,
  "decayExclude": ["bias", "norm",], "layers": [0, 2], "rate": {"logits": 0.1, "hidden": 5e-2},
  "site": [
    {"position": "lora", "structure": "element", "rate": 0.5, "rescale": true},
    {"position": "hidden", "structure": "span", "rate": 0.1, "layers": "latter-half", "spanLength": 3},
  ],
}`,
  yaml: `# A configuration.
task: rte
data: 'd: "x" # y'
model: m
lr: 1e-3
bucket: false
seed: 9007199254740991
branches: 2
decayExclude: [bias, norm]
layers: [0, 2]
rate:
  logits: .1
  hidden: 5.0e-2
site:
  - position: lora
    structure: element
    rate: 0.5
    rescale: true
  - {position: hidden, structure: span, rate: 0.1, layers: latter-half, spanLength: 3}
`,
  toml: `# A configuration.
task = "rte"
data = 'd: "x" # y'
model = "m"
lr = 1e-3
bucket = false
seed = 9_007_199_254_740_991
branches = 2
decayExclude = [
  "bias",
  "norm",
]
layers = [0, 2]

[rate]
logits = 0.1
hidden = 5e-2

[[site]]
position = "lora"
structure = "element"
rate = 0.5
rescale = true

[[site]]
position = "hidden"
structure = "span"
rate = 0.1
layers = "latter-half"
spanLength = 3
`,
} as const;

Deno.test("one configuration resolves alike from JSON, JSON with comments, YAML and TOML", async () => {
  const expected = resolveConfig(await reading("a.json", written.json));
  assertEquals(expected.lr, 1e-3);
  assertEquals(expected.data, 'd: "x" # y');
  assertEquals(expected.seed, Number.MAX_SAFE_INTEGER);
  assertEquals(expected.rate, { logits: 0.1, hidden: 0.05 });
  assertEquals(expected.site?.map(({ position }) => position), ["lora", "hidden"]);
  for (const [ending, text] of Object.entries(written)) {
    for (const name of [`a.${ending}`, `b.${ending.toUpperCase()}`]) {
      assertEquals(resolveConfig(await reading(name, text)), expected, name);
    }
  }
  assertEquals(resolveConfig(await reading("a.yml", written.yaml)), expected);
});

Deno.test("a byte order mark and line ends of Windows change nothing", async () => {
  for (const [ending, text] of Object.entries(written)) {
    const plain = await reading(`a.${ending}`, text);
    assertEquals(await reading(`a.${ending}`, `\uFEFF${text}`), plain, ending);
    assertEquals(await reading(`a.${ending}`, text.replaceAll("\n", "\r\n")), plain, ending);
  }
});

const texts = fc.oneof(
  fc.string({ minLength: 1 }),
  fc.constantFrom("no", "1e-3", "~", "012", "1:30", "#", "y: 1"),
);
const values = fc.record({
  data: texts,
  // Larger ones are written as integers with digits that they do not have.
  lr: fc.double({ min: 0, max: 2 ** 53, noNaN: true }),
  epsilon: fc.constantFrom(1e-8, 5e-324, 1e15, 0),
  seed: fc.maxSafeNat(),
  bucket: fc.boolean(),
  rate: fc.record({ logits: fc.double({ min: 0, max: 0.9, noNaN: true }), hidden: fc.constant(0) }),
  layers: fc.array(fc.nat(), { minLength: 1 }),
  site: fc.subarray([{ position: "lora", rate: 0.5 }, { position: "rank", hide: false }]),
}, { requiredKeys: [] });

Deno.test("what a library writes as YAML, TOML or JSON is read back to the bit", () =>
  fc.assert(
    fc.asyncProperty(values, async (config) => {
      const expected = await reading("a.json", JSON.stringify(config));
      for (
        const [name, text] of [["a.jsonc", JSON.stringify(config)], [
          "a.yaml",
          yaml(config, { compat: "yaml-1.1" }),
        ]]
      ) {
        assertEquals(await reading(name!, text!), expected, name);
      }
      assertEquals(await reading("a.toml", toml(config)), expected, "TOML");
    }),
    { numRuns: 60 },
  ));

Deno.test("anchors and merge keys of YAML stand for what they name", async () => {
  const text = `site:
  - &usual {position: lora, structure: element, rate: &r 0.25}
  - {<<: *usual, position: hidden}
lr: *r
`;
  assertEquals(await reading("a.yaml", text), {
    site: [
      { position: "lora", structure: "element", rate: 0.25 },
      { position: "hidden", structure: "element", rate: 0.25 },
    ],
    lr: 0.25,
  });
});

const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]", ..."bcdefghi"].map((line, i) =>
  i === 0 ? line : `${line}: &${line} [${`*${String.fromCharCode(96 + i)},`.repeat(9)}]`
).join("\n");

/** Files that are refused: name, content, and what the message begins with or holds. */
const faults: readonly (readonly [name: string, content: string, message: RegExp])[] = [
  [
    "a.txt",
    "{}",
    /a\.txt: Cannot read configuration as a name that ends in one of \.json, .*\.toml/,
  ],
  ["toml", "{}", /toml: Cannot read configuration as a name/],
  ["a.json", '{\n"lr": 1,\n}', /a\.json:3: .* valid JSON: found unexpected "}"/],
  ["a.json", '{\n"lr": 1,', /a\.json:2: .* valid JSON: found the end of the file/],
  ["a.json", '{\n"lr": 1 // x\n}', /a\.json:2: .* valid JSON/],
  ["a.json", '{\n"lr": 1,\n"lr": 1}', /a\.json:3: .*each key once.*lr again/],
  ["a.json", '{"rate": {"logits": 0,\n"logits": 0}}', /a\.json:2: .*logits again/],
  ["a.json", "[1]", /a\.json as an object of options is required: found \[1\]/],
  ["a.json", '{\n"out": ""}', /out in .*a\.json:2 as a text that is not empty is.*found ""/],
  ["a.json", '{\n\n"seed": 9007199254740993}', /a\.json:3: .*seed.*below 2\^53.*740993/],
  ["a.json", '{\n"lr": 1e400}', /a\.json:2: .*lr as a finite number.*Infinity/],
  ["a.json", '{"__proto__": {"lr": 1}}', /Cannot find option __proto__ in .*a\.json:1/],
  ["a.json", "[".repeat(1e5) + "]".repeat(1e5), /a\.json: .*nested too deeply/],
  ["a.jsonc", '{"lr": 1,\n"lr": 2}', /a\.jsonc:2: .*lr again/],
  ["a.jsonc", '{\n"lr" 1}', /a\.jsonc:2: .*colon expected/],
  ["a.jsonc", "// nothing\n", /a\.jsonc:2: .*value expected/],
  ["a.jsonc", '{"lr": NaN}', /a\.jsonc:1: .*invalid symbol/],
  ["a.jsonc", '// x\n{"epocs": 1}', /option epocs in .*a\.jsonc:2: the nearest.* epochs/],
  ["a.yaml", "lr: 1\nlr: 2\n", /a\.yaml:2: .*valid YAML: map keys must be unique/],
  ["a.yaml", "\nrate: {logits: 0, logits: 1}\n", /a\.yaml:2: .*unique/],
  ["a.yaml", "lr: 1\ndata: [x\n", /a\.yaml:[23]: .*valid YAML/],
  ["a.yaml", "lr: 1\n---\nlr: 2\n", /a\.yaml:3: .*one YAML document.*several/],
  ["a.yaml", "lr: 1\nbucket: no\n", /a\.yaml:2: .*true, false or a text in quotes.*found no$/],
  ["a.yaml", "out: on\n", /a\.yaml:1: .*true, false or a text in quotes.*found on$/],
  ["a.yaml", "out: y\n", /a\.yaml:1: .*found y$/],
  ["a.yaml", "seed: 010\n", /a\.yaml:1: .*decimal digits or a text.*found 010$/],
  ["a.yaml", "seed: 1_000\n", /a\.yaml:1: .*found 1_000$/],
  ["a.yaml", "data: 12:30\n", /a\.yaml:1: .*found 12:30$/],
  ["a.yaml", "data: 2024-01-02\n", /a\.yaml:1: .*a text in quotes.*found 2024-01-02$/],
  ["a.yaml", "layers: [1, 0o7]\n", /a\.yaml:1: .*found 0o7$/],
  ["a.yaml", "bucket: 'no'\n", /bucket in .*a\.yaml:1 as true or false is required: found "no"/],
  ["a.yaml", "lr:\n", /lr in .*a\.yaml:1 as a number.*found null/],
  ["a.yaml", "lr: .nan\n", /a\.yaml:1: .*lr as a finite number.*NaN/],
  ["a.yaml", "lr: -.inf\n", /a\.yaml:1: .*lr as a finite number.*-Infinity/],
  ["a.yaml", "seed: 9007199254740993\n", /a\.yaml:1: .*below 2\^53/],
  ["a.yaml", "lr: !half 1\n", /a\.yaml:1: .*unresolved tag/],
  ["a.yaml", "? [a]\n: 1\n", /a\.yaml: .*a text is required for each key/],
  ["a.yaml", "1: 2\n", /Cannot find option 1 in .*a\.yaml:1/],
  ["a.yaml", "lr: *x\n", /a\.yaml:?1?: .*valid YAML/],
  ["a.yaml", "a: &a [*a]\n", /a\.yaml:1: .*a depth of at most 32/],
  ["a.yaml", bomb, /a\.yaml: .*valid YAML: excessive alias count/],
  ["a.yaml", "", /a\.yaml as an object of options is required: found null/],
  ["a.yaml", "\tlr: 1\n", /a\.yaml:1: .*valid YAML/],
  ["a.toml", "lr = 1\nlr = 2\n", /a\.toml:2: .*valid TOML: trying to redefine/],
  ["a.toml", "[rate]\nlogits = 0\n[rate]\n", /a\.toml:3: .*valid TOML/],
  ["a.toml", "lr = 1\nbatch =\n", /a\.toml:2: .*valid TOML/],
  ["a.toml", "lr = nan\n", /a\.toml:1: .*lr as a finite number.*NaN/],
  ["a.toml", "# x\n\nlr = inf\n", /a\.toml:3: .*lr as a finite number.*Infinity/],
  ["a.toml", "lr = 1\ndata = 2024-01-02\n", /a\.toml:2: .*found the date 2024-01-02/],
  ["a.toml", "seed = 9007199254740993\n", /a\.toml:1: .*below 2\^53/],
  ["a.toml", "lr = 1\nbatch = [\n1,\n]\nrank = 1\n", /batch in .*a\.toml:2 as an integer/],
  [
    "a.toml",
    '[[site]]\nposition = "lora"\nrate = 0.1\n[rate]\nlogits = 2\n',
    /logits in rate in .*a\.toml:4 as a rate/,
  ],
  ["a.toml", "lr = 1 # [\nrate.logits = 2\n", /logits in rate in .*a\.toml:2 as a rate/],
  ["a.toml", "[optimiser]\nlr = 1\n", /Cannot find option optimiser in .*a\.toml:1/],
  ["a.toml", 'data = """\nlr = x\n"""\nlr = "x"\n', /lr in .*a\.toml:4 as a number/],
  ["a.toml", '[[site]]\nposition = "lora"\n[[site]]\nposition = "x"\n', /x in site in .*a\.toml:1/],
];

for (const [name, content, message] of faults) {
  const shown = JSON.stringify(content.length > 50 ? `${content.slice(0, 50)}…` : content);
  Deno.test(`a configuration is refused in one sentence: ${name} with ${shown}`, async () => {
    const error = await assertRejects<Error>(() => reading(name, content));
    assert(error instanceof FileError || error instanceof OptionError, error.stack);
    assert(message.test(error.message), error.message);
    assertEquals(error.message.includes("\n"), false);
  });
}

Deno.test("a configuration of other bytes than UTF-8, or of more than a megabyte, is refused", async () => {
  for (const ending of Object.keys(written)) {
    await assertRejects(
      () => reading(`a.${ending}`, Uint8Array.of(0xFF, 0xFE)),
      FileError,
      "requires UTF-8 text",
    );
  }
  const large = new Uint8Array(1_000_001).fill(0x20);
  await assertRejects(() => reading("a.yaml", large), FileError, "at most 1000000 bytes");
});

Deno.test("a long file is read and refused at once", async () => {
  const rows = Array.from({ length: 20_000 }, (_, i) => `# ${i}`);
  const started = performance.now();
  for (const name of ["a.toml", "a.yaml"]) {
    const [lr, wrong] = name === "a.toml" ? ["lr = 1", "lr = true"] : ["lr: 1", "lr: true"];
    assertEquals(await reading(name, [...rows, lr].join("\n")), { lr: 1 });
    const message = `${name}:20001 as a number of at least 0 is required: found true`;
    await assertRejects(() => reading(name, [...rows, wrong].join("\n")), OptionError, message);
  }
  assert(performance.now() - started < 10_000);
});
