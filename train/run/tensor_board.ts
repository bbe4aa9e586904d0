/**
 * TensorBoard's view of a run: event files (`events.out.tfevents.…`) beside metrics.jsonl.
 *
 * **Source**: event.proto, summary.proto and tensor.proto of
 * https://github.com/tensorflow/tensorboard/tree/master/tensorboard/compat/proto
 *
 * @module
 */

import { exists, readText } from "../files/files.ts";
import { appendBytes, namesIn } from "../files/folder.ts";
import { tfRecord } from "../files/tf_record.ts";

/** What an event says. */
export type EventContent =
  | { readonly kind: "version" }
  /** Whatever another file says of this step or later ones no longer counts. */
  | { readonly kind: "restart" }
  | { readonly kind: "scalars"; readonly values: Readonly<Record<string, number>> }
  | { readonly kind: "text"; readonly tag: string; readonly text: string };

/**
 * Bytes of an event, a message of protocol buffers.
 *
 * @param seconds Time since 1970
 */
export function encodeEvent(seconds: number, step: number, content: EventContent): Uint8Array {
  return joined([double(1, seconds), ...(step === 0 ? [] : [integer(2, step)]), said(content)]);
}

function said(content: EventContent): Uint8Array {
  switch (content.kind) {
    case "version":
      return text(3, "brain.Event:2");
    case "restart":
      return message(7, [integer(1, 1)]);
    case "scalars":
      return message(
        5,
        Object.entries(content.values).map(([tag, value]) =>
          message(1, [text(1, tag), float(2, value)])
        ),
      );
    case "text": {
      const shape = message(2, [message(2, [integer(1, 1)])]);
      const tensor = message(8, [integer(1, 7), shape, text(8, content.text)]);
      const metadata = message(9, [message(1, [text(1, "text")])]);
      return message(5, [message(1, [text(1, content.tag), tensor, metadata])]);
    }
  }
}

/** Scalars of a record of metrics.jsonl: `eval_NAME` as `eval/NAME`, others as `train/NAME`. */
export function scalarsOf(record: Readonly<Record<string, number>>): Record<string, number> {
  const rows = Object.entries(record).filter(([name]) => !["step", "seconds"].includes(name));
  return Object.fromEntries(rows.map(([name, value]) => {
    const [, evaluated] = /^eval_(.*)/.exec(name) ?? [];
    return [evaluated === undefined ? `train/${name}` : `eval/${evaluated}`, value];
  }));
}

/** An event file that grows with its run. A run that is resumed begins another one. */
export class EventFile {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /**
   * Begins a file. The first one of a run that did something before has all that metrics.jsonl says.
   *
   * @param restart Step from which on what older files say no longer counts; undefined for a new run
   * @param settings What the page of texts shows, as JSON
   * @throws {FileError} If the system refuses
   */
  static async begin(
    directory: string,
    restart: number | undefined,
    settings: unknown,
  ): Promise<EventFile> {
    const before = await eventFilesIn(directory);
    const file = new EventFile(`${directory}/${nameAfter(before)}`);
    await file.#add(0, { kind: "version" });
    if (before === 0) await file.#replay(`${directory}/metrics.jsonl`);
    else if (restart !== undefined) await file.#add(restart, { kind: "restart" });
    const step = Math.max(0, (restart ?? 0) - 1);
    const lines = JSON.stringify(settings, null, 2).split("\n").map((line) => `    ${line}`);
    await file.#add(step, { kind: "text", tag: "config/text_summary", text: lines.join("\n") });
    return file;
  }

  /**
   * Adds a record of metrics.jsonl.
   *
   * @throws {FileError} If the system refuses
   */
  async add(record: Readonly<Record<string, number>>): Promise<void> {
    await this.#add(record["step"]!, { kind: "scalars", values: scalarsOf(record) });
  }

  /** Adds what was done before there was an event file. */
  async #replay(metrics: string): Promise<void> {
    if (!await exists(metrics)) return;
    const lines = (await readText(metrics)).split("\n").filter((line) => line !== "");
    const records = lines.map((line) => {
      const record: Record<string, number> = JSON.parse(line);
      return tfRecord(
        encodeEvent(now(), record["step"]!, { kind: "scalars", values: scalarsOf(record) }),
      );
    });
    await appendBytes(this.#path, new Uint8Array(await new Blob(records).arrayBuffer()));
  }

  async #add(step: number, content: EventContent): Promise<void> {
    await appendBytes(this.#path, tfRecord(encodeEvent(now(), step, content)));
  }
}

/** Number of event files in a folder. */
async function eventFilesIn(directory: string): Promise<number> {
  return (await namesIn(directory)).filter((name) => name.includes(".tfevents.")).length;
}

/** A name after those of so many files: readers take them in the order of their names. */
function nameAfter(before: number): string {
  const number = `${before}`.padStart(3, "0");
  return `events.out.tfevents.${Date.now()}.${number}.hiddenkey`;
}

function now(): number {
  return Date.now() / 1000;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** Wire types of protocol buffers. */
const wire = { varint: 0, eight: 1, bytes: 2, four: 5 } as const;

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return Uint8Array.from([...bytes, value]);
}

function field(number: number, kind: keyof typeof wire, content: Uint8Array): Uint8Array {
  return joined([varint(number * 8 + wire[kind]), content]);
}

function integer(number: number, value: number): Uint8Array {
  return field(number, "varint", varint(value));
}

function double(number: number, value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return field(number, "eight", bytes);
}

function float(number: number, value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return field(number, "four", bytes);
}

function message(number: number, parts: readonly Uint8Array[]): Uint8Array {
  const content = joined(parts);
  return field(number, "bytes", joined([varint(content.length), content]));
}

function text(number: number, value: string): Uint8Array {
  return message(number, [new TextEncoder().encode(value)]);
}
