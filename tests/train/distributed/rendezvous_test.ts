// Processes that find each other by a file and talk by TCP, here all in one process.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { OptionError, TrainingError } from "../../../core/errors.ts";
import { readFrame, writeFrame } from "../../../train/distributed/frames.ts";
import { MessageGroup } from "../../../train/distributed/message_group.ts";
import { meet, type Meeting } from "../../../train/distributed/rendezvous.ts";
import { SocketMessages } from "../../../train/distributed/socket_messages.ts";
import { netTest } from "../../support/loopback.ts";

const folder = await Deno.makeTempDir();
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

/** The meeting of a process. */
function meetingOf(file: string, size: number, rank: number): Meeting {
  return {
    ...{ rank, size, isLocal: true, run: "", hostnames: [], timeout: 20 },
    file: `${folder}/${file}`,
  };
}

/** Messages of processes that met; `exits` are told who was ended. */
async function metMessages(file: string, size: number, exits: string[] = []) {
  return await Promise.all(
    Array.from({ length: size }, async (_, rank) =>
      new SocketMessages(
        { rank, size, host: "here" },
        await meet(meetingOf(file, size, rank)),
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

netTest("files that earlier runs left are not taken, wherever they lead", async () => {
  // A port where nobody is, one where somebody else answers, and one who says nothing.
  const stranger = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const strangers: Deno.TcpConn[] = [];
  const serving = (async () => {
    for await (const connection of stranger) {
      strangers.push(connection);
      await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    }
  })();
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port: free } = closed.addr;
  closed.close();
  for (const [name, port] of [["closed", free], ["strange", stranger.addr.port]] as const) {
    const notice = { addresses: [{ hostname: "127.0.0.1", port }], secret: "earlier" };
    await Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(notice));
  }
  await Deno.writeTextFile(`${folder}/torn`, '{"addresses":[');
  for (const name of ["closed", "strange", "torn"]) {
    const late = meet(meetingOf(name, 2, 1));
    await new Promise((resume) => setTimeout(resume, 200));
    const [first, second] = await Promise.all([meet(meetingOf(name, 2, 0)), late]);
    for (const found of [first, second]) {
      for (const connection of found.values()) connection.close();
    }
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  stranger.close();
  for (const connection of strangers) connection.close();
  await serving;
});

netTest("who does not know the secret, or is of another run, is not let in", async () => {
  const file = `${folder}/guarded`;
  const host = meet(meetingOf("guarded", 2, 0));
  while (!await Deno.stat(file).then(() => true, () => false)) {
    await new Promise((resume) => setTimeout(resume, 10));
  }
  const { addresses: [address], secret } = JSON.parse(await Deno.readTextFile(file));
  const right = { secret, run: "", size: 2, rank: 1, to: 0, addresses: [] };
  const lies = [{ secret: "guessed" }, { run: "other" }, { size: 3 }, { rank: 2 }, { to: 1 }];
  for (const lie of lies) {
    const connection = await Deno.connect(address);
    const hello = new TextEncoder().encode(JSON.stringify({ ...right, ...lie }));
    await writeFrame(connection, 1, hello);
    assertEquals(await readFrame(connection).catch(() => undefined), undefined);
    connection.close();
  }
  const [first, second] = await Promise.all([host, meet(meetingOf("guarded", 2, 1))]);
  for (const found of [first, second]) for (const one of found.values()) one.close();
});

netTest("who does not come is named in time, and the file is removed", async () => {
  const soon = (size: number, rank: number) => ({ ...meetingOf("few", size, rank), timeout: 0.4 });
  const results = await Promise.allSettled([meet(soon(3, 0)), meet(soon(3, 2))]);
  const [first, last] = results.map((one) => one.status === "rejected" ? one.reason.message : "");
  assertEquals(
    first,
    "Cannot join processes as a call or an answer of process 1 of 3 is required by --rendezvous within " +
      "0.4 s (--distributed-timeout): found none",
  );
  assert(/of process [01] of 3/.test(last), last);
  await assertRejects(
    () => meet(soon(2, 1)),
    OptionError,
    `of process 0 of 2 is required by --rendezvous within 0.4 s (--distributed-timeout): found no file`,
  );
  assertEquals([...Deno.readDirSync(folder)], []);
  await assertRejects(
    () => meet({ ...soon(2, 0), file: `${folder}/none/file` }),
    OptionError,
    "Cannot join processes as a file that can be written is required in --rendezvous",
  );
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
