/**
 * How modules of the project go into a page: what is not used is left out, and with it whatever needs
 * files or a command line.
 *
 * @module
 */

import type { Plugin } from "esbuild";

/** Packages that the page uses, by the file for browsers. */
const packages: Readonly<Record<string, string>> = {
  fflate: new URL("browser.js", import.meta.resolve("fflate")).pathname,
};

/**
 * Takes every module for one that does nothing but export: loading it alone has no effect. A package
 * that is used and not listed stays an import, which no browser resolves: the tests find it.
 */
export const usedModules: Plugin = {
  name: "used modules",
  setup({ onResolve }) {
    onResolve({ filter: /^\.{1,2}\// }, ({ path, importer, kind }) => {
      if (kind !== "import-statement" && kind !== "dynamic-import") return undefined;
      const file = decodeURIComponent(new URL(path, `file://${importer}`).pathname);
      return { path: file, sideEffects: false };
    });
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind !== "import-statement" && kind !== "dynamic-import") return undefined;
      const file = packages[path];
      return { path: file ?? path, external: file === undefined, sideEffects: false };
    });
  },
};
