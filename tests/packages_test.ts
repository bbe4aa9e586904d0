// What a command downloads on a fresh machine: `deno task` fetches all of deno.lock and of the
// packages that `imports` of deno.json names, whatever the task reaches.
import { assert, assertEquals } from "@std/assert";
import { mayRun, outputOf } from "./support/programs.ts";

const root = decodeURIComponent(new URL("..", import.meta.url).pathname);
const read = (name: string) => JSON.parse(Deno.readTextFileSync(`${root}${name}`));

interface Lock {
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

const lock: Lock = read("deno.lock");
const developers: Lock = read("deno.dev.lock");

/** Names and versions of the npm packages that a module needs, those that packages need included. */
async function reached(entry: string): Promise<string[]> {
  const { npmPackages } = JSON.parse(await outputOf("deno", ["info", "--json", entry], root));
  return Object.values<{ name: string; version: string }>(npmPackages)
    .map(({ name, version }) => `${name}@${version}`);
}

Deno.test({
  name: "deno.lock holds what the command line reaches and nothing that tests need alone",
  ignore: !mayRun("deno"),
  async fn() {
    const needed = await reached("train/main.ts");
    assert(needed.length > 0);
    const advice =
      "tests that were run with deno.lock have written to it: restore it, and run them " +
      "with `deno task test FILE`";
    assertEquals(Object.keys(lock.npm).sort(), [...new Set(needed)].sort(), advice);
  },
});

Deno.test({
  name: "no task that users run and no entry of the library reaches more packages",
  ignore: !mayRun("deno"),
  async fn() {
    const { exports, tasks } = read("deno.json");
    const commands = Object.values<{ command: string }>(tasks).map(({ command }) => command)
      .filter((command) => !command.includes("--lock="));
    const scripts = commands.flatMap((command) => /[\w/]+\.ts/.exec(command) ?? []);
    const entries = new Set([...Object.values<string>(exports), ...scripts]);
    assert(entries.size > 5, [...entries].join());
    for (const entry of entries) {
      const more = (await reached(entry)).filter((name) => lock.npm[name] === undefined);
      assertEquals(more, [], entry);
    }
  },
});

Deno.test("imports of deno.json name no package but those of deno.lock", () => {
  const { imports } = read("deno.json") as { imports: Record<string, string> };
  const packages = Object.values(imports).filter((target) => target.startsWith("npm:"));
  assert(packages.length > 5);
  const strange = packages.filter((target) => {
    return !Object.keys(lock.specifiers).some((name) => `${target}/`.startsWith(`${name}/`));
  });
  assertEquals(strange, []);
});

Deno.test("both locks hold the same bytes of a package", () => {
  for (const [name, { integrity }] of Object.entries(lock.npm)) {
    assertEquals(developers.npm[name]?.integrity, integrity, name);
  }
  for (const [name, version] of Object.entries(lock.specifiers)) {
    assertEquals(developers.specifiers[name], version, name);
  }
});
