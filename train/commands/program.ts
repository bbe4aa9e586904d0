/**
 * A program of several commands, and how it ends: an error is one sentence on standard error.
 *
 * @module
 */

import { DeviceError, OptionError } from "../../core/errors.ts";
import { presentable } from "../../core/excerpt.ts";
import { listText } from "../config/help.ts";
import { codeOf, reasonOf } from "../files/system.ts";
import { nearest } from "../config/nearest.ts";
import { type Command, version } from "./command.ts";

/** Several commands under one name. */
export interface CommandGroup {
  /** What they are for, and how they are called. */
  readonly usage: string;
  /** The commands by name, in the order of the help. */
  readonly commands: Readonly<Record<string, Command>>;
}

/**
 * Runs a program and prints its error, with the stack if `--verbose` is among the arguments.
 *
 * @param args Name of the command, then its own arguments
 * @returns Exit code: the command's, or 1 after an error, or 3 where the device was lost
 */
export function runProgram(program: CommandGroup, args: readonly string[]): Promise<number> {
  return exitCode(args, () => choose(program, args));
}

/** Runs a command that is a program by itself, in the same way. */
export function runCommand(command: Command, args: readonly string[]): Promise<number> {
  return exitCode(args, () => command.run(args));
}

/** Several commands as one command of a program. */
export function groupCommand(summary: string, group: CommandGroup): Command {
  return { summary, run: (args) => choose(group, args) };
}

async function choose(
  { usage, commands }: CommandGroup,
  [name, ...args]: readonly string[],
): Promise<number> {
  if (name === "--help" || name === "-h") {
    const list = listText(Object.entries(commands).map(([key, { summary }]) => [key, summary]));
    console.log(`${usage}\n\nCommands:\n${list}\n\nCOMMAND --help lists the options of a command.`);
    return 0;
  }
  if (name === "--version") {
    console.log(version);
    return 0;
  }
  const command = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return await command.run(args);
  const known = Object.keys(commands);
  const required = `one of ${known.join(", ")} is required`;
  throw new OptionError(
    name === undefined
      ? `Cannot run without a command as ${required}`
      : `Cannot find command ${name} as ${required}: the nearest one is ${nearest(name, known)}`,
  );
}

async function exitCode(args: readonly string[], run: () => Promise<number>): Promise<number> {
  try {
    return await run();
  } catch (error) {
    return failed(error, args);
  }
}

/**
 * Prints an error on standard error.
 *
 * @param from What stands before it, such as the process of several; default nothing
 * @returns Exit code
 */
export function failed(error: unknown, args: readonly string[], from = ""): number {
  const plain = error instanceof Error && !args.includes("--verbose");
  console.error(plain ? `error: ${from}${presentable(sentenceOf(error))}` : error);
  return error instanceof DeviceError ? 3 : 1;
}

/** What an error says; those of files have their sentences, so that what is left is of the output. */
function sentenceOf(error: Error): string {
  if (error instanceof Deno.errors.NotCapable) {
    return `Cannot run without permission: ${error.message}`;
  }
  if (!["ENOSPC", "EPIPE", "EIO"].includes(String(codeOf(error)))) return error.message;
  return `Cannot write standard output as a writable place is required: found ${reasonOf(error)}`;
}
