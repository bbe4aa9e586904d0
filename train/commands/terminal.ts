/**
 * Lines that come and go on a terminal, and plain lines with the time elsewhere.
 *
 * @module
 */

/** Where lines are written. */
export interface Screen {
  /** Writes text as it is. */
  write(text: string): void;
  /** Whether a line can be renewed in place. */
  readonly isTerminal: boolean;
  /** Columns of a line, asked for each time as windows change. */
  columns(): number;
  /** Milliseconds since 1970. */
  now(): number;
}

/** The screen behind an open file of this process: standard output or standard error. */
export function screenOf(file: typeof Deno.stdout | typeof Deno.stderr): Screen {
  const encoder = new TextEncoder();
  const isTerminal = file.isTerminal();
  return {
    write(text) {
      const bytes = encoder.encode(text);
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    },
    isTerminal,
    columns: () => isTerminal ? Deno.consoleSize().columns || 80 : 80,
    now: Date.now,
  };
}

/** A line that is renewed at most so often, in milliseconds. */
const renewal = 100;
/** Where there is no terminal, a line comes at most so often, in milliseconds. */
const quiet = 30_000;

/** One line that shows how far work is, above which messages pass. */
export class StatusLine {
  #shown = "";
  #last: number;

  /** Shows nothing yet. */
  constructor(private readonly screen: Screen) {
    this.#last = screen.isTerminal ? -Infinity : screen.now();
  }

  /** Writes a message of one line, which stays. */
  say(message: string): void {
    this.clear();
    const { screen } = this;
    screen.write(screen.isTerminal ? `${message}\n` : `${timestamp(screen.now())} ${message}\n`);
  }

  /** Writes parts of a message, on a terminal in as many lines as they need. */
  sayParts(parts: readonly string[]): void {
    const { screen } = this;
    this.say(screen.isTerminal ? wrapped(parts, screen.columns()) : parts.join("  "));
  }

  /**
   * Shows how far work is, unless something was shown just before.
   *
   * @param parts What is shown, the least important last; those that the line has no place for go
   * @param isMilestone Whether it is shown in any case
   */
  show(parts: readonly string[], isMilestone = false): void {
    const { screen } = this;
    const now = screen.now();
    if (!isMilestone && now - this.#last < (screen.isTerminal ? renewal : quiet)) return;
    this.#last = now;
    if (!screen.isTerminal) return this.say(parts.join("  "));
    this.#shown = fitting(parts, this.screen.columns() - 1);
    this.screen.write(`\r\x1b[K${this.#shown}`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown !== "") this.screen.write("\r\x1b[K");
    this.#shown = "";
  }
}

/** The first parts that a line of so many columns has place for; the first of all is cut if need be. */
function fitting([first = "", ...others]: readonly string[], columns: number): string {
  let line = first.slice(0, columns);
  for (const part of others) {
    if (line.length + 2 + part.length > columns) break;
    line += `  ${part}`;
  }
  return line;
}

/** Lines of at most so many columns, all but the first of which are set in. */
function wrapped([first = "", ...others]: readonly string[], columns: number): string {
  const lines = [first];
  for (const part of others) {
    const longer = `${lines.at(-1)}  ${part}`;
    if (longer.length <= columns) lines[lines.length - 1] = longer;
    else lines.push(`  ${part}`);
  }
  return lines.join("\n");
}

/** `2026-11-27T15:40:01Z`. */
function timestamp(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** `1:02`, or `1:02:03` from an hour on. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  const two = (n: number) => `${n}`.padStart(2, "0");
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
