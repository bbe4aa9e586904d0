// Messages, sums and ends of processes that met and talk by TCP, here all in one process.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { TrainingError } from "../../../core/errors.ts";
import { MessageGroup } from "../../../train/distributed/message_group.ts";
import { meet } from "../../../train/distributed/rendezvous.ts";
import { SocketMessages } from "../../../train/distributed/socket_messages.ts";
import { netTest } from "../../support/loopback.ts";

const folder = await Deno.makeTempDir();
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

/** Messages of processes that met; `exits` are told who was ended. */
async function metMessages(file: string, size: number, exits: string[] = []) {
  return await Promise.all(
    Array.from({ length: size }, async (_, rank) =>
      new SocketMessages(
        { rank, size, host: "here" },
        await meet({
          ...{ rank, size, isLocal: true, run: "", hostnames: [], timeout: 20 },
          file: `${folder}/${file}`,
        }),
        (code) => exits.push(`${rank} ${code}`),
      )),
  );
}

function groupsOf(all: readonly SocketMessages[], timeout = 20): MessageGroup[] {
  return all.map((messages) => new MessageGroup(messages, { timeout }));
}

netTest("four processes meet, sum and gather, and leave no file", async () => {
  const groups = groupsOf(await metMessages("four", 4));
  assertEquals([...Deno.readDirSync(folder)], []);
  const results = await Promise.all(groups.map(async (group) => {
    const numbers = Float32Array.from({ length: 100_000 }, (_, i) => i + group.rank);
    await group.sum(numbers);
    const texts = await group.gather(`text of ${group.rank}`);
    return [numbers[0], numbers[99_999], texts.join()];
  }));
  const texts = "text of 0,text of 1,text of 2,text of 3";
  assertEquals(results, Array.from({ length: 4 }, () => [6, 4 * 99_999 + 6, texts]));
  await Promise.all(groups.map((group) => group[Symbol.asyncDispose]()));
});

netTest("a process whose connection closes is named by all, at once", async () => {
  const all = await metMessages("lost", 3);
  const groups = groupsOf(all);
  all[1]!.close();
  const sentence =
    "Cannot go on as an answer of process 1 of 3 is required: found its connection " +
    "closed, as that process ended";
  for (const group of [groups[0]!, groups[2]!]) {
    await assertRejects(() => group.gather("x"), TrainingError, sentence);
  }
  assertEquals(all[0]!.lost(), [1]);
  await assertRejects(
    () => Promise.resolve().then(() => groups[0]!.requireAll()),
    TrainingError,
    sentence,
  );
  for (const one of [all[0]!, all[2]!]) one.close();
});

netTest("a process that hangs does not answer the roll, which names it", async () => {
  const all = await metMessages("hanging", 3);
  const groups = groupsOf(all, 0.3);
  groups[0]!.requireAll();
  const [first, last] = await Promise.allSettled([groups[0]!.callRoll(), groups[2]!.callRoll()]);
  for (const one of [first!, last!]) {
    assert(one.status === "rejected");
    assert(/an answer of process 1 of 3 is required within 5 s/.test(one.reason.message));
  }
  const healthy = groupsOf(await metMessages("healthy", 2));
  await Promise.all(healthy.map((group) => group.callRoll()));
  await Promise.all(healthy.map((group) => group[Symbol.asyncDispose]()));
  for (const one of all) one.close();
});

netTest("who ends the run ends all others, with its code", async () => {
  const exits: string[] = [];
  const all = await metMessages("ended", 3, exits);
  all[2]!.abort(7);
  for (let i = 0; exits.length < 3 && i < 1000; i++) {
    await new Promise((resume) => setTimeout(resume, 5));
  }
  assertEquals(exits.toSorted(), ["0 7", "1 7", "2 7"]);
  for (const one of all) one.close();
});

netTest("a message of another size than what is expected is an error", async () => {
  const all = await metMessages("sizes", 2);
  all[0]!.send(new Uint8Array(3), 1, 9);
  const message = all[1]!.receive(new Uint8Array(4), 0, 9);
  await assertRejects(
    async () => {
      while (!message.isDone()) await all[1]!.moved(10);
    },
    Error,
    "a message of 3 bytes in place of 4",
  );
  for (const one of all) one.close();
});
