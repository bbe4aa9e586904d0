// Barriers at which some groups of threads wait and others only arrive.
import type { GroupClocks, Knowledge } from "./group_clocks.ts";
import { UnknownPtx } from "./parse.ts";

interface Meeting {
  readonly count: number;
  come: number;
  readonly told: Knowledge[];
  /** Threads that wait. */
  readonly waiting: number[];
}

const size = 128;

/** The barriers of one block. */
export class NamedBarriers {
  readonly #meetings = new Map<number, Meeting>();

  constructor(readonly clocks: GroupClocks) {}

  /** Begins a block. */
  begin(): void {
    this.#meetings.clear();
  }

  /**
   * A group comes, to wait or not; gives the threads that need wait no more.
   *
   * @param first First thread of the group
   * @param id Number of the barrier
   * @param count Threads that it is for
   */
  come(first: number, id: number, count: number, waits: boolean, line: string): readonly number[] {
    if (!(id > 0 && id < 16 && count % size === 0)) throw new UnknownPtx(line);
    const meeting = this.#meetings.get(id) ?? { count, come: 0, told: [], waiting: [] };
    this.#meetings.set(id, meeting);
    if (meeting.count !== count) throw new UnknownPtx(line);
    if (meeting.waiting.includes(first)) throw new UnknownPtx(`A group comes twice: ${line}`);
    meeting.told.push(this.clocks.come(first / size));
    meeting.come += size;
    if (waits) { for (let t = 0; t < size; t++) meeting.waiting.push(first + t); }
    if (meeting.come < count) return [];
    this.#meetings.delete(id);
    for (let i = 0; i < meeting.waiting.length; i += size) {
      this.clocks.leave(meeting.waiting[i]! / size, meeting.told);
    }
    return meeting.waiting;
  }
}
