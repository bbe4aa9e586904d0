/**
 * How the sources hang together, read from their texts alone: imports, exports, functions, and the
 * rules that they keep. The rules are functions of texts, so that a test can break each on purpose.
 */

import ts from "typescript";

/** Text of each file by its path from the root. */
export type Sources = ReadonlyMap<string, string>;

/** Layers of a part of the tree, the lowest first; each is a list of files or of folders (`ops/`). */
export type Layers = readonly (readonly string[])[];

/** Every TypeScript and JavaScript file of some folders of the project, and `mod.ts`-like files. */
export async function readSources(root: string, names: readonly string[]): Promise<Sources> {
  const sources = new Map<string, string>();
  const visit = async (path: string): Promise<void> => {
    if (/\.[jt]s$/.test(path)) sources.set(path, await Deno.readTextFile(root + path));
    else if (!/\.\w+$/.test(path)) {
      for await (const { name } of Deno.readDir(root + path)) await visit(`${path}/${name}`);
    }
  };
  for (const name of names) await visit(name);
  return new Map([...sources].sort(([a], [b]) => a < b ? -1 : 1));
}

/** What a file imports or exports from, types included: paths of the project, names of packages. */
export function importsOf(path: string, text: string): string[] {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  return [...new Set(importedFiles.map(({ fileName }) => fileName))].map((name) =>
    name.startsWith(".") ? new URL(name, `file:///${path}`).pathname.slice(1) : name
  );
}

/** Imports of each file. */
export function graphOf(sources: Sources): Map<string, string[]> {
  return new Map([...sources].map(([path, text]) => [path, importsOf(path, text)]));
}

/** Imports that a rule does not allow, as `file -> file`. */
export function breaches(
  sources: Sources,
  folder: string,
  allowed: (to: string, from: string) => boolean,
): string[] {
  return [...graphOf(sources)].filter(([path]) => path === folder || path.startsWith(`${folder}/`))
    .flatMap(([path, targets]) =>
      targets.filter((to) => !allowed(to, path)).map((to) => `${path} -> ${to}`)
    );
}

/** Imports that run up a folder's layers, and files that no layer names. */
export function arrowsUp(sources: Sources, folder: string, layers: Layers): string[] {
  const levelOf = (path: string) =>
    layers.findIndex((layer) =>
      layer.some((name) =>
        name.endsWith("/") ? path.startsWith(`${folder}/${name}`) : path === `${folder}/${name}`
      )
    );
  return [...graphOf(sources)].filter(([path]) => path.startsWith(`${folder}/`))
    .flatMap(([path, targets]) => {
      const own = levelOf(path);
      if (own < 0) return [`${path} stands in no layer`];
      return targets.filter((to) => to.startsWith(`${folder}/`) && levelOf(to) > own)
        .map((to) => `${path} -> ${to}`);
    });
}

/** Chains of imports that end where they began. */
export function cycles(sources: Sources): string[] {
  const graph = graphOf(sources);
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) found.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
    if (done.has(path) || trail.includes(path)) return;
    for (const to of graph.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found;
}

/** All that a file reaches by imports, itself included. */
export function reachedFrom(sources: Sources, start: string): Set<string> {
  const graph = graphOf(sources);
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    graph.get(path)?.forEach(visit);
  };
  visit(start);
  return reached;
}

/** Names that two files declare and export, each with the files: one name must have one meaning. */
export function namesExportedTwice(sources: Sources): string[] {
  const files = new Map<string, string[]>();
  for (const [path, text] of sources) {
    for (const statement of parse(path, text).statements) {
      for (const name of new Set(declaredExports(statement))) {
        files.set(name, [...files.get(name) ?? [], path]);
      }
    }
  }
  return [...files].filter(([, paths]) => new Set(paths).size > 1)
    .map(([name, paths]) => `${name}: ${[...new Set(paths)].join(", ")}`);
}

/** A function that is long or takes many parameters. */
export interface LargeFunction {
  /** File and name. */
  readonly name: string;
  /** Lines from the name to the closing brace. */
  readonly lines: number;
  /** Parameters it declares. */
  readonly parameters: number;
}

/** Functions of more than `lines` lines or more than `parameters` parameters. */
export function largeFunctions(
  sources: Sources,
  { lines, parameters }: { readonly lines: number; readonly parameters: number },
): LargeFunction[] {
  const found: LargeFunction[] = [];
  for (const [path, text] of sources) {
    const file = parse(path, text);
    const lineOf = (position: number) => file.getLineAndCharacterOfPosition(position).line;
    const visit = (node: ts.Node): void => {
      if (ts.isFunctionLike(node) && "body" in node && node.body !== undefined) {
        const size = {
          lines: lineOf(node.end) - lineOf(node.getStart(file)) + 1,
          parameters: node.parameters.length,
        };
        if (size.lines > lines || size.parameters > parameters) {
          found.push({ name: `${path} ${nameOf(node, file)}`, ...size });
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return found;
}

function parse(path: string, text: string): ts.SourceFile {
  return ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
}

function declaredExports(statement: ts.Statement): string[] {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) ?? [] : [];
  if (!modifiers.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  }
  return "name" in statement && statement.name !== undefined
    ? [(statement.name as ts.Identifier).text]
    : [];
}

function nameOf(node: ts.SignatureDeclaration, file: ts.SourceFile): string {
  if (ts.isConstructorDeclaration(node)) return `${node.parent.name?.text}.constructor`;
  const named = node.name ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name : undefined);
  return named?.getText(file) ?? "(unnamed)";
}
