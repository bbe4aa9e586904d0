/**
 * The first words on a connection between processes: who calls whom, and a secret that strangers and
 * earlier runs do not know.
 *
 * @module
 */

import { readFrame, writeFrame } from "./frames.ts";
import { inTime } from "./in_time.ts";

/** Where a process listens. */
export interface Address {
  /** Name or number of the machine. */
  readonly hostname: string;
  /** Port there. */
  readonly port: number;
}

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

/** Messages before those of a group. */
const tags = { hello: 1, welcome: 2 } as const;
/** Milliseconds in which somebody who is there connects, and answers. */
const answerTime = 2000;

/** Calls a process; gives the connection if it is there and lets the caller in. */
export async function callProcess(
  { hostname, port }: Address,
  hello: Hello,
): Promise<Deno.TcpConn | undefined> {
  const connecting = Deno.connect({ hostname, port });
  const connection = await inTime(answerTime, connecting);
  if (connection === undefined) {
    void connecting.then((late) => late.close(), () => {});
    return undefined;
  }
  const talk = async () => {
    connection.setNoDelay(true);
    await writeFrame(connection, tags.hello, new TextEncoder().encode(JSON.stringify(hello)));
    return (await readFrame(connection))?.tag === tags.welcome;
  };
  if (await inTime(answerTime, talk())) return connection;
  connection.close();
  return undefined;
}

/** Hears who calls; lets in whom `admits` does, and gives what was said. */
export async function answerCall(
  connection: Deno.TcpConn,
  admits: (hello: Hello) => boolean,
): Promise<Hello | undefined> {
  const talk = async () => {
    connection.setNoDelay(true);
    const frame = await readFrame(connection);
    if (frame?.tag !== tags.hello) return undefined;
    const hello = JSON.parse(new TextDecoder().decode(frame.bytes)) as Hello;
    if (!admits(hello)) return undefined;
    await writeFrame(connection, tags.welcome, new Uint8Array(0));
    return hello;
  };
  const hello = await inTime(answerTime, talk());
  if (hello === undefined) connection.close();
  return hello;
}
