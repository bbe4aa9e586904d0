// deno task bench NAME [options]: one file a bench; each prints a table, or JSON with --json.
import { runProgram } from "../train/commands/program.ts";
import { attentionBench } from "./attention.ts";
import { checkpointingBench } from "./checkpointing.ts";
import { dispatchBench } from "./dispatch.ts";
import { generateBench } from "./generate.ts";
import { loadBench } from "./load.ts";
import { peersBench } from "./peers.ts";
import { productBench } from "./product.ts";
import { profileBench } from "./profile.ts";
import { rowwiseBench } from "./rowwise.ts";
import { sharedStepBench } from "./shared_step.ts";
import { stepBench } from "./step.ts";
import { tabBench } from "./tab.ts";
import { variantsBench } from "./variants.ts";

Deno.exitCode = await runProgram({
  usage: `Measures speed and memory.

  deno task bench COMMAND [options]`,
  commands: {
    product: productBench,
    step: stepBench,
    "shared-step": sharedStepBench,
    checkpointing: checkpointingBench,
    rowwise: rowwiseBench,
    dispatch: dispatchBench,
    load: loadBench,
    tab: tabBench,
    profile: profileBench,
    generate: generateBench,
    peers: peersBench,
    variants: variantsBench,
    attention: attentionBench,
  },
}, Deno.args);
