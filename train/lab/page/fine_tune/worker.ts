/**
 * The worker of one run: it takes requests, and never lets the page wait.
 *
 * @module
 */

import { zipSync } from "fflate";
import { Device } from "../../../../core/device.ts";
import { OptionError } from "../../../../core/errors.ts";
import { openCpu } from "../../../../kernels/cpu/backend.ts";
import { openAdapter } from "../../../../kernels/webgpu/open.ts";
import { parseSafetensors } from "../../../../nn/formats/weights.ts";
import { baseJson, baseVocabulary } from "../../../demo/base.ts";
import { parseRepository } from "../../../hub/repository.ts";
import { fetchBase } from "../base.ts";
import { countedBytes, FineTune } from "./fine_tune.ts";
import { hubModel, type OnFetched } from "./hub.ts";
import { type BaseModel, demoModel, folderModel, type PreparedRun, prepareRun } from "./prepare.ts";
import type { Job, Machine, ModelChoice, News, Numbered, Reply, Request } from "./protocol.ts";
import { dropModel, keepFile, keptModel, modelLocked } from "./store.ts";

/** What a worker's own scope has of what is used here; the types of pages do not know it. */
const port = globalThis as unknown as {
  postMessage(answer: Numbered<News | Reply>, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<Numbered<Request>>) => void) | null;
};

/** Tells how far a request is. */
type Tell = (news: News) => void;

/** The run that was opened last. */
let opened: { readonly run: FineTune; readonly isDemo: boolean } | undefined;
let stopping = new AbortController();

/** Milliseconds between two reports of bytes: each of them is spoken. */
const pause = 2000;

/** Tells how much of a file there is, from time to time. */
function seldom(tell: Tell): OnFetched {
  let last = performance.now();
  return (file, done, total) => {
    const now = performance.now();
    if (now - last < pause) return;
    last = now;
    tell({ kind: "fetching", file, done, total });
  };
}

async function openModel(choice: ModelChoice, tell: Tell): Promise<BaseModel> {
  switch (choice.kind) {
    case "demo":
      return demoModel(async () => parseSafetensors(await fetchBase()));
    case "hub": {
      const files = await hubModel(choice, seldom(tell));
      const { id, revision } = parseRepository(choice.name);
      return await folderModel(files, { name: id, ...(revision !== "main" && { revision }) });
    }
    case "folder": {
      const kept = await keptModel(choice.name);
      if (kept !== undefined) return await folderModel(kept, { name: choice.name });
      throw new OptionError(
        `Cannot open ${choice.name} as this browser keeps no such folder: choose it again`,
      );
    }
  }
}

async function openDevice(machine: Machine): Promise<Device> {
  if (machine === "cpu") return new Device(openCpu());
  const gpu = await openAdapter();
  if (gpu !== undefined) return new Device(gpu);
  throw new OptionError(
    "Cannot train on the GPU as WebGPU is required: found none in this browser",
  );
}

async function prepare(job: Job, tell: Tell): Promise<PreparedRun> {
  return await prepareRun(job, await openModel(job.model, tell));
}

/** Reads model and data without training; of weights no more than what their files hold. */
async function check(job: Job, tell: Tell): Promise<Reply> {
  const prepared = await prepare(job, tell);
  return { kind: "checked", facts: prepared.facts, memory: await countedBytes(prepared) };
}

async function keep({ name, files }: Request & { kind: "keep" }, tell: Tell): Promise<Reply> {
  const onFetched = seldom(tell);
  await modelLocked(name, async () => {
    await dropModel(name);
    for (const file of files) {
      const onWritten = (done: number) => onFetched(file.name, done, file.size);
      await keepFile(name, file.name, file.stream(), onWritten);
    }
  });
  return { kind: "kept" };
}

async function open(job: Job, tell: Tell): Promise<Reply> {
  // From now on: it may be stopped while it is opened.
  stopping = new AbortController();
  const prepared = await prepare(job, tell);
  const device = await openDevice(job.machine);
  const run = await FineTune.open(prepared, device);
  opened = { run, isDemo: job.model.kind === "demo" };
  const { description } = device.backend;
  tell({ kind: "opened", facts: { ...prepared.facts, backend: description } });
  return await train(run, tell);
}

async function train(run: FineTune, tell: Tell): Promise<Reply> {
  const { aborted } = await run.train({
    signal: stopping.signal,
    onStep: (record) => tell({ kind: "step", record }),
    onEvaluation: (record) => tell({ kind: "evaluation", record }),
  });
  return { kind: "ended", isStopped: aborted };
}

/** The run, which must have been opened. */
function current(): NonNullable<typeof opened> {
  if (opened !== undefined) return opened;
  throw new OptionError("Cannot answer as a run that was started is required: found none");
}

/** The folder of the adapter; that of the demonstration has its base model beside it. */
async function zip(): Promise<Reply> {
  const { run, isDemo } = current();
  const encoder = new TextEncoder();
  const bytesOf = (content: string | Uint8Array<ArrayBuffer>) =>
    typeof content === "string" ? encoder.encode(content) : content;
  const files = Object.entries({ ...await run.files(), ...isDemo ? await baseFolder() : {} });
  const bytes = zipSync(Object.fromEntries(files.map(([name, one]) => [name, bytesOf(one)])));
  return { kind: "zipped", bytes };
}

async function baseFolder(): Promise<Record<string, string | Uint8Array<ArrayBuffer>>> {
  const config = { ...baseJson, architectures: ["BertModel"] };
  return {
    "base/config.json": JSON.stringify(config, null, 2),
    "base/tokenizer_config.json": JSON.stringify({ tokenizer_class: "BertTokenizer" }),
    "base/vocab.txt": baseVocabulary,
    "base/model.safetensors": await fetchBase(),
  };
}

async function answer(request: Request, tell: Tell): Promise<Reply> {
  switch (request.kind) {
    case "keep":
      return await keep(request, tell);
    case "check":
      return await check(request.job, tell);
    case "train":
      return await open(request.job, tell);
    case "stop":
      stopping.abort();
      return { kind: "stopping" };
    case "resume":
      stopping = new AbortController();
      return await train(current().run, tell);
    case "ask":
      return { kind: "answer", probabilities: await current().run.ask(request.texts) };
    case "zip":
      return await zip();
  }
}

port.onmessage = async ({ data: { id, message: request } }) => {
  const say = (message: News | Reply) => port.postMessage({ id, message });
  try {
    say(await answer(request, say));
  } catch (error) {
    say({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};
