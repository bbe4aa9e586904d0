import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { dropoutPlan, methods } from "../../../nn/dropout/methods.ts";
import { checkLayers, type GivenConfig, resolveConfig } from "../../../train/config/config.ts";
import { parseFlags, parseObject } from "../../../train/config/parse.ts";
import { trainOptions } from "../../../train/config/train_options.ts";

const flags = (...args: string[]) => parseFlags(trainOptions, args);
const object = (site: unknown) => parseObject(trainOptions, { site }, "f.json");
const needed = { task: "rte", data: "d", model: "m" } as const;

function refused(run: () => unknown, ...parts: string[]): void {
  const { message } = assertThrows(run, OptionError);
  for (const part of parts) assertStringIncludes(message, part);
}

/** Sites as flags and as objects of files. */
const written = [
  ["hidden=span,0.1,start=attention,no-rescale", {
    position: "hidden",
    structure: "span",
    rate: 0.1,
    start: "attention",
    rescale: false,
  }],
  ["weights=rescale, no-per-head", { position: "weights", rescale: true, perHead: false }],
  ["input=column,.25,no-hide,no-per-example", {
    position: "input",
    structure: "column",
    rate: 0.25,
    hide: false,
    perExample: false,
  }],
  ["logits=span,span-length=3,layers=0+2", {
    position: "logits",
    structure: "span",
    spanLength: 3,
    layers: [0, 2],
  }],
  ["lora=feature,1e-1,layers=latter-half", {
    position: "lora",
    structure: "feature",
    rate: 0.1,
    layers: "latter-half",
  }],
  ["rank=rate=0.2,structure=element", { position: "rank", rate: 0.2, structure: "element" }],
  ["update=0", { position: "update", rate: 0 }],
] as const;

Deno.test("--site is read from flags, from texts and from objects of files alike", () => {
  const expected = written.map(([, site]) => site);
  const texts = written.map(([text]) => text);
  assertEquals(flags(...texts.flatMap((text) => ["--site", text])), { site: expected } as never);
  assertEquals(flags(...texts.map((text) => `--site=${text}`)), { site: expected } as never);
  assertEquals(object(texts), { site: expected } as never);
  assertEquals(object(expected), { site: expected } as never);
  for (const [i, text] of texts.entries()) {
    assertEquals(object(text), { site: [expected[i]] } as never);
    assertEquals(object([text, ...expected.filter((_, k) => k !== i)]).site?.[0], expected[i]);
  }
  // What was read is read again without a change.
  const config = resolveConfig({ ...needed, ...object(expected) });
  assertEquals(config.site, expected as never);
  assertEquals(resolveConfig(config), config);
});

Deno.test("--site takes switches with a value, as flags do, and a rate after layers", () => {
  const read = (text: string) => flags("--site", text).site?.[0];
  for (const value of [true, false]) {
    const site = { position: "hidden", rescale: value, perExample: !value };
    assertEquals(read(`hidden=rescale=${value},per-example=${!value}`), site as never);
  }
  const site = { position: "hidden", layers: [3, 0], rate: 0.2 };
  assertEquals(read("hidden=layers=3+0,0.2"), site as never);
});

Deno.test("--site says which word is wrong", () => {
  const both = (text: string, ...parts: string[]) => {
    refused(() => flags("--site", text), "--site", ...parts);
    refused(() => object([text]), "site in f.json", ...parts);
  };
  both("hiden=span", "Cannot find option hiden", "hidden");
  both("hidden=spam", "Cannot find option spam", "span");
  both("hidden=spam-length=3", "Cannot find option spam-length", "span-length");
  both("hidden=__proto__=3", "Cannot find option __proto__");
  both("hidden=toString=3", "Cannot find option");
  both("hidden=span,1.5", "rate of hidden", "below 1", '"1.5"');
  both("hidden=span,-0.1", "rate of hidden", "at least 0");
  both("hidden=span,0.1,0.2", "rate of hidden at most once");
  both("hidden=span,column", "structure of hidden at most once");
  both("hidden=span,span-length=0", "span-length of hidden", "an integer of at least 1");
  both("hidden=start=middle", "start of hidden", "one of uniform, attention");
  both("hidden=rescale=yes", "rescale of hidden", "true or false");
  both("hidden=layers=first", "layers of hidden", "all, latter-half or a list of layers");
  both("hidden=span,layers=3,0", "layers with + between them");
  both("hidden=span,layers=3,4,0.1", "layers with + between them");
  both("hidden", "POSITION=STRUCTURE,RATE,…");
  both("=span", "POSITION=STRUCTURE,RATE,…");
  both("hidden=span,,0.1", "POSITION=STRUCTURE,RATE,…");
  refused(() => flags("--site"), "--site as it requires a value");
  refused(
    () => flags("--site", "hidden=span", "--site", "hidden=column"),
    "each position at most once",
  );
  for (const position of [undefined, null, 1, ["hidden"]]) {
    refused(
      () => object([{ position, structure: "span" }]),
      "site in f.json as a position for each",
    );
  }
  refused(() => object([{ position: "hidden", rate: "x" }]), "rate of hidden in site in f.json");
  refused(() => object([{ position: "hidden", noGrad: true }]), "noGrad", "nograd");
  refused(() => object([{ position: "hidden", "span-length": 3 }]), "span-length", "spanLength");
  refused(() => flags("--site", "hidden=spam-length=3"), "spam-length", "span-length");
  refused(() => object([7]), "POSITION=STRUCTURE,RATE,…", "7");
  refused(() => object(JSON.parse('[{"position":"lora","__proto__":1}]')), "__proto__");
  // What fits as a word, but belongs to another site, is refused by who reads it.
  refused(
    () => resolveConfig({ ...needed, ...flags("--site", "logits=column,no-rescale") }),
    "Cannot drop column logits as rescale requires anything but logits: found false",
  );
  refused(
    () => resolveConfig({ ...needed, ...flags("--site", "output=element,start=attention") }),
    "start requires spans of hidden",
  );
});

Deno.test("--site of a flag goes before that of a file, and before what the method and rates say", () => {
  const file = object(["hidden=span,0.3", "logits=element"]);
  const config = resolveConfig(
    needed,
    { ...file, method: "hiddenkey" },
    flags("--site", "hidden=0.2"),
  );
  assertEquals(config.site, [{ position: "hidden", rate: 0.2 }]);
  const sites = (given: GivenConfig) =>
    dropoutPlan("hiddenkey", false, resolveConfig({ ...needed, ...given })).sites
      .map(({ structure, position, rate }) => `${structure} ${position} ${rate}`);
  assertEquals(sites({ ...file, rate: 0.05 }), ["element logits 0.05", "span hidden 0.3"]);
  assertEquals(sites({ structure: "column", site: [{ position: "hidden", rate: 0.4 }] }), [
    "column logits 0.1",
    "column hidden 0.4",
  ]);
  assertEquals(sites({ site: [{ position: "hidden", rate: 0 }] }), ["column logits 0.1"]);
  assertEquals(sites({ site: [{ position: "rank" }], rate: { rank: 0.3 } }), [
    "column logits 0.1",
    "element hidden 0.1",
    "element rank 0.3",
  ]);
});

Deno.test("the sites of a plan, as a file has them, give the same plan again", () => {
  const sites = written.map(([, site]) => site);
  for (const decoder of [false, true]) {
    for (const method of methods) {
      for (const site of [[], sites]) {
        const config = resolveConfig({ ...needed, method, ...object(site) });
        const plan = dropoutPlan(method, decoder, config);
        const { kind, weight: kl, branches } = plan.compensation;
        const json = JSON.stringify({ site: plan.sites, compensation: kind, kl, branches });
        const again = parseObject(trainOptions, JSON.parse(json), "f.json");
        const other = resolveConfig({ ...needed, ...again, method: "lora" });
        assertEquals(dropoutPlan("lora", decoder, other), plan);
      }
    }
  }
});

Deno.test("checkLayers() looks at the layers of each site too", () => {
  const check = (...args: string[]) =>
    checkLayers(resolveConfig({ ...needed, ...flags(...args) }), 4);
  check("--layers", "0,3", "--site", "hidden=layers=1+3", "--site", "logits=layers=latter-half");
  refused(() => check("--layers", "4"), "--layers as the model has the layers 0 to 3: found 4");
  refused(
    () => check("--site", "logits=element", "--site", "hidden=layers=1+4"),
    "Cannot use layers of hidden in --site as the model has the layers 0 to 3: found 4",
  );
});
