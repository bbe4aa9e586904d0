// deno task bench NAME [flags]: one file a bench; each prints a table, or JSON with --json.
import { dispatchBench } from "./dispatch.ts";
import { generateBench } from "./generate.ts";
import { loadBench } from "./load.ts";
import { peersBench } from "./peers.ts";
import { productBench } from "./product.ts";
import { profileBench } from "./profile.ts";
import { rowwiseBench } from "./rowwise.ts";
import { stepBench } from "./step.ts";
import { variantsBench } from "./variants.ts";

const benches: Readonly<Record<string, (args: string[]) => Promise<void>>> = {
  product: productBench,
  step: stepBench,
  rowwise: rowwiseBench,
  dispatch: dispatchBench,
  load: loadBench,
  profile: profileBench,
  generate: generateBench,
  peers: peersBench,
  variants: variantsBench,
};

const [name = "", ...args] = Deno.args;
const bench = Object.hasOwn(benches, name) ? benches[name] : undefined;
if (bench === undefined) {
  console.error(`error: Cannot find bench ${name}: ${Object.keys(benches).join(", ")}`);
  Deno.exitCode = 1;
} else {
  await bench(args);
}
