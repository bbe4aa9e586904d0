/**
 * `deno task bundle`: the browser-safe library as one JavaScript file, with its declarations.
 *
 * @module
 */

import { build, stop } from "esbuild";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import ts from "typescript";
import { command } from "./command.ts";
import { runCommand } from "./program.ts";

const entry = decodeURIComponent(new URL("../../mod.ts", import.meta.url).pathname);

// Where a runtime lacks these, the lowered `using` would find no method on our classes.
const symbols = ["dispose", "asyncDispose"]
  .map((name) => `Symbol.${name}??=Symbol.for("Symbol.${name}");`).join("");

/** Writes hiddenkey.js and hiddenkey.js.map, and returns the bytes of the former. */
async function bundleCode(folder: string): Promise<number> {
  const { metafile } = await build({
    entryPoints: [entry],
    outfile: `${folder}/hiddenkey.js`,
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2022",
    minify: true,
    sourcemap: true,
    banner: { js: symbols },
    metafile: true,
  });
  await stop();
  return Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint)!.bytes;
}

/** Writes hiddenkey.d.ts. */
async function bundleDeclarations(folder: string): Promise<void> {
  const bundle = await rollup({
    input: entry,
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
    file: `${folder}/hiddenkey.d.ts`,
    banner: '/// <reference lib="esnext.disposable" />',
  });
  await bundle.close();
}

const bundleCommand = command({
  summary: "Write the library for browsers and Node as one file, with its declarations",
  usage:
    "  deno task bundle [DIR]                            dist/hiddenkey.js, dist/hiddenkey.d.ts",
  verb: "bundle",
  options: {
    out: { kind: "text", help: "folder for the files", positional: true, default: "dist" },
  },
  async run({ out }) {
    const bytes = await bundleCode(out);
    await bundleDeclarations(out);
    console.log(`${out}/hiddenkey.js: ${(bytes / 1000).toFixed(1)} kB`);
  },
});

if (import.meta.main) Deno.exitCode = await runCommand(bundleCommand, Deno.args);
