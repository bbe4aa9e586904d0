/**
 * `deno task bundle`: the browser-safe library as a package, with its declarations.
 *
 * @module
 */

import { build, stop } from "esbuild";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import ts from "typescript";
import { readText, writeFileAtomic, writeJson } from "../files/files.ts";
import metadata from "../../deno.json" with { type: "json" };
import { command } from "./command.ts";
import { runCommand } from "./program.ts";

const pathOf = (path: string): string =>
  decodeURIComponent(new URL(`../../${path}`, import.meta.url).pathname);

/** Entries of the package by name. */
const entries = {
  hiddenkey: pathOf("mod.ts"),
  ops: pathOf("ops.ts"),
  backend: pathOf("backend.ts"),
};

/** What the entry of a page loads. */
interface Loaded {
  /** Bytes of the entry and of the files that it imports at once. */
  readonly atOnce: number;
  /** Bytes of what is loaded when a GPU or a tokenizer is opened. */
  readonly later: number;
}

/** Writes the entries and the files that they share, and returns what a page loads. */
async function bundleCode(folder: string): Promise<Loaded> {
  const { metafile: { outputs } } = await build({
    entryPoints: entries,
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    minify: true,
    // An uncaught error prints the line that it comes from.
    lineLimit: 240,
    // Modules are always read as UTF-8.
    charset: "utf8",
    sourcemap: true,
    inject: [pathOf("train/commands/bundle_symbols.ts")],
    metafile: true,
  });
  await stop();
  const reached = (start: string, kinds: readonly string[]): Set<string> => {
    const found = new Set([start]);
    for (const path of found) {
      for (const { path: to, kind } of outputs[path]!.imports) {
        if (kinds.includes(kind)) found.add(to);
      }
    }
    return found;
  };
  const sum = (paths: Iterable<string>) =>
    [...paths].reduce((total, path) => total + outputs[path]!.bytes, 0);
  const start = Object.keys(outputs).find((path) => path.endsWith("/hiddenkey.js"))!;
  const atOnce = sum(reached(start, ["import-statement"]));
  return { atOnce, later: sum(reached(start, ["import-statement", "dynamic-import"])) - atOnce };
}

/** Writes what makes the folder a package of npm. */
async function describePackage(folder: string): Promise<void> {
  await writeJson(`${folder}/package.json`, {
    name: "@hiddenkey/hiddenkey",
    version: metadata.version,
    description: "LoRA fine-tuning with the dropout framework of HiddenKey",
    license: "MIT",
    type: "module",
    exports: Object.fromEntries(
      Object.keys(entries).map((name) => [
        name === "hiddenkey" ? "." : `./${name}`,
        { types: `./${name}.d.ts`, default: `./${name}.js` },
      ]),
    ),
  });
  for (const name of ["README.md", "LICENSE"]) {
    await writeFileAtomic(`${folder}/${name}`, await readText(pathOf(name)));
  }
}

/** Writes declarations, one file an entry. */
async function bundleDeclarations(folder: string): Promise<void> {
  const bundle = await rollup({
    input: entries,
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
    chunkFileNames: "shared-[hash].d.ts",
    banner: '/// <reference lib="esnext.disposable" />',
  });
  await bundle.close();
}

const bundleCommand = command({
  summary: "Write the library for browsers, Node and npm, with its declarations",
  usage: `  deno task bundle [DIR]

DIR gets hiddenkey.js, ops.js and backend.js with their declarations, the files that they share or
load when a GPU or a tokenizer is opened, and package.json: it is the package of npm.`,
  verb: "bundle",
  options: {
    out: { kind: "text", help: "folder for the files", positional: true, default: "dist" },
  },
  async run({ out }) {
    const { atOnce, later } = await bundleCode(out);
    await bundleDeclarations(out);
    await describePackage(out);
    const kilobytes = (bytes: number) => (bytes / 1000).toFixed(1);
    console.log(
      `${out}/hiddenkey.js: ${kilobytes(atOnce)} kB at once, ${
        kilobytes(later)
      } kB when a GPU or ` +
        "a tokenizer is opened",
    );
  },
});

if (import.meta.main) Deno.exitCode = await runCommand(bundleCommand, Deno.args);
