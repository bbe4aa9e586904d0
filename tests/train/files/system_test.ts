import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DeviceError, FileError } from "../../../core/errors.ts";
import { attempt, attemptSync, reasonOf, writeAll } from "../../../train/files/system.ts";

Deno.test("writeAll() writes the rest of what a pipe takes in parts", async () => {
  const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
  const written: number[] = [];
  let most = 1;
  await writeAll({
    write(part) {
      const taken = Math.min(part.length, most++);
      written.push(...part.subarray(0, taken));
      return Promise.resolve(taken);
    },
  }, bytes);
  assertEquals(written, [...bytes]);
});

Deno.test("attempt() types what the system says, and nothing else", async () => {
  const full = Object.assign(new Error("No space left on device"), { code: "ENOSPC" });
  const found: [Error, string][] = [
    [full, "a full disk"],
    [Object.assign(new Error("?"), { code: "EROFS" }), "a read-only disk"],
    [Object.assign(new Error("?"), { code: "ENAMETOOLONG" }), "a name that is too long"],
    [Object.assign(new Error("strange"), { code: "EXYZ" }), "strange"],
    [new Deno.errors.NotFound("?"), "nothing there"],
    [new Deno.errors.Busy("busy"), "busy"],
  ];
  for (const [error, says] of found) {
    assertEquals(reasonOf(error), says);
    const refusal = "Cannot write file as it requires a writable place";
    const run = () => attempt(refusal, "a/b", () => Promise.reject(error));
    const { message } = await assertRejects(run, FileError);
    assertEquals(message, `a/b: ${refusal}: found ${says}`);
    const sync = () =>
      attemptSync(refusal, "a/b", () => {
        throw error;
      });
    assertEquals(assertThrows(sync, FileError).message, message);
  }
  for (
    const error of [new DeviceError("Cannot go on"), new FileError("Cannot", "c"), new Error()]
  ) {
    assertEquals(await attempt("", "", () => Promise.reject(error)).catch((e) => e), error);
  }
});
