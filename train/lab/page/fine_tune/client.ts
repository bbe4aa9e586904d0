/**
 * A worker as something that is asked, and answers once.
 *
 * @module
 */

import type { News, Numbered, Reply, Request } from "./protocol.ts";

const news: readonly string[] = [
  "fetching",
  "opened",
  "step",
  "evaluation",
] satisfies News["kind"][];

function isNews(message: News | Reply): message is News {
  return news.includes(message.kind);
}

/** A request that has no answer yet. */
interface Open {
  readonly onNews: (news: News) => void;
  readonly resolve: (reply: Reply) => void;
}

/** A worker of its own. */
export class Client {
  readonly #worker = new Worker(new URL("fine_tune/worker.js", document.baseURI), {
    type: "module",
  });
  readonly #open = new Map<number, Open>();
  #requests = 0;
  /** Why the worker is none; what it is asked from then on has the same answer. */
  #failure: Reply | undefined;

  /** Starts the worker. */
  constructor() {
    this.#worker.onmessage = ({ data: { id, message } }: MessageEvent<Numbered<News | Reply>>) => {
      const open = this.#open.get(id);
      if (isNews(message)) return open?.onNews(message);
      this.#open.delete(id);
      open?.resolve(message);
    };
    this.#worker.onerror = ({ message }) => {
      const reply = { kind: "failed", message: message || "Cannot start the worker" } as const;
      this.#failure = reply;
      for (const open of this.#open.values()) open.resolve(reply);
      this.#open.clear();
    };
  }

  /**
   * Asks for something.
   *
   * @param onNews Told how far it is
   */
  ask(request: Request, onNews: (news: News) => void = () => {}): Promise<Reply> {
    if (this.#failure !== undefined) return Promise.resolve(this.#failure);
    const id = this.#requests++;
    return new Promise((resolve) => {
      this.#open.set(id, { onNews, resolve });
      this.#worker.postMessage({ id, message: request } satisfies Numbered<Request>);
    });
  }

  /** Ends the worker, and with it all that it holds. */
  close(): void {
    this.#worker.terminate();
  }
}
