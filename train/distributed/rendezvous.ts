/**
 * How processes find each other without MPI: process 0 writes a file that all see, with its address and
 * a secret, and tells everyone the addresses of the others. What an earlier run left there leads
 * nowhere: nobody answers, or nobody knows the secret, and the file is read again.
 *
 * @module
 */

import { type Connections, type Meeting, MeetingPlace } from "./meeting_place.ts";

/**
 * Connects this process with all others.
 *
 * @returns A connection to each, by its number
 * @throws {OptionError} If some do not come in time
 */
export async function meet(meeting: Meeting): Promise<Connections> {
  const found: Connections = new Map();
  await using place = new MeetingPlace(meeting, found);
  try {
    await (meeting.rank === 0 ? place.gather() : place.join());
    return found;
  } catch (error) {
    for (const connection of found.values()) connection.close();
    throw error;
  }
}
