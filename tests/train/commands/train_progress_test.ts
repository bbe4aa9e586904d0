import { assert, assertEquals } from "@std/assert";
import { summaryOf } from "../../../train/commands/summary.ts";
import { clockText, type Screen, StatusLine } from "../../../train/commands/terminal.ts";
import { TrainProgress } from "../../../train/commands/train_progress.ts";
import { WorkLine } from "../../../train/commands/work_line.ts";
import type { TrainResult } from "../../../train/train.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** A screen of our own, with the lines that someone would see and the time that a test sets. */
class Seen implements Screen {
  lines = [""];
  time = Date.UTC(2026, 0, 2, 3, 4, 5);

  constructor(readonly isTerminal: boolean, private readonly width = 80) {}

  columns(): number {
    return this.width;
  }

  now(): number {
    return this.time;
  }

  write(text: string): void {
    for (const [part] of text.replaceAll("\r\x1b[K", "\r").matchAll(/[\n\r]|[^\n\r]+/g)) {
      if (part === "\n") this.lines.push("");
      else if (part === "\r") this.lines[this.lines.length - 1] = "";
      else this.lines[this.lines.length - 1] += part;
    }
    assert(!this.isTerminal || this.lines.every((line) => line.length <= this.width), text);
  }
}

const step = (number: number, losses: { task_loss: number; compensation?: number }) => ({
  step: number,
  epoch: number / 10,
  loss: losses.task_loss + (losses.compensation ?? 0),
  grad_norm: 1,
  learning_rate: 1e-3,
  tokens: 1000,
  ...losses,
});

Deno.test("a terminal shows one line that is renewed, and messages stay above it", () => {
  const screen = new Seen(true);
  const progress = new TrainProgress(screen);
  progress.say("data: RTE");
  progress.work({ phase: "loading", done: 1, total: 3 });
  assertEquals(screen.lines, ["data: RTE", "loading 1/3  33 %"]);
  screen.time += 50;
  progress.work({ phase: "loading", done: 2, total: 3 });
  assertEquals(screen.lines.at(-1), "loading 1/3  33 %");
  progress.evaluation({ step: 0, epoch: 0, eval_accuracy: 0.5, eval_loss: 0.75 }, false);
  assertEquals(screen.lines.slice(1), ["step 0  epoch 0.00  accuracy 0.5000  loss 0.7500", ""]);
  screen.time += 2000;
  progress.step(step(1, { task_loss: 1, compensation: 0.25 }), 61);
  const first = "step 1/61  0:02<2:00  loss 1.0000 + KL 0.2500  dev accuracy 0.5000  500 tok/s";
  assertEquals(screen.lines.at(-1), first);
  screen.time += 2000;
  progress.step(step(2, { task_loss: 0, compensation: 0.25 }), 61);
  // The mean of 1 and 0 with weights of 0.95 and 1.
  assertEquals(
    screen.lines.at(-1),
    first.replace("1/61", "2/61").replace("0:02<2:00", "0:04<1:58")
      .replace("1.0000", (0.95 / 1.95).toFixed(4)),
  );
  progress.evaluation({ step: 2, epoch: 0.2, eval_accuracy: 0.625, eval_loss: 0.5 }, true);
  assertEquals(screen.lines.slice(-2), [
    "step 2  epoch 0.20  accuracy 0.6250  loss 0.5000  best so far",
    "",
  ]);
  progress.step(step(61, { task_loss: 0 }), 61);
  progress.clear();
  assertEquals(screen.lines.at(-1), "");
});

Deno.test("a narrow terminal leaves out what matters least, and breaks lines between parts", () => {
  const screen = new Seen(true, 40);
  const progress = new TrainProgress(screen, { metric: "loss", compensation: "js" });
  progress.evaluation({ step: 0, epoch: 0, eval_accuracy: 0.5, eval_loss: 0.75 }, false);
  assertEquals(screen.lines, ["step 0  epoch 0.00  accuracy 0.5000", "  loss 0.7500", ""]);
  screen.time += 1000;
  progress.step(step(1, { task_loss: 1, compensation: 2 }), 9);
  assertEquals(screen.lines.at(-1), "step 1/9  0:01<0:08");
  const wider = new Seen(true, 70);
  const other = new TrainProgress(wider, { metric: "loss", compensation: "js" });
  other.evaluation({ step: 0, epoch: 0, eval_accuracy: 0.5, eval_loss: 0.75 }, false);
  wider.time += 1000;
  other.step(step(1, { task_loss: 1, compensation: 2 }), 9);
  assertEquals(
    wider.lines.at(-1),
    "step 1/9  0:01<0:08  loss 1.0000 + JS 2.0000  dev loss 0.7500",
  );
});

Deno.test("elsewhere lines have the time, and come at most twice a minute", () => {
  const screen = new Seen(false);
  const progress = new TrainProgress(screen);
  progress.say("data: RTE");
  for (let number = 1; number <= 100; number++) {
    screen.time += 1000;
    progress.step(step(number, { task_loss: 0.5 }), 100);
  }
  const at = (time: string, n: number, passed: string, left: string) =>
    `2026-01-02T03:${time}Z step ${n}/100  ${passed}<${left}  loss 0.5000  1k tok/s`;
  assertEquals(screen.lines, [
    "2026-01-02T03:04:05Z data: RTE",
    at("04:06", 1, "0:01", "1:39"),
    at("04:36", 31, "0:31", "1:09"),
    at("05:06", 61, "1:01", "0:39"),
    at("05:36", 91, "1:31", "0:09"),
    at("05:45", 100, "1:40", "0:00"),
    "",
  ]);
  assert(screen.lines.every((line) => !line.includes("\x1b")));
});

Deno.test("a run that goes on counts its own steps for the time that is left", () => {
  const screen = new Seen(true);
  const progress = new TrainProgress(screen);
  screen.time += 3_600_000;
  progress.say("resumed");
  screen.time += 10_000;
  progress.step(step(51, { task_loss: 0.5 }), 411);
  assertEquals(screen.lines.at(-1), "step 51/411  0:10<1:00:00  loss 0.5000  100 tok/s");
});

Deno.test("a message clears the line first", () => {
  const screen = new Seen(true);
  const line = new StatusLine(screen);
  line.show(["a long line that is shown"]);
  line.say("short");
  assertEquals(screen.lines, ["short", ""]);
});

Deno.test("durations are in minutes and seconds, from an hour on in hours", () => {
  assertEquals([0, 59.6, 61, 3599, 3600, 90061].map(clockText), [
    "0:00",
    "1:00",
    "1:01",
    "59:59",
    "1:00:00",
    "25:01:01",
  ]);
});

const ended: TrainResult = {
  step: 8,
  steps: 8,
  epoch: 2,
  aborted: false,
  stoppedEarly: false,
  metrics: { accuracy: 0.5, loss: 1 },
  best: { metric: "accuracy", value: 0.75, step: 4, epoch: 1, metrics: { accuracy: 0.75 } },
  lastEpochLoss: 1,
  trainable: 1,
  lora: 1,
  head: 0,
  parameters: 2,
};

Deno.test("work that is no training shows how far it is, and takes its line away at its end", () => {
  const screen = new Seen(true);
  const seen = (done: number, time: number) => {
    screen.time += time;
    work.onProgress({ phase: "predicting", done, total: 3000 });
    return screen.lines;
  };
  using work = new WorkLine(screen);
  assertEquals(seen(320, 0), ["predicting 320/3000  10 %"]);
  assertEquals(seen(640, 50), ["predicting 320/3000  10 %"]);
  assertEquals(seen(960, 100), ["predicting 960/3000  32 %"]);
  assertEquals(seen(3000, 100), [""]);
  seen(32, 100);
  work[Symbol.dispose]();
  assertEquals(screen.lines, [""]);
  const file = new Seen(false);
  using quiet = new WorkLine(file);
  for (let done = 0; done <= 70; done++, file.time += 1000) {
    quiet.onProgress({ phase: "evaluating", done, total: 70 });
  }
  assertEquals(file.lines, [
    "2026-01-02T03:04:35Z evaluating 30/70  42 %",
    "2026-01-02T03:05:05Z evaluating 60/70  85 %",
    "",
  ]);
});

Deno.test("a summary says how it went, where things are and what can be done with them", () => {
  const config = workspace.config("rte", { out: "runs/it's", saveEvery: 2 });
  assertEquals(summaryOf(ended, config, 75), [
    "done      after step 8 of 8, epoch 2.00, in 1:15",
    "best      accuracy 0.7500 at step 4, epoch 1.00; at the end 0.5000",
    "saved in  runs/it's",
    "evaluate  deno task eval --run 'runs/it'\\''s'",
    "predict   deno task predict --run 'runs/it'\\''s' --input FILE",
    "go on     deno task train --resume 'runs/it'\\''s' --change --epochs 4",
  ]);
  const limited = { ...config, maxSteps: 8 };
  assertEquals(
    summaryOf(ended, limited, 75).at(-1),
    "go on     deno task train --resume 'runs/it'\\''s' --change --max-steps 16",
  );
  assert(!summaryOf(ended, { ...config, saveEvery: 8 }, 75).join("\n").includes("go on"));
  const aborted = { ...ended, step: 5, epoch: 1.25, aborted: true, metrics: {} };
  assertEquals(summaryOf(aborted, workspace.config("rte", { out: "runs/a" }), 5), [
    "stopped  after step 5 of 8, epoch 1.25, in 0:05",
    "best     accuracy 0.7500 at step 4, epoch 1.00",
    "go on    deno task train --resume runs/a",
  ]);
  const early = { ...ended, best: undefined, stoppedEarly: true };
  assertEquals(summaryOf(early, workspace.config("rte"), 5), [
    "stopped early  after step 8 of 8, epoch 2.00, in 0:05",
  ]);
});
