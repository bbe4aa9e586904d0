import { assert, assertEquals } from "@std/assert";
import * as errors from "../../core/errors.ts";
import { presentable } from "../../core/excerpt.ts";

const long = "x".repeat(1_000_000);

Deno.test("a message stays below 500 characters, its beginning and end kept", () => {
  const sentence = `Cannot read tensor ${long} as it requires a dtype: found "Q4"`;
  const made = [
    ...Object.entries(errors)
      .filter(([name]) => name !== "FileError" && name !== "DownloadError")
      .map(([, kind]) => new (kind as typeof errors.OptionError)(sentence)),
    new errors.FileError(sentence, "model.safetensors", 3),
    new errors.FileError(sentence, `/${long}`),
    new errors.DownloadError(sentence, `https://example.org/${long}?signature`, 404),
  ];
  assertEquals(made.length, Object.keys(errors).length + 1);
  for (const { message, name } of made) {
    assert(message.length < 500, name);
    assert(message.includes("Cannot read tensor"), name);
    assert(message.endsWith('found "Q4"'), name);
  }
  assertEquals(presentable("a short one"), "a short one");
});

Deno.test("a message holds no token, no password and no control character", () => {
  const { message, source } = new errors.DownloadError(
    "Cannot send Bearer hf_AbCdEf0123456789: found a line break\n and \u001b[2J",
    "https://user:password@example.org/a?token=secret",
  );
  assertEquals(
    message,
    "https://…@example.org/a: Cannot send Bearer hf_…: found a line break\\n and \\u001b[2J",
  );
  assertEquals(source, "https://…@example.org/a");
});

Deno.test("a message of many megabytes is cut at once", () => {
  for (
    const text of ["a".repeat(2e7), "://".repeat(5e6), "hf_".repeat(5e6), "\u001b".repeat(2e7)]
  ) {
    assert(presentable(text).length < 500);
  }
});
