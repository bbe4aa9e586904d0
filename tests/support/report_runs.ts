/** Folders of runs, written by hand, for the tests of reports. */

/** Files of a run by name: objects as JSON, lists as JSON lines, texts as they are. */
export type RunFiles = Readonly<Record<string, unknown>>;

/** Writes a run's folder below a root, with `changes` to a small finished run of two classes. */
export async function writeRun(
  root: string,
  name: string,
  changes: RunFiles = {},
): Promise<string> {
  const folder = `${root}/${name}`;
  await Deno.mkdir(folder, { recursive: true });
  for (const [file, content] of Object.entries({ ...usualRun(40), ...changes })) {
    if (content === undefined) continue;
    await Deno.writeTextFile(`${folder}/${file}`, textOf(content));
  }
  return folder;
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return JSON.stringify(content);
  return content.map((line) => `${JSON.stringify(line)}\n`).join("");
}

/** Lines of metrics.jsonl of so many steps, in epochs of ten, each of which ends in an evaluation. */
export function metricLines(steps: number): Record<string, number>[] {
  return Array.from({ length: steps }, (_, i) => i + 1).flatMap((step) => {
    const epoch = step / 10;
    const loss = 1 / epoch + 0.2 * Math.sin(step);
    const trained = {
      task_loss: loss,
      compensation: 0.1 / step,
      grad_norm: 2,
      learning_rate: 1e-3,
    };
    const line = { step, epoch, loss: loss + 0.1 / step, ...trained, seconds: step / 2 };
    const evaluated = { eval_accuracy: 0.5 + 0.01 * epoch, eval_loss: 0.7 / epoch };
    return step % 10 === 0 ? [line, { step, epoch, ...evaluated }] : [line];
  });
}

/** The files of a finished run. */
export function usualRun(steps: number): RunFiles {
  const sites = [
    { position: "logits", structure: "column", rate: 0.1, layers: "all" },
    { position: "hidden", structure: "element", rate: 0.2, layers: [3, 4] },
  ];
  return {
    "run.json": {
      config: { task: "mrpc", model: "/models/tiny", method: "hiddenkey", lr: 0.001, bucket: true },
      classes: ["no", "yes"],
      trainable: 1000,
      parameters: 50_000,
      backend: "CPU",
      layers: 6,
      result: { steps, step: steps },
    },
    "hiddenkey_config.json": {
      plan: { sites, compensation: { kind: "kl", weight: 0.5, branches: 1 } },
    },
    "metrics.jsonl": metricLines(steps),
    "dev_predictions.jsonl": [
      prediction(0, "no", 0.1),
      prediction(1, "no", 0.8),
      prediction(2, "yes", 0.9),
    ],
  };
}

/** A prediction of a class. */
export function prediction(index: number, label: "no" | "yes", yes: number, text = "a text") {
  return {
    index,
    texts: [text],
    label,
    predicted: yes > 0.5 ? "yes" : "no",
    probabilities: [1 - yes, yes],
    loss: -Math.log(label === "yes" ? yes : 1 - yes),
  };
}
