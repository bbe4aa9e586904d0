/**
 * The page as files: scripts, style sheets, and the base model of the demonstration.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";
import { baseFile } from "../demo/base_file.ts";
import { exists, readBytes, readText } from "../files/files.ts";
import { namesIn } from "../files/folder.ts";
import { themeRules } from "../report/palette.ts";
import { usedModules } from "./modules.ts";
import { contentPolicy } from "./policy.ts";

/** A file of the page by its path from the page's folder. */
export type PageFiles = ReadonlyMap<string, Uint8Array>;

const sources = new URL("./page/", import.meta.url);
const pathOf = (path: string) => decodeURIComponent(new URL(path, sources).pathname);

/** Entries by their names: script and style of the page, and the worker of each section that has one. */
async function entries(): Promise<Record<string, string>> {
  const found: Record<string, string> = { main: pathOf("main.ts"), style: pathOf("style.css") };
  for (const name of await namesIn(pathOf("."))) {
    const worker = pathOf(`${name}/worker.ts`);
    if (await exists(worker)) found[`${name}/worker`] = worker;
  }
  return found;
}

/** Builds all files of the page; `noise/worker.ts` becomes `noise/worker.js`, a script of its own. */
export async function buildPage(): Promise<PageFiles> {
  const { outputFiles, metafile: { outputs } } = await build({
    metafile: true,
    entryPoints: await entries(),
    outdir: "/",
    write: false,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    charset: "utf8",
    plugins: [usedModules],
    inject: [pathOf("../../commands/bundle_symbols.ts")],
  });
  await stop();
  const files = new Map<string, Uint8Array>();
  const html = await readText(pathOf("index.html"));
  const shell = guarded(preloaded(html, chunksOf("main.js", outputs)));
  files.set("index.html", new TextEncoder().encode(shell));
  files.set("theme.css", new TextEncoder().encode(themeRules()));
  files.set("base.safetensors", await readBytes(fileURLToPath(baseFile)));
  for (const { path, contents } of outputFiles) files.set(path.slice(1), contents);
  return files;
}

/** What esbuild says of a file: the files that it imports. */
type Outputs = Readonly<Record<string, { readonly imports: readonly Imported[] }>>;
interface Imported {
  readonly path: string;
  readonly kind: string;
}

/** Files that a script imports at once, over however many steps. */
function chunksOf(script: string, outputs: Outputs): string[] {
  const start = Object.keys(outputs).find((path) => path.endsWith(script))!;
  const found = new Set([start]);
  for (const path of found) {
    for (const { path: to, kind } of outputs[path]!.imports) {
      if (kind === "import-statement") found.add(to);
    }
  }
  found.delete(start);
  return [...found].map((path) => path.split("/").at(-1)!);
}

/** The page, told what its script will ask for, so that no file waits for another. */
function preloaded(html: string, names: readonly string[]): string {
  const links = names.map((name) => `<link rel="modulepreload" href="${name}">`);
  return html.replace("</head>", () => `${links.join("")}</head>`);
}

/** The page with its policy, for servers that send no headers: there it does not reach workers. */
function guarded(html: string): string {
  const policy = `<meta http-equiv="Content-Security-Policy" content="${contentPolicy}">`;
  return html.replace(`<meta charset="utf-8">`, (charset) => charset + policy);
}
