// Typed door to std's assertions; on JSR this file becomes the line `jsr:@std/assert`.
// @ts-types="./std_assert.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
