/**
 * A command that several processes run together: process 0 speaks for all, and none outlives the others.
 *
 * @module
 */

import metadata from "../../deno.json" with { type: "json" };
import { requireAgreement } from "../distributed/agreement.ts";
import { alone, type Group, processName } from "../distributed/group.ts";
import { type GroupChoice, openGroup } from "../distributed/open_group.ts";
import { failed } from "./program.ts";

/** Milliseconds in which process 0 says what all processes find alike, and ends them. */
const precedence = 2000;
/** Milliseconds in which a launcher reads what was printed: MPICH's drops the rest once all are ended. */
const readingTime = 500;

/**
 * Runs a job in the group that this process was started in. An error ends all processes, with one
 * sentence of the one that found it.
 *
 * @param verb What the command does: all must run the same one
 * @param say Is told who the processes are, so that a launcher's message of a process can be read
 * @throws {OptionError} If there is no group to join
 */
export async function joined(
  verb: string,
  choice: GroupChoice,
  say: (line: string) => void,
  job: (group: Group) => Promise<number>,
): Promise<number> {
  const group = await openGroup(choice);
  if (group === alone) return await job(group);
  try {
    for (const line of await introductions(group)) if (group.rank === 0) say(line);
    // What differs here would have other messages, too, which nobody could read.
    const { distributed } = choice;
    const facts = { version: metadata.version, command: verb, "--distributed": distributed };
    await requireAgreement(group, facts, { verb });
    const code = await job(group);
    await group[Symbol.asyncDispose]();
    return code;
  } catch (error) {
    if (group.rank > 0) await pause(precedence);
    const code = failed(error, Deno.args, `${processName(group.rank, group)}: `);
    await pause(readingTime);
    group.abort(code);
    return code;
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}

/** Which processes there are, one line for each machine. */
async function introductions(group: Group): Promise<string[]> {
  const all = await group.gather(JSON.stringify([group.host, Deno.pid]));
  const processes = all.map((text) => JSON.parse(text) as [host: string, pid: number]);
  const hosts = Map.groupBy(processes.entries(), ([, [host]]) => host);
  return [...hosts].map(([host, members]) => {
    const list = members.map(([rank, [, pid]]) => `${rank} (pid ${pid})`);
    return `processes: ${list.join(", ")} of ${group.size} on ${host}, by ${group.name}`;
  });
}
