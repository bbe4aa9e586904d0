import { demonstrateMethod } from "../../train/demo/demo.ts";
for (const seed of [1, 2, 3, 4, 5]) for (const method of ["lora", "hiddenkey"] as const) {
  let best = 0, least = 9;
  const r = await demonstrateMethod(method, seed, { backend: "cpu", threads: 1 });
  console.log(seed, method, r.metrics.accuracy, r.best!.value, r.metrics.loss, r.lastEpochLoss);
}
