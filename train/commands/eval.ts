/**
 * `deno task eval`: evaluates a saved run.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";
import { beamOptions } from "../config/beam_options.ts";
import type { TrainConfig } from "../config/config.ts";
import { deviceOptions } from "../config/device_options.ts";
import { samplesOption } from "../config/method_options.ts";
import { sharedWorkOptions } from "../config/distributed_options.ts";
import { pickOptions } from "../config/parse.ts";
import { trainOptions } from "../config/train_options.ts";
import type { Split } from "../data/example.ts";
import { generates } from "../data/text_tasks.ts";
import { openDevice } from "../device/backend.ts";
import type { Group } from "../distributed/group.ts";
import { ownDevice } from "../distributed/joined_run.ts";
import { fingerprint } from "../run/fingerprint.ts";
import { openRun, runConfig } from "../run/open_run.ts";
import { readRun } from "../run/run_folder.ts";
import { openTask } from "../tasks/open.ts";
import { samplingOf } from "../tasks/sampling.ts";
import type { Metrics, Task } from "../tasks/task.ts";
import { changeable, type Command, command } from "./command.ts";
import { showDownloads } from "./downloads.ts";
import { joined } from "./joined.ts";
import { progressOfFirst, requireSameWork } from "./shared_work.ts";
import { WorkLine } from "./work_line.ts";

const { data, model, dtype, devLimit, newTokens, generate } = trainOptions;

/** Options that may differ from the run's. */
const changes = changeable({
  ...{ data, model, devLimit },
  ...{ ...deviceOptions, dtype },
  ...{ newTokens, generate, ...beamOptions },
});

/** Evaluates a saved run. */
export const evalCommand: Command = command({
  summary: "Evaluate a saved run",
  usage: "  deno task eval --run DIR",
  verb: "evaluate",
  options: {
    run: {
      kind: "text",
      help: "folder of the run; also as a word",
      positional: true,
      required: true,
    },
    split: { kind: "choice", choices: ["dev", "test"], help: "what to evaluate", default: "dev" },
    ...samplesOption,
    json: { kind: "switch", help: "print one JSON object" },
    ...changes,
    ...sharedWorkOptions,
  },
  async run({ run, split, samples, json, ...options }) {
    const { devFraction, ...saved } = await runConfig(run, pickOptions(changes, options));
    // Other data than the run's have a dev file of their own, all of which is evaluated.
    const isOwn = options.data === undefined;
    const holds = isOwn && devFraction !== undefined;
    const devPart = isOwn ? saved.devPart : "all";
    const config = { ...saved, devPart, ...(holds && { devFraction }) };
    if (samples !== undefined && generates(config.task) && options.generate !== undefined) {
      throw new OptionError(
        "Cannot use --generate with --samples as texts are written without dropout alone",
      );
    }
    const isDrawn = holds && split === "dev" && options.devLimit === undefined &&
      options.model === undefined;
    return await joined("evaluate", options, console.error, async (group) => {
      const metrics = await evaluated({ run, config, split, samples, isDrawn }, group);
      if (group.rank > 0) return 0;
      if (json) console.log(JSON.stringify(metrics));
      else {
        for (const [name, value] of Object.entries(metrics)) {
          console.log(`${name} ${value.toFixed(6)}`);
        }
      }
      return 0;
    });
  },
});

/** What is evaluated. */
interface Evaluated {
  readonly run: string;
  readonly config: TrainConfig;
  readonly split: Exclude<Split, "train">;
  readonly samples: number | undefined;
  /** Whether the examples are those that the run held back. */
  readonly isDrawn: boolean;
}

/** Metrics of a saved run, which the processes of a group find together. */
async function evaluated(
  { run, config, split, samples, isDrawn }: Evaluated,
  group: Group,
): Promise<Metrics> {
  const { device } = await openDevice(await ownDevice(group, config));
  await using _device = device;
  using _scope = device.scope("eval");
  const { model, architecture, tokenizer, classes } = await openRun(
    run,
    config,
    device,
    showDownloads(),
  );
  const sampling = samplingOf(config, architecture, samples);
  const task = await openTask(config, architecture, tokenizer, { train: false, split, classes });
  if (isDrawn) await requireHeldBack(run, task);
  const facts = {
    "evaluated data": await fingerprint(task.dev),
    "--samples": `${samples ?? "none"}`,
  };
  const { backend } = device;
  await requireSameWork(group, { verb: "evaluate", run, config, backend, facts });
  using work = new WorkLine();
  const { onProgress } = progressOfFirst(group, work);
  return await task.evaluate(model, device, {
    ...{ final: true, sampling, group },
    ...(onProgress && { onProgress }),
  });
}

/** Requires the examples that the run held back: of other data, those drawn were trained on. */
async function requireHeldBack(run: string, { dev }: Task): Promise<void> {
  const { json: { developmentData: required } } = await readRun(run);
  const found = await fingerprint(dev);
  if (typeof required !== "string" || required === found) return;
  throw new OptionError(
    `Cannot evaluate what --dev-fraction held back as the run's examples, ${required}, are ` +
      `required: found others, ${found}, as the data have changed`,
  );
}
