/**
 * Messages on a connection: what tells uses apart, the number of bytes, and the bytes.
 *
 * @module
 */

/** A way to one other process. */
export type Connection = Pick<Deno.TcpConn, "read" | "write" | "close">;

/** A message as it came. */
export interface Frame {
  /** What it is for. */
  readonly tag: number;
  /** Its bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const headerBytes = 12;

/**
 * The next message; undefined where the other end was closed before another one.
 *
 * @param most Bytes that it may have: no memory is taken for what a stranger announces
 * @throws {RangeError} If it has more, or no number of them
 */
export async function readFrame(
  connection: Connection,
  most = Infinity,
): Promise<Frame | undefined> {
  const header = new Uint8Array(headerBytes);
  if (!await readFull(connection, header)) return undefined;
  const view = new DataView(header.buffer);
  const length = view.getFloat64(4);
  if (!Number.isInteger(length) || length < 0 || length > most) {
    throw new RangeError(
      `Cannot read a message of ${length} bytes as at most ${most} are required`,
    );
  }
  const bytes = new Uint8Array(length);
  return await readFull(connection, bytes) ? { tag: view.getUint32(0), bytes } : undefined;
}

/** Writes a message whole. */
export async function writeFrame(
  connection: Connection,
  tag: number,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const header = new Uint8Array(headerBytes);
  const view = new DataView(header.buffer);
  view.setUint32(0, tag);
  view.setFloat64(4, bytes.length);
  await writeFull(connection, header);
  await writeFull(connection, bytes);
}

async function readFull(connection: Connection, bytes: Uint8Array): Promise<boolean> {
  for (let at = 0; at < bytes.length;) {
    const count = await connection.read(bytes.subarray(at));
    if (count === null) return false;
    at += count;
  }
  return true;
}

async function writeFull(connection: Connection, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
