import { assert, assertEquals } from "@std/assert";
import {
  arrowsUp,
  breaches,
  cycles,
  graphOf,
  importsOf,
  largeFunctions,
  type Layers,
  namesExportedTwice,
  reachedFrom,
  readSources,
  type Sources,
} from "./support/structure.ts";

const root = decodeURIComponent(new URL("..", import.meta.url).pathname);
const entries = ["mod.ts", "ops.ts", "backend.ts"];
const folders = ["core", "kernels", "nn", "train"];
const everything = await readSources(root, [...entries, ...folders, "tests", "bench"]);
const sources: Sources = new Map(
  [...everything].filter(([path]) => !/^(tests|bench)\//.test(path)),
);

/** Lowest first: a file imports from its own layer and from those before it. */
const coreLayers: Layers = [
  [
    "errors.ts",
    "excerpt.ts",
    "arguments.ts",
    "capture_trace.ts",
    "dtype.ts",
    "half.ts",
    "quantisation.ts",
    "quantise.ts",
    "finite.ts",
    "flags.ts",
    "nested.ts",
    "numbers.ts",
    "operations.ts",
    "reserve.ts",
    "shape.ts",
    "threefry.ts",
  ],
  ["random.ts"],
  ["expr.ts"],
  ["scalar.ts", "derive.ts", "activations.ts"],
  ["program.ts"],
  ["backend.ts"],
  ["storage.ts"],
  ["device.ts", "indices.ts", "matmul_shape.ts", "unpack.ts"],
  ["op.ts", "tensor.ts", "replay.ts", "tape.ts"],
  ["apply.ts", "update.ts", "memory.ts", "quantised.ts", "destination.ts"],
  ["ops/"],
  ["checkpoint.ts", "gradient.ts", "capture_record.ts", "captured_memory.ts"],
  ["attention.ts", "capture.ts"],
];
const nnLayers: Layers = [
  ["formats/json_record.ts"],
  ["dropout/", "layers/"],
  ["models/", "lora/"],
  ["objective/"],
  ["optim/"],
  ["generation/", "formats/"],
  ["for_cards.ts"],
  ["tokenizer/"],
];
const trainLayers: Layers = [
  ["files/", "statistics/"],
  ["metrics/", "hub/"],
  ["data/"],
  ["config/"],
  ["device/", "distributed/"],
  ["tasks/"],
  ["schedule.ts", "run/"],
  ["step.ts"],
  ["evaluation.ts"],
  ["fit.ts"],
  ["prepare.ts"],
  ["one_step.ts"],
  ["memory_count.ts", "memory_remedies.ts"],
  ["memory_plan.ts"],
  ["train.ts"],
  ["dry_run.ts"],
  ["merge/", "parity/", "noise/", "demo/", "report/"],
  ["lab/"],
  ["sweep/"],
  ["tables/"],
  ["mod.ts", "commands/"],
  ["main.ts"],
];

/** What a backend may know of core. */
const described = [
  "backend",
  "dtype",
  "errors",
  "expr",
  "half",
  "operations",
  "program",
  "random",
  "scalar",
  "threefry",
].map((name) => `core/${name}.ts`);

/** Rules by name: each gives the breaches it finds. */
const rules: Readonly<Record<string, (sources: Sources) => readonly string[]>> = {
  "core imports core alone": (all) => breaches(all, "core", (to) => to.startsWith("core/")),
  "a backend imports the description of programs, kernels/plan and its own files": (all) => {
    const own = (path: string) => path.split("/").slice(0, 2).join("/");
    return breaches(
      all,
      "kernels",
      (to, from) =>
        described.includes(to) || own(from) === own(to) || to.startsWith("kernels/plan/"),
    );
  },
  "nn imports core and nn alone": (all) => breaches(all, "nn", (to) => /^(core|nn)\//.test(to)),
  "mod.ts, ops.ts and backend.ts import core, kernels and nn alone": (all) =>
    entries.flatMap((entry) => breaches(all, entry, (to) => /^(core|kernels|nn)\//.test(to))),
  "train imports no tests and no bench": (all) =>
    breaches(all, "train", (to) => !/^(tests|bench)\//.test(to)),
  "nothing but train imports train": (all) =>
    [...entries, "core", "kernels", "nn"]
      .flatMap((part) => breaches(all, part, (to) => !to.startsWith("train/"))),
  "no arrow of core runs up": (all) => arrowsUp(all, "core", coreLayers),
  "no arrow of nn runs up": (all) => arrowsUp(all, "nn", nnLayers),
  "no arrow of train runs up": (all) => arrowsUp(all, "train", trainLayers),
  "no import closes a cycle": cycles,
  "no name is exported by two files": namesExportedTwice,
  "no file has more than 300 lines": (all) =>
    [...all].filter(([, text]) => text.trimEnd().split("\n").length > 300).map(([path]) => path),
  "no function takes more than five parameters": (all) =>
    largeFunctions(all, { lines: Infinity, parameters: 5 }).map(({ name }) => name),
  "no module exports all of another": (all) =>
    [...all].filter(([, text]) => /^export\s+\*/m.test(text)).map(([path]) => path),
  "no file outside nn/models asks for an architecture by name": (all) =>
    [...all].filter(([path]) => !path.startsWith("nn/models/"))
      .filter(([, text]) =>
        /[!=]== "(bert|roberta|mpnet|deberta-v2|gpt2|llama|qwen2|qwen3|smollm3|mistral|modernbert|gemma3_text|phi|phi3)"/
          .test(text)
      )
      .map(([path]) => path),
  "no Value and no backend is opened in nn": (all) =>
    [...all].filter(([path]) => path.startsWith("nn/"))
      .filter(([, text]) => /\b(?:new Value|Value\.allocate)\b|\.backend\./.test(text))
      .map(([path]) => path),
};

for (const [name, find] of Object.entries(rules)) {
  Deno.test(name, () => assertEquals(find(sources), []));
}

Deno.test("at most four functions have more than 60 lines", () => {
  const long = largeFunctions(sources, { lines: 60, parameters: Infinity });
  assert(long.length <= 4, long.map(({ name, lines }) => `${name}: ${lines}`).join("\n"));
});

Deno.test("no test, bench or source has more than 300 lines", () => {
  assertEquals(rules["no file has more than 300 lines"]!(everything), []);
});

Deno.test("every import is read: the graph holds edges that are known", () => {
  const graph = graphOf(everything);
  assert(sources.size > 200);
  assert(graph.get("core/apply.ts")!.includes("core/tape.ts"));
  assert(graph.get("nn/lora/lora.ts")!.includes("core/ops/matmul.ts"));
  assert(graph.get("nn/optim/train_step.ts")!.includes("nn/objective/objective.ts"));
  for (const [path, targets] of graph) {
    for (const to of targets) {
      if (!to.includes("/") || !/\.[jt]s$/.test(to) || to.startsWith("npm:")) continue;
      assert(everything.has(to), `${path} imports ${to}, which is not among the files read`);
    }
  }
});

Deno.test("what mod.ts reaches, and all of core and nn, never names Deno", () => {
  const reached = reachedFrom(sources, "mod.ts");
  for (const path of sources.keys()) if (/^(core|nn)\//.test(path)) reached.add(path);
  const naming = [...reached].filter((path) => /\bDeno\.\w/.test(sources.get(path) ?? ""));
  assertEquals(naming, []);
});

Deno.test("importsOf() reads imports, types, re-exports and dynamic imports", () => {
  const text = `import { a } from "./a.ts";
import type { B } from "../core/b.ts";
export { c } from "./c.ts";
const d = await import("./d.ts");
import "@std/assert";`;
  assertEquals(importsOf("nn/x.ts", text).sort(), [
    "@std/assert",
    "core/b.ts",
    "nn/a.ts",
    "nn/c.ts",
    "nn/d.ts",
  ]);
});

/** Violations made on purpose: the rule, the file that is added or changed, and its text. */
const violations: readonly (readonly [rule: string, path: string, text: string])[] = [
  ["core imports core alone", "core/apply.ts", `import "../kernels/cpu/backend.ts";`],
  [
    "a backend imports the description of programs, kernels/plan and its own files",
    "kernels/cpu/backend.ts",
    `import type { B } from "../webgpu/backend.ts";`,
  ],
  [
    "nn imports core and nn alone",
    "nn/lora/lora.ts",
    `import "../../train/fit.ts";`,
  ],
  [
    "mod.ts, ops.ts and backend.ts import core, kernels and nn alone",
    "mod.ts",
    `export { t } from "./train/train.ts";`,
  ],
  ["train imports no tests and no bench", "train/fit.ts", `import "../tests/support/shared.ts";`],
  ["nothing but train imports train", "nn/lora/lora.ts", `import("../../train/fit.ts");`],
  ["no arrow of core runs up", "core/expr.ts", `import type { Op } from "./op.ts";`],
  ["no arrow of core runs up", "core/unplaced.ts", ``],
  ["no arrow of nn runs up", "nn/layers/linear.ts", `import "../objective/objective.ts";`],
  ["no arrow of train runs up", "train/data/csv.ts", `import "../tasks/open.ts";`],
  ["no import closes a cycle", "core/errors.ts", `import "./expr.ts"; import "./errors.ts";`],
  ["no name is exported by two files", "core/shape.ts", `export interface Expr { x: number }`],
  ["no file has more than 300 lines", "core/shape.ts", "let x;\n".repeat(301)],
  [
    "no function takes more than five parameters",
    "core/shape.ts",
    `const f = (a: 1, b: 1, c: 1, d: 1, e: 1, f: 1) => a;`,
  ],
  ["no module exports all of another", "core/shape.ts", `export * from "./expr.ts";`],
  [
    "no file outside nn/models asks for an architecture by name",
    "train/train.ts",
    `if (config.architecture === "gpt2") throw 0;`,
  ],
  [
    "no Value and no backend is opened in nn",
    "nn/lora/lora.ts",
    `const v = Value.allocate(device, "f32", []);`,
  ],
];

for (const [rule, path, text] of violations) {
  Deno.test(`a breach on purpose is found: ${rule} (${path})`, () => {
    const broken = new Map([...sources, [path, text]]);
    const before = new Set(rules[rule]!(sources));
    const added = rules[rule]!(broken).filter((found) => !before.has(found));
    assert(added.length > 0);
  });
}

Deno.test("a breach on purpose is found: a function of more than 60 lines", () => {
  const text = `function long() {\n${"  step();\n".repeat(60)}}`;
  const [found] = largeFunctions(new Map([["a.ts", text]]), { lines: 60, parameters: 5 });
  assertEquals(found, { name: "a.ts long", lines: 62, parameters: 0 });
});
