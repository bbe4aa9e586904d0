import { assertEquals } from "@std/assert";
import { parityTable } from "../../../train/commands/parity.ts";
import { Checkpoint } from "../../../train/files/checkpoint.ts";
import { runParity } from "../../../train/parity/parity.ts";
import { Comparison, relativeDistance, relativeError } from "../../../train/parity/parity_rows.ts";
import { tensor } from "../../../core/tensor.ts";
import { tensors } from "../../support/cli_cases.ts";
import { withDevice } from "../../support/with_device.ts";
import { encodeSafetensors, type TensorData } from "../../../nn/formats/safetensors_write.ts";

const golden = decodeURIComponent(new URL("../../golden", import.meta.url).pathname);

const values = (name: string, list: readonly number[]): TensorData => {
  const bytes = new Uint8Array(Float32Array.from(list).buffer);
  return { name, dtype: "F32", shape: [list.length], bytes };
};

/** Runs a test with two comparisons of one file. */
async function compared(
  references: readonly TensorData[],
  body: (first: Comparison, second: Comparison) => Promise<void> | void,
): Promise<void> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, encodeSafetensors(references));
    using file = await Checkpoint.open(path);
    await body(new Comparison("c", file, 1e-3), new Comparison("c", file, 1e-1));
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("relativeError() is the largest difference over the largest expected value", () => {
  assertEquals(relativeError([1, 2, -8], [1, 3, -10]), 0.2);
  assertEquals(relativeError([0, 0], [0, 0]), 0);
  assertEquals(relativeError([1], [0]), Infinity);
  assertEquals(relativeError([Infinity], [1]), Infinity);
});

Deno.test("relativeError() is NaN where a number is, wherever it stands", () => {
  for (const list of [[NaN, 1], [1, NaN], [NaN, NaN]]) {
    assertEquals(relativeError(list, [1, 1]), NaN);
    assertEquals(relativeError([1, 1], list), NaN);
    // A larger difference before or behind it does not hide it.
    assertEquals(relativeError([5, ...list, 5], [1, 1, 1, 1]), NaN);
  }
});

Deno.test("relativeError() is infinite where nothing can be compared", () => {
  for (const [actual, expected] of [[[], []], [[1], [1, 1]], [[1, 1], [1]]] as const) {
    assertEquals(relativeError(actual, expected), Infinity);
  }
});

Deno.test("relativeDistance() is the norm of the differences over that of the expected values", () => {
  assertEquals(relativeDistance([3, 4, 0], [3, 0, 4]), Math.sqrt(32) / 5);
  assertEquals(relativeDistance([0, 0], [0, 0]), 0);
  assertEquals(relativeDistance([1], [0]), Infinity);
  assertEquals(relativeDistance([NaN], [1]), NaN);
  for (const [actual, expected] of [[[], []], [[1], [1, 1]]] as const) {
    assertEquals(relativeDistance(actual, expected), Infinity);
  }
});

Deno.test("A quantity that is not a number is not within any tolerance", () =>
  compared([], (rows) => {
    rows.numbers("a", [NaN, 1], [1, 1]);
    rows.numbers("b", [1, 1], [NaN, 1]);
    rows.numbers("c", [], []);
    rows.numbers("d", [1, 1], [1, 1]);
    assertEquals(rows.rows.map(({ quantity, ok }) => [quantity, ok]), [
      ["a", false],
      ["b", false],
      ["c", false],
      ["d", true],
    ]);
    assertEquals(parityTable(rows.rows).split("\n").at(-1), "4 quantities, 3 failed, 0 skipped");
  }));

Deno.test("finish() fails each reference value that neither comparison looked at", () =>
  withDevice(
    "f32",
    (device) =>
      compared(["a", "b", "c", "d"].map((name) => values(name, [1, 2])), async (first, second) => {
        using right = tensor(device, [1, 2]);
        await first.tensor("a", right);
        await second.tensor("renamed", right, "c");
        const rows = first.finish(second);
        assertEquals(rows.map(({ quantity, ok, note }) => [quantity, ok, note]), [
          ["a", true, undefined],
          ["b", false, "was not compared"],
          ["d", false, "was not compared"],
          ["renamed", true, undefined],
        ]);
      }),
  ));

/** Copies a folder with all that is below it. */
async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to);
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

const edits: Record<string, (tensor: TensorData) => TensorData[]> = {
  "that nothing compares": (t) =>
    t.name === "base.logits" ? [t, { ...t, name: "base.attention" }] : [t],
  "that is not a number": (t) => {
    if (t.name !== "merged.logits") return [t];
    // NaN in single and in double precision.
    return [{ ...t, bytes: t.bytes.slice().fill(0xff, 0, 8) }];
  },
};
for (const [name, edit] of Object.entries(edits)) {
  Deno.test(`runParity() fails a reference value ${name}, and nothing else`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/gpt2-lm`;
      await copyFolder(`${golden}/gpt2-lm`, path);
      const expected = `${path}/expected.safetensors`;
      await Deno.writeFile(expected, await tensors(expected, edit));
      await withDevice("f32", async (device) => {
        const rows = await runParity([path], { root: folder, device });
        const failed = rows.filter(({ ok }) => ok === false).map(({ quantity }) => quantity);
        assertEquals(failed, [name.startsWith("that is") ? "merged.logits" : "base.attention"]);
      });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
