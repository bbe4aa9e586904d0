// The interface of NCCL's library: a small one that has it is compiled and loaded.
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { ncclPaths, ncclVersion, openNccl } from "../../../train/distributed/nccl_library.ts";

import { launchers } from "../../support/mpi/launch.ts";

const root = decodeURIComponent(new URL("../../..", import.meta.url).pathname);
const nothing = () => undefined;

Deno.test("versions of NCCL are read as NCCL writes them", () => {
  assertEquals([22705, 21800, 23007].map(ncclVersion), ["2.27.5", "2.18.0", "2.30.7"]);
});

Deno.test("NCCL is looked for in the system, then in packages of the Pythons that are known", async () => {
  const folder = await Deno.makeTempDir();
  const place = async (path: string) => {
    await Deno.mkdir(`${folder}/${path}/nvidia/nccl/lib`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${path}/nvidia/nccl/lib/libnccl.so.2`, "");
    return `${folder}/${path}/nvidia/nccl/lib/libnccl.so.2`;
  };
  try {
    const within = await place("venv/lib/python3.12/site-packages");
    const beside = await place("usr/lib/python3/dist-packages");
    const own = await place("home/.local/lib/python3.9/site-packages");
    const listed = await place("listed");
    await Deno.mkdir(`${folder}/venv/lib/python3.11/site-packages`, { recursive: true });
    const variables: Record<string, string> = {
      VIRTUAL_ENV: `${folder}/venv`,
      PATH: `${folder}/venv/bin:${folder}/usr/bin:${folder}/none/bin:/sbin`,
      PYTHONPATH: `:${folder}/listed`,
      HOME: `${folder}/home`,
    };
    assertEquals(ncclPaths((name) => variables[name]), [
      ...["libnccl.so.2", listed, within, beside, own],
    ]);
    assertEquals(ncclPaths(nothing), ["libnccl.so.2"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("openNccl() says what is missing", () => {
  const { state } = Deno.permissions.querySync({ name: "ffi" });
  const says = state === "granted"
    ? "NCCL is required in --nccl /nowhere/libnccl.so: found"
    : "found no --allow-ffi";
  assertThrows(() => openNccl("/nowhere/libnccl.so", nothing), OptionError, says);
});

/** Whether a compiler of C is there, and may be started. */
const isCompiled =
  ["gcc", "deno"].every((command) =>
    Deno.permissions.querySync({ name: "run", command }).state === "granted"
  ) && await new Deno.Command("gcc", { args: ["--version"], stdout: "null", stderr: "null" })
    .output().then(({ success }) => success, () => false);

const folder = isCompiled ? await Deno.makeTempDir() : "";
Deno.test.afterAll(() => isCompiled ? Deno.remove(folder, { recursive: true }) : undefined);
let compiled: Promise<string> | undefined;

async function library(): Promise<string> {
  const path = `${folder}/libnccl.so.2`;
  const source = `${root}tests/support/nccl/fake_nccl.c`;
  const args = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror", source, "-o", path];
  const { stderr, success } = await new Deno.Command("gcc", { args }).output();
  assert(success, new TextDecoder().decode(stderr));
  return path;
}

const permissions = [
  ...["run", "--no-prompt", "--quiet", "--allow-read", "--allow-write", "--allow-env"],
  ...["--allow-ffi", "--allow-net=127.0.0.1"],
];
/** What a process says that has summed. */
const expected = {
  name: "NCCL 2.27.5",
  found: [...Array.from({ length: 200 }, (_, i) => 8 * i + 1), 4, 64],
};

/** What a process left. */
interface Summed {
  readonly code: number;
  readonly told: string;
  readonly said: { name?: string; found?: number[]; error?: string };
}

/** What came of two processes that sum by the library. */
async function summed(fault: string, ...more: string[]): Promise<Summed[]> {
  const path = await (compiled ??= library());
  const meeting = `${folder}/meeting`;
  const results = await Promise.all([0, 1].map(async (rank) => {
    const { code, stdout, stderr } = await new Deno.Command("deno", {
      args: [...permissions, `${root}tests/support/nccl/summing.ts`, path, meeting, ...more],
      env: {
        ...{ RANK: `${rank}`, WORLD_SIZE: "2", FAKE_NCCL: fault, FAKE_NCCL_FOLDER: folder },
      },
    }).output();
    const text = new TextDecoder().decode(stdout);
    const told = new TextDecoder().decode(stderr);
    assert(text.startsWith("{") || code === 9 || fault === "stuck", told);
    return { code, said: JSON.parse(text || "{}"), told };
  }));
  assertEquals([...Deno.readDirSync(folder)].filter(({ name }) => name === "meeting"), []);
  return results;
}

function compiledTest(name: string, fn: () => Promise<void>): void {
  const needs = "(needs gcc, --allow-run=gcc,deno and --allow-net=127.0.0.1)";
  Deno.test({ name: `${name} ${needs}`, ignore: !isCompiled, fn });
}

compiledTest("two processes sum by a library of NCCL's interface", async () => {
  const both = (await summed("")).map(({ code, said }) => ({ code, said }));
  assertEquals(both, [{ code: 0, said: expected }, { code: 0, said: expected }]);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["libnccl.so.2"]);
});

compiledTest(
  "a library that is too old, refuses or sums wrongly ends all with a sentence",
  async () => {
    const errors = async (fault: string) => {
      const results = await summed(fault);
      assertEquals(results.map(({ code }) => code), [0, 0]);
      return results.map(({ said }) => said.error);
    };
    const both = (error: string) => [error, error];
    assertEquals(
      await errors("old"),
      both(
        "Cannot use --distributed nccl as NCCL 2.18.0 or later is required: found 2.17.6 in " +
          `${folder}/libnccl.so.2`,
      ),
    );
    assertEquals(
      await errors("refuse"),
      both(
        "Cannot sum by NCCL 2.27.5 as a success of ncclCommInitRankConfig is required: found invalid " +
          "usage (5), Duplicate GPU detected",
      ),
    );
    const wrong = await errors("wrong");
    const sentence = "Cannot sum by NCCL 2.27.5 as 3 is required of a first sum: found 4";
    // The other may hear that this one broke off before it looks at its own sum.
    const brokenOff =
      "Cannot sum by NCCL 2.27.5 as a communicator without errors is required: found another error (6)";
    assert(wrong.includes(sentence), `${wrong}`);
    assert(wrong.every((error) => error === sentence || error === brokenOff), `${wrong}`);
  },
);

compiledTest(
  "a process whose sums are broken off ends with its code, whatever NCCL does at the end",
  async () => {
    const [left, lost] = await summed("", "leave");
    assertEquals([lost!.code, lost!.said], [9, {}]);
    assertEquals(left!.code, 1);
    assertMatch(
      left!.said.error!,
      /an answer of process 1 of 2 is required: found its connection closed|a communicator without errors is required: found another error \(6\)/,
    );
  },
);

compiledTest(
  "a process that is stuck in a call ends by itself, and the other names it",
  async () => {
    const [waiting, stuck] = await summed("stuck", "leave not");
    assertEquals([stuck!.code, stuck!.said], [1, {}]);
    assertEquals(
      stuck!.told.trim(),
      "Cannot go on as a call of NCCL 2.27.5 is required to return within 2 s (--distributed-timeout): " +
        "found none",
    );
    assertEquals(waiting!.code, 1);
    assertMatch(
      waiting!.said.error!,
      /an answer of process 1 of 2 is required: found its connection/,
    );
  },
);

for (const { title, command, args, isAbsent } of launchers) {
  Deno.test({
    name:
      `${title}: processes sum by a library of NCCL's interface (needs gcc and ${command}, and ` +
      "--allow-run for both)",
    ignore: isAbsent || !isCompiled,
    async fn() {
      const path = await (compiled ??= library());
      const program = [...permissions, `${root}tests/support/nccl/summing.ts`, path];
      const { stdout, stderr } = await new Deno.Command(command, {
        args: [...args, "-n", "2", "deno", ...program],
        env: { FAKE_NCCL_FOLDER: folder },
      }).output();
      const lines = new TextDecoder().decode(stdout).trim().split("\n");
      assertEquals(lines.length, 2, new TextDecoder().decode(stderr));
      for (const line of lines) assertEquals(JSON.parse(line), expected);
    },
  });
}
