/**
 * The first words on a connection between processes: who calls whom, and a secret that strangers and
 * earlier runs do not know. The caller has the last word, so that nobody keeps the connection of one that
 * gave up waiting and calls again.
 *
 * @module
 */

import { type Frame, readFrame, writeFrame } from "./frames.ts";
import { inTime } from "./in_time.ts";
import type { Address } from "../files/notice.ts";

/** What a process says that calls another. */
export interface Hello {
  /** What the file of the rendezvous has. */
  readonly secret: string;
  /** What the launcher calls the run. */
  readonly run: string;
  /** How many processes it thinks there are. */
  readonly size: number;
  /** Who calls. */
  readonly rank: number;
  /** Who is called. */
  readonly to: number;
  /** Where the caller listens itself. */
  readonly addresses: readonly Address[];
}

/** Why somebody is not let in. */
export interface Refusal {
  /** `ended` where nobody will be: to call again is in vain. */
  readonly kind: "refused" | "ended";
  /** The reason. */
  readonly why: string;
}

/** What came of a call. */
export type Answer =
  | { readonly kind: "connected"; readonly connection: Deno.TcpConn }
  /** Somebody who knows the secret says why the caller is not let in. */
  | Refusal
  /** Somebody may be there who answers later. */
  | { readonly kind: "silent"; readonly why: string }
  /** Nobody is there. */
  | { readonly kind: "nobody"; readonly why: string };

/** Messages before those of a group. */
const tags = { hello: 1, welcome: 2, refusal: 4, thanks: 5, end: 6 } as const;
/** Milliseconds in which somebody who is there connects, and answers. */
const answerTime = 2000;
/** Bytes that no such message has. */
const most = 1 << 16;

/** Calls a process; gives the connection if it is there and lets the caller in. */
async function callProcess({ hostname, port }: Address, hello: Hello): Promise<Answer> {
  const place = `${hostname}:${port}`;
  const silent = { kind: "silent", why: `no answer at ${place}` } as const;
  let isOver = false;
  const connecting = Deno.connect({ hostname, port });
  const connected = connecting.then((connection) => {
    // Nobody waits for it any more.
    if (isOver) connection.close();
    return connection;
  }).catch(() => "nobody" as const);
  const connection = await inTime(answerTime, connected);
  isOver = true;
  if (connection === undefined) return silent;
  if (connection === "nobody") return { kind: "nobody", why: `nobody at ${place}` };
  const talk = async (): Promise<Answer> => {
    connection.setNoDelay(true);
    await writeFrame(connection, tags.hello, encoded(JSON.stringify(hello)));
    const frame = await readFrame(connection, most);
    const refusal = refusalOf(frame);
    if (refusal !== undefined) return refusal;
    if (frame?.tag !== tags.welcome) return silent;
    await writeFrame(connection, tags.thanks, new Uint8Array(0));
    return { kind: "connected", connection };
  };
  const answer = await inTime(answerTime, talk()) ?? silent;
  if (answer.kind !== "connected") connection.close();
  return answer;
}

/** Calls a process at its addresses, the nearest first, until it is too late. */
export async function callNearest(
  addresses: readonly Address[],
  hello: Hello,
  isLate: () => boolean,
): Promise<Answer> {
  const answers: Exclude<Answer, { kind: "connected" }>[] = [];
  for (const address of addresses) {
    if (isLate()) break;
    const answer = await callProcess(address, hello);
    if (answer.kind === "connected") return answer;
    answers.push(answer);
  }
  const { hostname, port } = addresses.at(-1) ?? { hostname: "nowhere", port: 0 };
  return answers.find(({ kind }) => kind === "silent") ??
    answers.find(({ kind }) => kind !== "nobody") ??
    { kind: "nobody", why: `nobody at ${hostname}:${port}` };
}

/** Who may come in. */
export interface Door {
  /** What callers must know. */
  readonly secret: string;
  /** Why somebody who knows it is not let in; undefined of who is. */
  refusal(hello: Hello): Refusal | undefined;
  /** Lets somebody in, at the moment of the last question. */
  letIn(hello: Hello): void;
}

/** Hears who calls; gives whether they were let in. */
export async function answerCall(connection: Deno.TcpConn, door: Door): Promise<boolean> {
  const refused = async (hello: Hello) => {
    const refusal = door.refusal(hello);
    if (refusal === undefined) return false;
    await tellRefusal(connection, refusal);
    return true;
  };
  const talk = async () => {
    connection.setNoDelay(true);
    const frame = await readFrame(connection, most);
    if (frame?.tag !== tags.hello) return false;
    const hello = JSON.parse(decoded(frame)) as Hello;
    if (hello.secret !== door.secret || await refused(hello)) return false;
    await writeFrame(connection, tags.welcome, new Uint8Array(0));
    if ((await readFrame(connection, most))?.tag !== tags.thanks) return false;
    // Another may have come under the same number meanwhile.
    if (door.refusal(hello) === undefined) {
      door.letIn(hello);
      return true;
    }
    await refused(hello);
    return false;
  };
  return await inTime(2 * answerTime, talk()) ?? false;
}

/** Tells somebody why they are not let in. */
export async function tellRefusal(
  connection: Deno.TcpConn,
  { kind, why }: Refusal,
): Promise<void> {
  await writeFrame(connection, kind === "ended" ? tags.end : tags.refusal, encoded(why));
}

/** What a message says of why the caller is not let in; undefined of another message. */
export function refusalOf(frame: Frame | undefined): Refusal | undefined {
  if (frame?.tag === tags.refusal) return { kind: "refused", why: decoded(frame) };
  return frame?.tag === tags.end ? { kind: "ended", why: decoded(frame) } : undefined;
}

function encoded(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function decoded({ bytes }: Frame): string {
  return new TextDecoder().decode(bytes);
}

/** Closes a connection that may be closed. */
export function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is.
  }
}
