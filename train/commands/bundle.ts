/**
 * `deno task bundle`: the browser-safe library as one JavaScript file, with its declarations.
 *
 * @module
 */

import { build, type BuildOptions, type Plugin, stop } from "esbuild";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import ts from "typescript";
import { writeFileAtomic, writeJson } from "../files/files.ts";
import { command, version } from "./command.ts";
import { runCommand } from "./program.ts";

const pathOf = (path: string): string =>
  decodeURIComponent(new URL(`../../${path}`, import.meta.url).pathname);

/** Entries of the npm package by name; the tokenizers' library is its one dependency. */
const packageEntries = {
  index: pathOf("mod.ts"),
  ops: pathOf("ops.ts"),
  backend: pathOf("backend.ts"),
};
const dependency = "@huggingface/tokenizers";

// Where a runtime lacks these, the lowered `using` would find no method on our classes.
const symbols = ["dispose", "asyncDispose"]
  .map((name) => `Symbol.${name}??=Symbol.for("Symbol.${name}");`).join("");

const shared: BuildOptions = {
  bundle: true,
  format: "esm",
  platform: "neutral",
  target: "es2022",
  minify: true,
  sourcemap: true,
  banner: { js: symbols },
};

/** Leaves an import of a file to another file of the bundle. */
function leave(filter: RegExp, file: string, kind: "dynamic-import" | "import-statement"): Plugin {
  return {
    name: `leave ${file}`,
    setup({ onResolve }) {
      onResolve({ filter }, (found) => found.kind === kind ? { path: file, external: true } : null);
    },
  };
}

/**
 * Writes hiddenkey.js, and tokenizer.js, which the former imports when a tokenizer is opened and
 * which takes its errors from there.
 *
 * @returns Bytes of each file
 */
async function bundleCode(folder: string): Promise<Record<string, number>> {
  await build({
    ...shared,
    entryPoints: [pathOf("mod.ts")],
    outfile: `${folder}/hiddenkey.js`,
    plugins: [leave(/\/(tokenizer|legacy)\.ts$/, "./tokenizer.js", "dynamic-import")],
  });
  const names = ["tokenizer", "legacy"].map((name) => pathOf(`nn/tokenizer/${name}.ts`));
  await build({
    ...shared,
    stdin: {
      contents: names.map((name) => `export * from ${JSON.stringify(name)};`).join("\n"),
      resolveDir: pathOf(""),
    },
    outfile: `${folder}/tokenizer.js`,
    alias: { [dependency]: decodeURIComponent(new URL(import.meta.resolve(dependency)).pathname) },
    plugins: [leave(/core\/errors\.ts$/, "./hiddenkey.js", "import-statement")],
  });
  const files = ["hiddenkey.js", "tokenizer.js"];
  return Object.fromEntries(
    await Promise.all(
      files.map(async (name) => [name, (await Deno.stat(`${folder}/${name}`)).size]),
    ),
  );
}

/** Writes the package that npm takes to `folder`: entries that share their modules. */
async function bundlePackage(folder: string): Promise<void> {
  await build({
    ...shared,
    entryPoints: packageEntries,
    outdir: folder,
    splitting: true,
    external: [dependency],
  });
  await bundleDeclarations(packageEntries, folder);
  const imports = JSON.parse(await Deno.readTextFile(pathOf("deno.json"))).imports;
  const names = { ".": "index", "./ops": "ops", "./backend": "backend" };
  await writeJson(`${folder}/package.json`, {
    name: "@hiddenkey/hiddenkey",
    version,
    description: "LoRA fine-tuning with the dropout framework of HiddenKey",
    license: "MIT",
    type: "module",
    exports: Object.fromEntries(
      Object.entries(names).map(([entry, name]) => [
        entry,
        { types: `./${name}.d.ts`, default: `./${name}.js` },
      ]),
    ),
    dependencies: { [dependency]: imports[dependency].split("@").at(-1) },
  });
  await writeFileAtomic(`${folder}/README.md`, await Deno.readTextFile(pathOf("README.md")));
  await writeFileAtomic(`${folder}/LICENSE`, await Deno.readTextFile(pathOf("LICENSE")));
}

/** Writes declarations, one file an entry. */
async function bundleDeclarations(
  entries: Readonly<Record<string, string>>,
  folder: string,
): Promise<void> {
  const bundle = await rollup({
    input: { ...entries },
    external: [dependency],
    plugins: [dts({
      compilerOptions: {
        allowImportingTsExtensions: true,
        exactOptionalPropertyTypes: true,
        lib: ["lib.esnext.d.ts", "lib.dom.d.ts"],
        module: ts.ModuleKind.ESNext,
        moduleResolution: ts.ModuleResolutionKind.Bundler,
        strict: true,
        target: ts.ScriptTarget.ESNext,
        types: [],
      },
    })],
  });
  await bundle.write({
    dir: folder,
    entryFileNames: "[name].d.ts",
    chunkFileNames: "[name].d.ts",
    banner: '/// <reference lib="esnext.disposable" />',
  });
  await bundle.close();
}

const bundleCommand = command({
  summary:
    "Write the library for browsers and Node as one file, with its declarations, and for npm",
  usage: `  deno task bundle [DIR]

DIR gets hiddenkey.js with hiddenkey.d.ts for pages, tokenizer.js, which it loads when a tokenizer
is opened, and the npm package in DIR/npm.`,
  verb: "bundle",
  options: {
    out: { kind: "text", help: "folder for the files", positional: true, default: "dist" },
  },
  async run({ out }) {
    const sizes = await bundleCode(out);
    await bundleDeclarations({ hiddenkey: pathOf("mod.ts") }, out);
    await bundlePackage(`${out}/npm`);
    await stop();
    for (const [name, bytes] of Object.entries(sizes)) {
      console.log(`${out}/${name}: ${(bytes / 1000).toFixed(1)} kB`);
    }
  },
});

if (import.meta.main) Deno.exitCode = await runCommand(bundleCommand, Deno.args);
