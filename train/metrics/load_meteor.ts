/**
 * Reading METEOR's resource files from a directory.
 *
 * @module
 */

import { exists, readText } from "../files/files.ts";
import {
  type MeteorResources,
  parseFunctionWords,
  parsePrefixes,
  parseSynonyms,
} from "./meteor_resources.ts";

/**
 * Loads what METEOR knows of English from the folder `resources` of its source, or of its jar:
 * `function/english.words`, `nonbreaking/english.prefixes` and, where it exists,
 * `synonym/english.synsets` with `synonym/english.exceptions`.
 *
 * @param directory The folder
 * @throws {FileError} If a file is missing or malformed
 */
export async function loadMeteor(directory: string): Promise<MeteorResources> {
  const functionWords = parseFunctionWords(await readText(`${directory}/function/english.words`));
  const prefixes = parsePrefixes(await readText(`${directory}/nonbreaking/english.prefixes`));
  const synsets = `${directory}/synonym/english.synsets`;
  const exceptions = `${directory}/synonym/english.exceptions`;
  const synonyms = await exists(synsets)
    ? parseSynonyms(await readText(synsets), await readText(exceptions), { synsets, exceptions })
    : undefined;
  return { functionWords, prefixes, synonyms };
}
