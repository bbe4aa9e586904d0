/**
 * Which files of a folder are a split.
 *
 * @module
 */

import { FileError } from "../../core/errors.ts";
import { isFolder } from "../files/files.ts";
import { namesIn } from "../files/folder.ts";
import type { Split } from "./example.ts";
import { tablePattern } from "./table.ts";
import { tableExtensions } from "./table_text.ts";

/** Names of a split's file or folder. */
const splitNames: Readonly<Record<Split, readonly string[]>> = {
  train: ["train"],
  dev: ["dev", "validation", "valid", "val"],
  test: ["test"],
};

const shard = /^-(\d{5})-of-(\d{5})$/;

/**
 * Finds the files of a split: `train.EXT`, shards `train-00000-of-00002.EXT`, or all tables in a
 * folder `train`; `dev` may also be named `validation`, `valid` or `val`.
 *
 * @returns Paths in the order of their names; none where the folder has no such file
 * @throws {FileError} If more than one choice is there, or a shard is missing
 */
export async function findSplit(directory: string, split: Split): Promise<string[]> {
  const found: string[][] = [];
  for (const name of splitNames[split]) {
    const folder = `${directory}/${name}`;
    const inside = (await namesOf(folder)).filter((one) => tablePattern.test(one));
    if (inside.length > 0) found.push(inside.map((one) => `${folder}/${one}`));
  }
  const kinds = new Map<string, string[]>();
  for (const file of await namesOf(directory)) {
    const extension = tablePattern.exec(file)?.[0];
    if (extension === undefined) continue;
    const stem = file.slice(0, -extension.length);
    const name = splitNames[split].find((one) => {
      return stem === one || stem.startsWith(one) && shard.test(stem.slice(one.length));
    });
    if (name === undefined) continue;
    const [, , count] = shard.exec(stem.slice(name.length)) ?? [];
    const kind = `${name} ${extension} ${count}`;
    kinds.set(kind, [...kinds.get(kind) ?? [], `${directory}/${file}`]);
  }
  for (const [kind, paths] of kinds) {
    const count = Number(kind.split(" ").at(-1));
    if (paths.length !== (count || 1)) {
      throw new FileError(
        `Cannot read split ${split} as ${count} shards are required: found ${paths.length}`,
        paths[0]!,
      );
    }
    found.push(paths);
  }
  if (found.length > 1) {
    throw new FileError(
      `Cannot choose files of split ${split} as one kind is required: found ${
        found.map(([first]) => first!.slice(directory.length + 1)).join(" and ")
      }`,
      directory,
    );
  }
  return found[0] ?? [];
}

/** The error of a split that is not there. */
export function missingSplit(directory: string, split: Split): FileError {
  return new FileError(
    `Cannot find split ${split} as a file or folder named ${splitNames[split].join(" or ")} is ` +
      `required, with the extension ${tableExtensions.join(", ")}: found none`,
    directory,
  );
}

async function namesOf(folder: string): Promise<string[]> {
  return await isFolder(folder) ? await namesIn(folder) : [];
}
