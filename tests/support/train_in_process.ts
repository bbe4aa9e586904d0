/** The command `train` in this process, without what it prints. */

import { trainCommand } from "../../train/commands/train.ts";

/** Runs `train` with its arguments and gives its exit code. */
export async function trainQuietly(...args: readonly string[]): Promise<number> {
  const { log } = console;
  console.log = () => {};
  try {
    return await trainCommand.run(args);
  } finally {
    console.log = log;
  }
}

/** Runs `train` and gives the options that run.json has, and the plan of hiddenkey_config.json. */
export async function savedBy(
  out: string,
  ...args: readonly string[]
): Promise<{ config: Record<string, unknown>; plan: unknown; adapter: Record<string, unknown> }> {
  const code = await trainQuietly(...args, "--out", out);
  if (code !== 0) throw new Error(`The command ended with ${code}`);
  const read = async (name: string) => JSON.parse(await Deno.readTextFile(`${out}/${name}`));
  const { config } = await read("run.json");
  const { plan } = await read("hiddenkey_config.json");
  return { config, plan, adapter: await read("adapter_config.json") };
}
