// A configuration may ask for sizes that no memory holds: nothing is computed before its weights fit.
import { assert } from "@std/assert";
import { seedKey } from "../../../core/random.ts";
import { openClassifier, openLanguageModel } from "../../../train/run/load_model.ts";
import { orTyped } from "../../support/fuzz.ts";
import { golden, goldenNames } from "../../support/golden_folders.ts";
import { withDevice } from "../../support/with_device.ts";

/** Objects within a value, itself first. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) return;
  yield value as Record<string, unknown>;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

for (const name of goldenNames) {
  const base = `${golden}/${name}/base`;
  Deno.test(`each number of ${name}'s configuration, however large, loads or is refused soon`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      for await (const file of Deno.readDir(base)) {
        await Deno.copyFile(`${base}/${file.name}`, `${folder}/${file.name}`);
      }
      const config = JSON.parse(await Deno.readTextFile(`${base}/config.json`));
      const started = performance.now();
      let refused = 0;
      for (const holder of objectsIn(config)) {
        for (const key of Object.keys(holder)) {
          const was = holder[key];
          if (typeof was !== "number") continue;
          for (const size of [2 ** 20, 1e9, 2 ** 32, 1e15]) {
            holder[key] = size;
            await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(config));
            await withDevice("f32", async (device) => {
              const open = name.endsWith("-lm") ? openLanguageModel : openClassifier;
              const found = await orTyped(() => open(folder, device, seedKey(1)));
              if (found === undefined) refused++;
              const { peakBytes } = device.backend.statistics;
              assert(peakBytes < 2 ** 24, `${key} ${size}: ${peakBytes} bytes on the device`);
            });
          }
          holder[key] = was;
        }
      }
      assert(refused > 0);
      const seconds = (performance.now() - started) / 1000;
      assert(seconds < 30, `${seconds} s`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
