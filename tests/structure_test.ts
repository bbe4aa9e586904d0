import { assert, assertEquals } from "@std/assert";

const root = decodeURIComponent(new URL("..", import.meta.url).pathname);
const folders = ["core", "kernels", "nn", "train"];

async function filesIn(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${root}${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) found.push(...await filesIn(path));
    else if (/\.[jt]s$/.test(name)) found.push(path);
  }
  return found.sort();
}

const texts = new Map<string, string>();
for (const folder of [...folders, "tests"]) {
  for (const path of await filesIn(folder)) texts.set(path, await Deno.readTextFile(root + path));
}
texts.set("mod.ts", await Deno.readTextFile(`${root}mod.ts`));

/** Files of the project that a file imports or exports from, types included. */
function importsOf(path: string): string[] {
  const text = texts.get(path) ?? "";
  const found = [
    ...text.matchAll(/^(?:import|export)\s[^;"]*?from\s+"([^"]+)"/gm),
    ...text.matchAll(/^import\s+"([^"]+)"/gm),
    ...text.matchAll(/\bimport\(\s*"([^"]+)"/g),
  ].map((match) => match[1]!);
  return found.filter((name) => name.startsWith(".") && !name.endsWith(".json"))
    .map((name) => new URL(name, `file:///${path}`).pathname.slice(1));
}

const sources = [...texts.keys()].filter((path) => folders.includes(path.split("/")[0]!));
const graph = new Map([...texts.keys()].map((path) => [path, importsOf(path)]));

/** Imports that break a rule, as `file -> file`. */
function breaches(folder: string, allowed: (from: string, to: string) => boolean): string[] {
  return sources.filter((path) => path.startsWith(`${folder}/`)).flatMap((path) =>
    graph.get(path)!.filter((to) => !allowed(path, to)).map((to) => `${path} -> ${to}`)
  );
}

function inFolders(...names: string[]): (from: string, to: string) => boolean {
  return (_, to) => names.some((name) => to.startsWith(`${name}/`));
}

Deno.test("every import is read: the graph holds edges that are known", () => {
  assert(sources.length > 50);
  assert(graph.get("core/apply.ts")!.includes("core/tape.ts"));
  assert(graph.get("nn/lora/lora.ts")!.includes("core/ops/matmul.ts"));
  assert(graph.get("nn/optim/train_step.ts")!.includes("nn/objective/objective.ts"));
  for (const [path, targets] of graph) {
    for (const to of targets) {
      if (to.endsWith(".d.ts")) continue;
      assert(texts.has(to), `${path} imports ${to}, which is not among the files read`);
    }
  }
});

Deno.test("core imports core alone", () => {
  assertEquals(breaches("core", inFolders("core")), []);
});

Deno.test("a backend imports the description of programs, shared arithmetic and its own files", () => {
  const described = ["dtype", "expr", "half", "program", "backend", "errors", "scalar", "random"]
    .map((name) => `core/${name}.ts`);
  described.push("kernels/plan/coalesce.ts");
  const own = (path: string) => path.split("/").slice(0, 2).join("/");
  assertEquals(
    breaches("kernels", (from, to) => described.includes(to) || own(from) === own(to)),
    [],
  );
});

Deno.test("nn imports core and nn alone", () => {
  assertEquals(breaches("nn", inFolders("core", "nn")), []);
});

Deno.test("train imports no tests, and nothing but train imports train", () => {
  assertEquals(breaches("train", inFolders("core", "kernels", "nn", "train")), []);
});

Deno.test("no import closes a cycle", () => {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    for (const to of graph.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  assertEquals(cycles, []);
});

Deno.test("what mod.ts reaches, and all of core and nn, never names Deno", () => {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    graph.get(path)?.forEach(visit);
  };
  visit("mod.ts");
  for (const path of sources) if (/^(core|nn)\//.test(path)) reached.add(path);
  const naming = [...reached].filter((path) => /\bDeno\.\w/.test(texts.get(path) ?? ""));
  assertEquals(naming, []);
  assertEquals([...reached].filter((path) => path.startsWith("tests/")), []);
});

Deno.test("no module exports all of another, but for the door to std's assertions", () => {
  const starred = [...texts].filter(([, text]) => /^export\s+\*/m.test(text)).map(([path]) => path);
  assertEquals(starred, ["tests/support/std_assert.ts"]);
});

Deno.test("no file has more than 300 lines", () => {
  const long = [...texts].map(([path, text]) => [path, text.trimEnd().split("\n").length] as const)
    .filter(([, lines]) => lines > 300);
  assertEquals(long, []);
});
