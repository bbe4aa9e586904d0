// Typed door to std's argument parser; on JSR this file becomes the line `jsr:@std/cli`.
// @ts-types="./std_cli.d.ts"
export { parseArgs } from "npm:deno-std@1.4.0/cli/parse_args.js";
