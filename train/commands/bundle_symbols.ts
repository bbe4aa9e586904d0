/**
 * Symbols that every file of the package begins with: where a runtime lacks them, the lowered `using`
 * would find no method on our classes.
 *
 * @module
 */

const symbols = Symbol as unknown as Record<string, symbol>;
for (const name of ["dispose", "asyncDispose"]) symbols[name] ??= Symbol.for(`Symbol.${name}`);
