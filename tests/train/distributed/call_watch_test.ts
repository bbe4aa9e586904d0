// A process that is stuck inside a call ends itself, whatever became of those who read what it says.
import { assertEquals } from "@std/assert";

const script = new URL("../../support/held_call.ts", import.meta.url).href;
const sentence =
  "Cannot go on as a call of NCCL 2.0.0 is required to return within 1 s (--distributed-timeout): " +
  "found none\n";

/** A process that is held in a call. */
function held(...words: string[]): Deno.ChildProcess {
  const args = ["run", "--quiet", "--no-check", "--allow-read", "--allow-ffi", script, ...words];
  return new Deno.Command("deno", { args, stdout: "piped", stderr: "piped" }).spawn();
}

const ignore = Deno.build.os !== "linux";

Deno.test({
  name: "a process that a call holds says so and ends with code 1",
  ignore,
  async fn() {
    const { code, stdout, stderr } = await held().output();
    const told = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals([code, ...told], [1, "", sentence]);
  },
});

Deno.test({
  name: "a process whose calls return in time goes on",
  ignore,
  async fn() {
    const { code, stdout, stderr } = await held("short").output();
    const told = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals([code, ...told], [0, "the calls returned\n", ""]);
  },
});

Deno.test({
  name: "it ends as well where nobody reads what it says any more, or nothing more can be written",
  ignore,
  async fn() {
    const [unread, full] = [held(), held("full")];
    await unread.stderr.cancel();
    const ends = [unread, full].map(async ({ status, stdout }) => {
      const told = await new Response(stdout).text();
      return [(await status).code, told];
    });
    assertEquals(await Promise.all(ends), [[1, ""], [1, ""]]);
    await full.stderr.cancel();
  },
});
