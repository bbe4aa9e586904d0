import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { FileError, OptionError } from "../../../core/errors.ts";
import {
  encodeEvent,
  type EventContent,
  EventFile,
  scalarsOf,
} from "../../../train/run/tensor_board.ts";
import { train } from "../../../train/train.ts";
import { runPython, withoutPython } from "../../support/python.ts";
import { namesIn, readMetrics, Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

/** Events, and their bytes as the message classes of the Python package tensorboard 2.21 write them. */
const golden: readonly (readonly [number, number, EventContent, string])[] = [
  [1.5, 0, { kind: "version" }, "09000000000000f83f1a0d627261696e2e4576656e743a32"],
  [1.5, 301, { kind: "restart" }, "09000000000000f83f10ad023a020801"],
  [
    2.25,
    7,
    { kind: "scalars", values: { "train/loss": 0.75, "eval/f1": 0.1 } },
    "09000000000000024010072a230a110a0a747261696e2f6c6f7373150000403f0a0e0a076576616c2f663115cdcc" +
    "cc3d",
  ],
  [
    3,
    0,
    { kind: "text", tag: "config/text_summary", text: "naïve" },
    "0900000000000008402a330a310a13636f6e6669672f746578745f73756d6d617279421008071204120208014206" +
    "6e61c3af76654a080a060a0474657874",
  ],
];

Deno.test("events are the bytes that TensorBoard's own classes write", () => {
  for (const [seconds, step, content, bytes] of golden) {
    assertEquals(encodeEvent(seconds, step, content).toHex(), bytes, content.kind);
  }
});

Deno.test("scalars are named after what they are of, without steps and seconds", () => {
  const record = { step: 3, epoch: 0.5, loss: 2, eval_macro_f1: 0.25, seconds: 9 };
  assertEquals(scalarsOf(record), { "train/epoch": 0.5, "train/loss": 2, "eval/macro_f1": 0.25 });
});

Deno.test("an event file begins with its version and says where an older one ends", async () => {
  const folder = workspace.out("events");
  await Deno.mkdir(folder);
  await EventFile.begin(folder, undefined, {});
  await EventFile.begin(folder, 301, {});
  await EventFile.begin(folder, 0, {});
  const names = namesIn(folder);
  assertEquals(names.length, 3);
  for (const name of names) assertMatch(name, /^events\.out\.tfevents\.\d{13}\.\d{3}\.hiddenkey$/);
  const [first, second, third] = names.map((name) =>
    Deno.readFileSync(`${folder}/${name}`).toHex()
  );
  const restart = "10ad023a020801";
  assert(first!.includes("1a0d627261696e2e4576656e743a32") && !first!.includes("3a020801"));
  assert(second!.indexOf(restart) > second!.indexOf("1a0d627261696e2e4576656e743a32"));
  // Of step 0, which protocol buffers leave out: nothing before it counts.
  assert(third!.includes("3a020801") && !third!.includes("10ad02"));
});

Deno.test("the first event file of a run that goes on has what was done before", async () => {
  const out = workspace.out("no events yet");
  const config = workspace.config("rte", { saveEvery: 3, out });
  await train(config);
  const whole = (await readMetrics(out)).map(eventOf);
  const other = workspace.out("events elsewhere");
  const resume = `${out}/checkpoint-3`;
  await train({ ...config, tensorboard: true, out: other }, { resume });
  await train({ ...config, tensorboard: true }, { resume });
  for (const folder of [out, other]) {
    const names = namesIn(folder).filter((name) => name.includes("tfevents"));
    assertEquals(names.length, 1);
    const events = (await Deno.readFile(`${folder}/${names[0]}`)).toHex();
    assertEquals(whole.length, 11);
    for (const event of whole) assertEquals(events.split(event).length, 2, event);
  }
});

/** The bytes of a record in an event file, behind its time. */
function eventOf(record: Record<string, number>): string {
  const content = { kind: "scalars", values: scalarsOf(record) } as const;
  return encodeEvent(0, record["step"]!, content).toHex().slice(18);
}

Deno.test("an event file that cannot be written is a FileError", async () => {
  await assertRejects(() => EventFile.begin(workspace.out("nowhere"), undefined, {}), FileError);
});

Deno.test("train() with --tensorboard needs a folder", async () => {
  await assertRejects(
    () => train(workspace.config("rte", { tensorboard: true })),
    OptionError,
    "Cannot use --tensorboard as a folder is required in --out: found none",
  );
});

Deno.test("train() writes no event file unless it is asked to", async () => {
  const out = workspace.out("without");
  await train(workspace.config("rte", { maxSteps: 1, out }));
  assertEquals(namesIn(out).filter((name) => name.includes("tfevents")), []);
});

/** What TensorBoard reads of a run: steps and values by tag, and the texts. */
interface Read {
  readonly scalars: Readonly<Record<string, readonly (readonly [step: number, value: number])[]>>;
  readonly texts: Readonly<Record<string, readonly string[]>>;
}

const withoutTensorBoard = withoutPython || await runPython("event_files.py", []) !== true;

Deno.test({
  name: `TensorBoard reads what metrics.jsonl says, also of a run that was resumed ` +
    "(needs HIDDENKEY_PYTHON, a Python with tensorboard, and --allow-run for it)",
  ignore: withoutTensorBoard,
  async fn() {
    const out = workspace.out("resumed");
    const config = workspace.config("rte", {
      method: "hiddenkey",
      saveEvery: 3,
      out,
      tensorboard: true,
    });
    const controller = new AbortController();
    await train(config, {
      signal: controller.signal,
      // Stops after step 5; what is resumed is step 3, so that steps 4 and 5 happen twice.
      onStep: ({ step }) => step === 5 ? controller.abort() : undefined,
    });
    await Deno.remove(`${out}/checkpoint-5`, { recursive: true });
    await train(config, { resume: out });
    const { scalars, texts } = await runPython("event_files.py", [out]) as Read;
    const lines = await readMetrics(out);
    const expected: Record<string, [number, number][]> = {};
    for (const line of lines) {
      for (const [tag, value] of Object.entries(scalarsOf(line))) {
        (expected[tag] ??= []).push([line["step"]!, Math.fround(value)]);
      }
    }
    assertEquals(scalars, expected);
    assertEquals(Object.keys(texts), ["config/text_summary"]);
    const shown = texts["config/text_summary"]!.at(-1)!;
    assertEquals(JSON.parse(shown).method, "hiddenkey");
  },
});
