// The asking side: contenders are processes that answer questions in turn, so that all of them are
// measured within the same stretch of time and none runs in another's threads or memory.
import type { Answer, Question } from "./serve.ts";

/** How a contender is started. */
export interface Entry {
  /** Its name in tables. */
  readonly name: string;
  /** File below bench/peers. */
  readonly file: string;
  /** Arguments of that file. */
  readonly arguments: readonly string[];
  /** Threads it may use. */
  readonly threads: number;
}

/** Milliseconds between questions: OpenBLAS's threads spin on, and after 40 still slowed PyTorch's. */
const pause = 200;

class Contender {
  readonly #process: Deno.ChildProcess;
  readonly #reader: ReadableStreamDefaultReader<string>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #rest = "";

  constructor(entry: Entry, python: string) {
    const path = decodeURIComponent(new URL(entry.file, import.meta.url).pathname);
    const flags = ["run", "--no-lock", "--allow-read", "--allow-env", "--allow-ffi"];
    const [command, given] = path.endsWith(".py")
      ? [python, [path]]
      : [Deno.execPath(), [...flags, path]];
    const threads = String(entry.threads);
    this.#process = new Deno.Command(command, {
      args: [...given, ...entry.arguments],
      env: { OMP_NUM_THREADS: threads, MKL_NUM_THREADS: threads, OPENBLAS_NUM_THREADS: threads },
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#reader = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#writer = this.#process.stdin.getWriter();
  }

  async ask(question: Question): Promise<Answer> {
    try {
      await this.#writer.write(new TextEncoder().encode(`${JSON.stringify(question)}\n`));
    } catch {
      return { missing: "has ended" };
    }
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        if (line.startsWith("{")) return JSON.parse(line);
      } else {
        const { value, done } = await this.#reader.read();
        if (done) return { missing: "has ended" };
        this.#rest += value;
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#reader.cancel();
    await this.#process.status;
  }
}

/** A case to measure: whom to ask, what, and how often. */
export interface Case extends Question {
  /** Rounds that count. */
  readonly rounds: number;
}

/** Answers of each contender that has the case, by its name, one a round. */
export type Answers = ReadonlyMap<string, readonly Record<string, number>[]>;

/** Asks every contender for every case, one after the other, round by round. */
export async function compete(
  entries: readonly Entry[],
  cases: readonly Case[],
  python: string,
): Promise<Answers[]> {
  await using stack = new AsyncDisposableStack();
  const contenders = entries.map((entry) => stack.use(new Contender(entry, python)));
  const results: Answers[] = [];
  for (const question of cases) {
    const answers = new Map(entries.map(({ name }) => [name, [] as Record<string, number>[]]));
    // The first rounds compile, fill caches and find out how many runs fill the budget.
    for (let round = -2; round < question.rounds; round++) {
      for (const [i, { name }] of entries.entries()) {
        if (!answers.has(name)) continue;
        await new Promise((wake) => setTimeout(wake, pause));
        const answer = await contenders[i]!.ask(question);
        if ("missing" in answer) {
          answers.delete(name);
          console.error(`Cannot measure ${name} at ${question.name}: it ${answer.missing}`);
        } else if (round >= 0) answers.get(name)!.push(answer as Record<string, number>);
      }
    }
    results.push(answers);
  }
  return results;
}

/** The fastest answer of each contender alone: what neighbours of a shared machine left alone. */
export function fastest(answers: Answers): Answers {
  return new Map(
    [...answers].map((
      [name, given],
    ) => [name, given.toSorted((a, b) => a.ms! - b.ms!).slice(0, 1)]),
  );
}
