import { assert, assertEquals } from "@std/assert";
import { Ajv2020 } from "ajv/2020";
import fc from "fast-check";
import { OptionError } from "../../../core/errors.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import type { OptionSpec } from "../../../train/config/options.ts";
import { parseObject } from "../../../train/config/parse.ts";
import { presetFor, presetRows } from "../../../train/config/presets.ts";
import { schemaOf } from "../../../train/config/schema.ts";
import { trainOptions } from "../../../train/config/train_options.ts";

const schema = schemaOf(trainOptions, "Options of train");
const validate = new Ajv2020({ strict: true, strictRequired: false }).compile(schema);

function isRead(config: unknown): boolean {
  try {
    parseObject(trainOptions, config, "f.json");
    return true;
  } catch (error) {
    assert(error instanceof OptionError, String(error));
    return false;
  }
}

const names = Object.keys(trainOptions) as (keyof typeof trainOptions)[];
const ofKind = (kind: OptionSpec["kind"]) =>
  names.filter((name) => trainOptions[name].kind === kind);
const positions = trainOptions.rate.positions;

/** Numbers at and beside the bounds that options have. */
const edges = [-1, -0, 0, 0.5, 1, 2, 3, 4, 256, 257, 1e4, 10001, 16384, 16385, 2 ** 53 - 1, 2 ** 53]
  .flatMap((x) => [x, x + 0.25]);
const number = fc.oneof(fc.constantFrom(...edges), fc.double({ noNaN: true }), fc.integer());
const words = [
  ...[
    "all",
    "latter-half",
    " all ",
    "1",
    "2",
    "1,2",
    " 0 , 1 ",
    "1.5",
    "f32",
    "bias",
    "",
    " ",
    ",",
  ],
  ...["a,,b", "a,b", "a,", "auto", "kl", "element", "lora", "uniform", "lora=0.1", "\uFEFF"],
];
const text = fc.oneof(fc.constantFrom(...words), fc.string());
const scalar = fc.oneof(number, text, fc.boolean(), fc.constant(null));
const { settings } = trainOptions.site;
const site = fc.record({
  position: fc.oneof(fc.constantFrom(...positions), scalar),
  rate: fc.oneof(fc.constantFrom(0, 0.5, 1), scalar),
  structure: fc.oneof(fc.constantFrom(...settings.structure.choices), scalar),
  layers: fc.oneof(fc.constantFrom("all", [0], "1,2", []), scalar),
  spanLength: number,
  hide: fc.oneof(fc.boolean(), scalar),
  strange: scalar,
}, { requiredKeys: [] });
const value = fc.oneof(
  scalar,
  fc.array(scalar, { maxLength: 3 }),
  fc.array(fc.array(scalar, { maxLength: 1 }), { maxLength: 2 }),
  fc.dictionary(fc.oneof(fc.constantFrom(...positions), fc.string()), number, { maxKeys: 2 }),
  site,
  fc.array(site, { maxLength: 3 }),
);

/** Values of which some fit an option. */
function likely(name: string): fc.Arbitrary<unknown> {
  if (!Object.hasOwn(trainOptions, name)) return fc.constant(1);
  const spec: OptionSpec = trainOptions[name as keyof typeof trainOptions];
  if (spec.kind === "choice") return fc.constantFrom(...spec.choices, ...spec.choices.map(String));
  if (spec.kind === "sites") return site.map((one) => ({ ...one, position: "lora" }));
  if (spec.kind !== "number" && spec.kind !== "integer") return fc.constantFrom(true, "1", 0.5);
  const bounds = [spec.min, spec.above, spec.below].filter((bound) => bound !== undefined);
  return fc.constantFrom(...bounds, 1).chain((x) => fc.constantFrom(x, x - 1, x + 1, x / 2));
}

/** Texts of numbers, rates and sites, which the parser reads for the sake of flags. */
function isForFlags(name: keyof typeof trainOptions, given: unknown): boolean {
  const { kind } = trainOptions[name];
  const within = (one: unknown): boolean =>
    typeof one === "string" || Array.isArray(one) && one.some(within);
  if (kind === "number" || kind === "integer" || kind === "rate") return typeof given === "string";
  if (kind !== "sites") return false;
  const sites = Array.isArray(given) ? given : [given];
  return sites.some((one) =>
    within(one) || typeof one === "object" && one !== null && isNumberText(one)
  );
}

function isNumberText(one: object): boolean {
  return ["rate", "spanLength"].some((name) => typeof Reflect.get(one, name) === "string");
}

for (const name of [...names, "strange", "constructor"]) {
  Deno.test(`schema and parser agree on every value of ${name}`, () => {
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(value, likely(name)), (given) => {
        const config = JSON.parse(JSON.stringify({ [name]: given }));
        const [fits, read] = [validate(config), isRead(config)];
        accepted += Number(fits);
        if (fits === read) return;
        assert(
          read && isForFlags(name as keyof typeof trainOptions, config[name]),
          `${fits} ${read}`,
        );
      }),
      { numRuns: 150 },
    );
    assertEquals(accepted > 0, Object.hasOwn(trainOptions, name));
  });
}

Deno.test("schema and parser agree at every bound of a number", () => {
  for (const name of [...ofKind("number"), ...ofKind("integer")]) {
    const spec: OptionSpec = trainOptions[name];
    if (spec.kind !== "number" && spec.kind !== "integer") continue;
    const bounds = [spec.min, spec.above, spec.below].filter((bound) => bound !== undefined);
    const near = [...bounds, ...edges].flatMap((x) => [x, x - 1, x + 1, x + 1e-9, x - 1e-9]);
    const verdicts = near.map((x) => validate({ [name]: x }));
    assertEquals(verdicts, near.map((x) => isRead({ [name]: x })), name);
    assertEquals([verdicts.includes(true), verdicts.includes(false)], [true, true], name);
  }
});

Deno.test("the schema accepts presets and what a run saves, and refuses what is mistyped", () => {
  const required = { task: "e2e", data: "d", model: "m" } as const;
  for (const [name] of presetRows) {
    const settings = presetFor(name, "e2e");
    assertEquals(validate(settings), true, name);
    const saved = JSON.parse(JSON.stringify(resolveConfig(required, settings)));
    assertEquals([validate(saved), isRead(saved)], [true, true], name);
  }
  assertEquals(validate({ $schema: "./schema.json", lr: 1 }), true);
  for (const wrong of [{ epocs: 1 }, { lr: -1 }, { task: "rtee" }, { bucket: "no" }, [], 1, null]) {
    assertEquals(validate(wrong), false, JSON.stringify(wrong));
  }
  const twice = { site: [{ position: "lora", rate: 0 }, { position: "lora", rate: 0.1 }] };
  assertEquals([validate(twice), isRead(twice)], [false, false]);
});

Deno.test("the schema shows what help shows, and the defaults of a run", () => {
  const { properties } = schema as {
    properties: Record<string, { description?: string; default?: unknown }>;
  };
  const usual: Record<string, unknown> = {
    ...resolveConfig({ task: "rte", data: "d", model: "m" }),
  };
  for (const name of names) {
    assert(properties[name]!.description!.includes(trainOptions[name].help), name);
    if (properties[name]!.default !== undefined) {
      assertEquals(properties[name]!.default, usual[name]);
    }
  }
  assertEquals(properties["bucket"]!.description!.startsWith("false: draw batches"), true);
});
