// The contender's side: asked for cases on standard input, it answers with times on standard output.

/** What one run of a case does. */
export type Run = () => unknown | Promise<unknown>;

/** What is asked: a case, and for how long it is to be measured. */
export interface Question {
  /** Name of the case, the name of a kind first. */
  readonly name: string;
  /** Sizes, as the kind has them. */
  readonly sizes: readonly number[];
  /** Milliseconds to fill with runs. */
  readonly budget: number;
}

/** The answer: figures, or the reason why there are none. */
export type Answer = { readonly ms: number; readonly [figure: string]: number } | {
  readonly missing: string;
};

/**
 * Answers until standard input ends. `make` prepares a case, or gives nothing where the contender
 * does not have it; `figures` tells more of the
 * runs since it was last called.
 */
export async function serve(
  make: (question: Question) => Run | undefined | Promise<Run | undefined>,
  figures: (runs: number) => Record<string, number> = () => ({}),
): Promise<never> {
  const made = new Map<string, { run: Run; repeats: number }>();
  const answer = async (question: Question): Promise<Answer> => {
    let found = made.get(question.name);
    if (found === undefined) {
      const run = await make(question);
      if (run === undefined) return { missing: "has no such case" };
      found = { run, repeats: 1 };
      made.set(question.name, found);
    }
    await found.run();
    figures(1);
    const start = performance.now();
    for (let i = 0; i < found.repeats; i++) await found.run();
    const ms = (performance.now() - start) / found.repeats;
    const more = figures(found.repeats);
    found.repeats = Math.max(1, Math.min(20000, Math.round(question.budget / ms)));
    return { ms, ...more };
  };
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const found = await answer(JSON.parse(line)).catch((cause) => ({
        missing: `fails: ${cause}`,
      }));
      console.log(JSON.stringify(found));
    }
  }
  Deno.exit();
}

/** Loads a package that is no dependency: the name is not written where tools would resolve it. */
export async function load<T>(specifier: string): Promise<T> {
  return await import(specifier);
}

/** Numbers without a meaning, as the other benches have them. */
export function numbers(count: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, i) => (i * 7 % 13) / 13 - 0.5);
}
