/**
 * Messages between two processes: all that a group asks of what connects its processes.
 *
 * @module
 */

/** A message on its way. */
export interface PendingMessage {
  /**
   * Whether its bytes may be used again. Messages go forward while they are asked.
   *
   * @throws {Error} If the other process is lost
   */
  isDone(): boolean;
}

/** A way from each process to each other; bytes stay as they are until their message is done. */
export interface Messages {
  /** Number of this process, from 0. */
  readonly rank: number;
  /** How many processes there are. */
  readonly size: number;
  /** Its name, for the log. */
  readonly name: string;
  /** Name of the machine of this process. */
  readonly host: string;
  /** Begins to send bytes; what has another tag is another message. */
  send(bytes: Uint8Array<ArrayBuffer>, to: number, tag: number): PendingMessage;
  /** Begins to receive as many bytes. */
  receive(bytes: Uint8Array<ArrayBuffer>, from: number, tag: number): PendingMessage;
  /**
   * Waits until messages may have gone forward, for so many milliseconds at most; absent where they go
   * forward while they are asked.
   */
  moved?(milliseconds: number): Promise<void>;
  /** Processes that are known to have ended; absent where nobody knows. */
  lost?(): readonly number[];
  /** Ends all processes at once, with an exit code. */
  abort(code: number): void;
  /** Ends the way, once every process does. */
  close(): void;
}
