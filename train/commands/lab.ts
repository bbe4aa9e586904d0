/**
 * `deno task lab`: a page on which the claims of the paper can be seen and touched.
 *
 * @module
 */

import { dirname } from "node:path";
import { writeDirectoryAtomic, writeFileAtomic } from "../files/files.ts";
import { makeFolder } from "../files/folder.ts";
import { buildPage } from "../lab/build.ts";
import { servePage } from "../lab/serve.ts";
import { command } from "./command.ts";
import { runCommand } from "./program.ts";

const labCommand = command({
  summary: "Show on a page what dropout does to attention, and let it be touched",
  usage: `  deno task lab                 serves the page on this machine alone
  deno task lab --build DIR     writes its files, for any web server

The page computes everything itself, with this library; it loads nothing but its own files, and
models of huggingface.co where it is told to fetch one.`,
  verb: "show the lab",
  options: {
    port: {
      kind: "integer",
      help: "port on 127.0.0.1; 0 takes any that is free",
      min: 0,
      below: 65536,
      default: 8080,
    },
    build: {
      kind: "text",
      help: "new or empty folder for the files of the page",
      defaultText: "none: the page is served",
    },
  },
  async run({ port, build }) {
    const files = await buildPage();
    if (build === undefined) {
      const server = servePage(files, port, (address) => console.log(`the lab is at ${address}`));
      await server.finished;
      return;
    }
    await writeDirectoryAtomic(build, async (folder) => {
      for (const [path, bytes] of files) {
        await makeFolder(dirname(`${folder}/${path}`));
        await writeFileAtomic(`${folder}/${path}`, bytes);
      }
    });
    console.log(`wrote ${build}/index.html and ${files.size - 1} other files`);
  },
});

if (import.meta.main) Deno.exitCode = await runCommand(labCommand, Deno.args);
