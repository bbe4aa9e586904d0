/** A small hub on this machine: listing, resolve addresses, and large files on a server apart. */

import { createHash } from "node:crypto";
import { sha256 } from "../../train/hub/digest.ts";
import { fileResponse, Loopback } from "./loopback.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Files by path. */
export type Files = Readonly<Record<string, Bytes | string>>;

interface Shelf {
  readonly commits: Map<string, Map<string, Bytes>>;
  readonly revisions: Map<string, string>;
  token?: string;
  gated?: boolean;
  movedTo?: string;
}

const bytesOf = (content: Bytes | string): Bytes =>
  typeof content === "string" ? new TextEncoder().encode(content) : content;

/** The name that git gives to a file. */
export function gitSha1(content: Bytes | string): string {
  const bytes = bytesOf(content);
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

/** A hub and the server that holds its large files. */
export class HubServer implements AsyncDisposable {
  readonly #shelves = new Map<string, Shelf>();
  readonly #large = new Map<string, Bytes>();
  /** Whether the hub itself sends large files: Python takes two ports for one server. */
  direct = false;
  /** The hub. */
  readonly hub: Loopback = new Loopback((request) => this.#answer(request));
  /** Where redirects of large files lead. */
  readonly store: Loopback = new Loopback((request) => {
    const name = new URL(request.url).pathname.slice(1);
    const bytes = this.#large.get(name);
    return bytes === undefined
      ? new Response(null, { status: 404 })
      : fileResponse(request, bytes, { ETag: '"of the store"' });
  });

  /** Adds a commit to a repository, makes a branch point to it, and returns it. */
  add(id: string, files: Files, revision = "main", access: Partial<Shelf> = {}): string {
    const shelf = this.#shelves.get(id) ?? { commits: new Map(), revisions: new Map() };
    const contents = new Map(Object.entries(files).map(([name, one]) => [name, bytesOf(one)]));
    const names = [...contents].map(([name, bytes]) => `${name} ${gitSha1(bytes)}\n`);
    const commit = createHash("sha1").update(id + names.join("")).digest("hex");
    shelf.commits.set(commit, contents);
    shelf.revisions.set(revision, commit);
    this.#shelves.set(id, { ...shelf, ...access });
    for (const bytes of contents.values()) this.#large.set(sha256(bytes), bytes);
    return commit;
  }

  /** Whether a file is held by the store, as safetensors are. */
  static isLarge(name: string): boolean {
    return /\.(safetensors|bin)$/.test(name);
  }

  /** Stops both servers. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
  }

  #answer(request: Request): Response {
    const { pathname } = new URL(request.url);
    const listing = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/([^/]+)$/.exec(pathname);
    const resolve = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname);
    const [, id = "", rawRevision = "", file = ""] = listing ?? resolve ?? [];
    const shelf = this.#shelves.get(id);
    if (shelf?.movedTo !== undefined) {
      return redirect(307, pathname.replace(id, shelf.movedTo));
    }
    const authorized = shelf?.token === undefined ||
      request.headers.get("Authorization") === `Bearer ${shelf.token}`;
    if (shelf === undefined || !authorized && !shelf.gated) return refuse(401, "RepoNotFound");
    if (!authorized && listing === null) return refuse(403, "GatedRepo");
    const revision = decodeURIComponent(rawRevision);
    const commit = shelf.revisions.get(revision) ?? revision;
    const files = shelf.commits.get(commit);
    if (files === undefined) return refuse(404, "RevisionNotFound");
    if (listing !== null) {
      const siblings = [...files.keys()].map((rfilename) => ({ rfilename }));
      return Response.json({ id, sha: commit, siblings });
    }
    const headers = { "X-Repo-Commit": commit };
    const bytes = files.get(file);
    if (bytes === undefined) return refuse(404, "EntryNotFound", headers);
    if (!HubServer.isLarge(file)) {
      return fileResponse(request, bytes, { ...headers, ETag: `"${gitSha1(bytes)}"` });
    }
    const name = sha256(bytes);
    const linked = { "X-Linked-Etag": `"${name}"`, "X-Linked-Size": `${bytes.length}` };
    const all = { ...headers, ...linked, ETag: '"of the answer"' };
    if (this.direct) return fileResponse(request, bytes, all);
    return redirect(302, `${this.store.origin}/${name}?signature=secret`, all);
  }
}

function redirect(status: number, location: string, headers: Record<string, string> = {}) {
  return new Response(null, { status, headers: { Location: location, ...headers } });
}

function refuse(status: number, code: string, headers: Record<string, string> = {}): Response {
  return new Response(code, { status, headers: { "X-Error-Code": code, ...headers } });
}
