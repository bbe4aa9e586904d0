import { assertEquals } from "@std/assert";
import { runConfig, savedOptions } from "../../../train/run/open_run.ts";
import { readRun } from "../../../train/run/run_folder.ts";

Deno.test("a run writes where it lies now, and changes win over what it was made with", async () => {
  const folder = await Deno.makeTempDir({ prefix: "hiddenkey-" });
  try {
    const config = {
      task: "rte",
      data: "data",
      model: "model",
      out: "/elsewhere",
      lr: 0.25,
      bucket: false,
      blas: "/lib/other.so",
    };
    await Deno.writeTextFile(`${folder}/run.json`, JSON.stringify({ config }));
    const { blas: _, ...rest } = config;
    assertEquals<unknown>(savedOptions(folder, await readRun(folder)), { ...rest, out: folder });
    const { lr, rank, bucket, out } = await runConfig(folder, { rank: 3, bucket: true });
    assertEquals([lr, rank, bucket, out], [0.25, 3, true, folder]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
