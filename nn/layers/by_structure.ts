/**
 * Operations that exist in several structures, such as with and without a mask.
 *
 * @module
 */

/**
 * An operation for each structure, built when it is first asked for.
 *
 * @param build Declares the operation; what it is told has no numbers that vary between runs
 */
export function byStructure<S extends object, T>(
  build: (structure: S) => T,
): (structure: S) => T {
  const operations = new Map<string, T>();
  return (structure) => {
    const key = JSON.stringify(structure);
    let op = operations.get(key);
    if (op === undefined) operations.set(key, op = build(structure));
    return op;
  };
}
