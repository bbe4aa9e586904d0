/** The models of the golden set, each a folder with a base and an adapter. */

/** Folder of the golden set. */
export const golden: string = decodeURIComponent(new URL("../golden", import.meta.url).pathname);

/** Names of its models, in order; language models end in `-lm`. */
export const goldenNames: readonly string[] = [...Deno.readDirSync(golden)].map(({ name }) => name)
  .filter((name) => /-(lm|classification|regression)/.test(name)).sort();
