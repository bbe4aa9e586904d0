/**
 * Names of hub repositories: `org/name` or `org/name@revision`.
 *
 * @module
 */

import { OptionError } from "../../core/errors.ts";

/** A repository at a revision. */
export interface Repository {
  /** `org/name`. */
  readonly id: string;
  /** Branch, tag or commit; `main` where none is named. */
  readonly revision: string;
}

const part = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?$/;

/** Whether a text has the form of a repository rather than of a path. */
export function resemblesRepository(text: string): boolean {
  return /^[^/\\@.~][^/\\@]*\/[^/\\@]+(@.*)?$/s.test(text);
}

/** Whether a revision is a commit: what it names never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/**
 * Reads the name of a repository.
 *
 * @throws {OptionError} If it is none, or the revision is no name of git's
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseRepository("org/name@refs/pr/1"), { id: "org/name", revision: "refs/pr/1" });
 * ```
 */
export function parseRepository(text: string): Repository {
  const at = text.indexOf("@");
  const [id, revision] = at < 0 ? [text, "main"] : [text.slice(0, at), text.slice(at + 1)];
  const parts = id.split("/");
  const named = parts.length === 2 && parts.every((one) => part.test(one)) &&
    !/--|\.\.|\.git$/.test(id);
  if (!named) {
    throw new OptionError(
      "Cannot use repository as org/name of letters, digits, single - and ., and _ is required: " +
        `found ${JSON.stringify(id)}`,
    );
  }
  // The revision becomes a path in the cache.
  const segments = revision.split("/");
  const plain = segments.every((one) => /^(?!\.)[^\0-\x20\x7f~^:?*[\\]+(?<!\.lock|\.)$/.test(one));
  if (!plain || /\.\.|@\{/.test(revision)) {
    throw new OptionError(
      `Cannot use revision of ${id} as a branch, tag or commit is required: found ${
        JSON.stringify(revision)
      }`,
    );
  }
  return { id, revision };
}
