// Processes that find each other by a file and talk by TCP, here all in one process.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { readFrame, writeFrame } from "../../../train/distributed/frames.ts";
import {
  answerCall,
  callNearest,
  refusalOf,
  tellRefusal,
} from "../../../train/distributed/greeting.ts";
import { MessageGroup } from "../../../train/distributed/message_group.ts";
import { type Address, readNotice } from "../../../train/files/notice.ts";
import type { Meeting } from "../../../train/distributed/meeting_place.ts";
import { meet } from "../../../train/distributed/rendezvous.ts";
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

/** What tells who is not let in why. */
const refusal = 4;

/** Where process 0 listens, once it has said so. */
async function noticeIn(file: string): Promise<{ address: Address; secret: string }> {
  let notice;
  while ((notice = await readNotice(file)) === undefined) {
    await new Promise((resume) => setTimeout(resume, 10));
  }
  return { address: notice.addresses[0]!, secret: notice.secret };
}

/** Sentences of processes that do not meet. */
async function sentencesOf(meetings: readonly Meeting[]): Promise<string[]> {
  const results = await Promise.allSettled(meetings.map(meet));
  return results.map((one) => {
    assert(one.status === "rejected" && one.reason instanceof OptionError);
    return one.reason.message.replaceAll(`${folder}/`, "");
  });
}

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
  const { address, secret } = await noticeIn(file);
  const right = { secret, run: "", size: 2, rank: 1, to: 0, addresses: [] };
  const lies = [
    ...[{ secret: "guessed" }, { run: "other" }, { size: 3 }, { rank: 2 }, { to: 1 }],
    ...[{ rank: 0 }, { rank: -1 }, { rank: 0.5 }, { addresses: [{ hostname: 1 }] }],
  ];
  for (const lie of lies) {
    const connection = await Deno.connect(address);
    const hello = new TextEncoder().encode(JSON.stringify({ ...right, ...lie }));
    await writeFrame(connection, 1, hello);
    const frame = await readFrame(connection).catch(() => undefined);
    assertEquals(frame?.tag, "secret" in lie ? undefined : refusal);
    connection.close();
  }
  const [first, second] = await Promise.all([host, meet(meetingOf("guarded", 2, 1))]);
  for (const found of [first, second]) for (const one of found.values()) one.close();
});

netTest("who does not come is named in time, and the file is removed", async () => {
  const soon = (size: number, rank: number) => ({ ...meetingOf("few", size, rank), timeout: 0.4 });
  const missing = (who: string, found: string) =>
    `Cannot join processes as a call or an answer of process ${who} is required by --rendezvous few ` +
    `within 0.4 s (--distributed-timeout): found ${found}`;
  const [first, last] = await sentencesOf([soon(3, 0), soon(3, 2)]);
  assertEquals(first, missing("1 of 3", "none"));
  assert(last!.startsWith(missing("0 of 3", "")), last);
  assertEquals(await sentencesOf([soon(2, 1)]), [missing("0 of 2", "no address of it there")]);
  assertEquals([...Deno.readDirSync(folder)], []);
  await assertRejects(
    () => meet({ ...soon(2, 0), file: `${folder}/none/file` }),
    OptionError,
    "Cannot join processes as a file that can be written is required in --rendezvous",
  );
});

netTest(
  "processes that take one number, or count themselves differently, are told so",
  async () => {
    const begun = performance.now();
    const late = (size: number, rank: number) => meetingOf("twice", size, rank);
    const host = sentencesOf([late(4, 0)]);
    const { address, secret } = await noticeIn(`${folder}/twice`);
    const inside = [];
    for (const rank of [1, 2]) {
      const hello = {
        secret,
        run: "",
        size: 4,
        rank,
        to: 0,
        addresses: [{ ...address, port: rank }],
      };
      const answer = await callNearest([address], hello, () => false);
      assert(answer.kind === "connected");
      inside.push(answer.connection);
    }
    const told = [...await sentencesOf([late(4, 1)]), ...await host];
    for (const connection of inside) {
      const refusal = refusalOf(await readFrame(connection));
      assertEquals(refusal?.kind, "ended");
      told.push(refusal!.why.replaceAll(`${folder}/`, ""));
      connection.close();
    }
    const twice = "Cannot join processes as a number for each is required by --rendezvous twice: " +
      "found process 1 of 4 twice";
    assertEquals(told, [twice, twice, twice, twice]);
    const soon = (size: number, rank: number) => ({ ...late(size, rank), timeout: 1 });
    const early = sentencesOf([late(2, 0)]);
    await noticeIn(`${folder}/twice`);
    assertMatch((await sentencesOf([soon(2, 0)]))[0]!, /: found none$/);
    assertMatch((await early)[0]!, /: found the file of another process 0$/);
    assert(performance.now() - begun < 10_000, `${performance.now() - begun} ms`);
    assertEquals((await sentencesOf([soon(2, 0), soon(3, 1)])).map((text) => text.split(": ")[1]), [
      "found a call of process 1 of 3 to process 0",
      "found process 0 of 2 found a call of process 1 of 3 to process 0",
    ]);
  },
);

netTest("a process that calls again, from where it listens, takes its own place", async () => {
  const host = meet(meetingOf("again", 3, 0));
  const { address, secret } = await noticeIn(`${folder}/again`);
  const hello = { secret, run: "", size: 3, rank: 1, to: 0, addresses: [address] };
  const call = () => callNearest([address], hello, () => false);
  const [first, second] = [await call(), await call()];
  assert(first.kind === "connected" && second.kind === "connected");
  assertEquals(await readFrame(first.connection).catch(() => undefined), undefined);
  const other = await callNearest([address], { ...hello, rank: 2 }, () => false);
  assert(other.kind === "connected");
  const found = await host;
  assertEquals((await readFrame(second.connection))!.tag, 3);
  const open = [first.connection, second.connection, other.connection, ...found.values()];
  for (const one of open) one.close();
});

netTest("strangers who say nothing, or announce gigabytes, hold nobody up", async () => {
  const host = meet(meetingOf("besieged", 3, 0));
  const { address } = await noticeIn(`${folder}/besieged`);
  const strangers = await Promise.all(Array.from({ length: 12 }, () => Deno.connect(address)));
  const huge = new DataView(new ArrayBuffer(12));
  huge.setUint32(0, 1);
  huge.setFloat64(4, 2 ** 40);
  await strangers[0]!.write(new Uint8Array(huge.buffer));
  await strangers[1]!.write(new TextEncoder().encode("GET /"));
  const begun = performance.now();
  const others = [1, 2].map((rank) => meet(meetingOf("besieged", 3, rank)));
  for (const found of await Promise.all([host, ...others])) {
    for (const one of found.values()) one.close();
  }
  assert(performance.now() - begun < 1500, `${performance.now() - begun} ms`);
  for (const one of strangers) one.close();
});

netTest("the call of a process that gave up waiting is not taken for its next one", async () => {
  const host = meet(meetingOf("impatient", 2, 0));
  const { address, secret } = await noticeIn(`${folder}/impatient`);
  const early = await Deno.connect(address);
  const hello = { secret, run: "", size: 2, rank: 1, to: 0, addresses: [address] };
  await writeFrame(early, 1, new TextEncoder().encode(JSON.stringify(hello)));
  early.close();
  await new Promise((resume) => setTimeout(resume, 100));
  const met = await Promise.all([host, meet(meetingOf("impatient", 2, 1))]);
  const groups = met.map((found, rank) =>
    new MessageGroup(new SocketMessages({ rank, size: 2, host: "here" }, found), { timeout: 5 })
  );
  const texts = await Promise.all(groups.map((group) => group.gather(`${group.rank}`)));
  assertEquals(texts, [["0", "1"], ["0", "1"]]);
  await Promise.all(groups.map((group) => group[Symbol.asyncDispose]()));
});

netTest("a process that another run refuses at last finds its own", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const addresses = [{ hostname: "127.0.0.1", port: listener.addr.port }];
  const file = `${folder}/shared`;
  await Deno.writeTextFile(file, JSON.stringify({ addresses, secret: "other" }));
  const late = meet(meetingOf("shared", 2, 1));
  const connection = await listener.accept();
  let asked = 0;
  const refusal = () =>
    asked++ === 0 ? undefined : { kind: "refused", why: "it came second" } as const;
  assert(!await answerCall(connection, { secret: "other", refusal, letIn: () => {} }));
  const [first, second] = await Promise.all([meet(meetingOf("shared", 2, 0)), late]);
  for (const one of [...first.values(), ...second.values(), connection]) one.close();
  listener.close();
});

netTest("a process that is told that nobody will be let in does not call again", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const addresses = [{ hostname: "127.0.0.1", port: listener.addr.port }];
  await Deno.writeTextFile(`${folder}/ended`, JSON.stringify({ addresses, secret: "s" }));
  const why = "a number is given twice";
  const late = sentencesOf([meetingOf("ended", 3, 2)]);
  const connection = await listener.accept();
  const door = { secret: "s", refusal: () => undefined, letIn: () => {} };
  assert(await answerCall(connection, door));
  await tellRefusal(connection, { kind: "ended", why });
  assertEquals(await late, [why]);
  connection.close();
  listener.close();
  await Deno.remove(`${folder}/ended`);
});

netTest("process 0 that ends once it let others in is named at once", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const addresses = [{ hostname: "127.0.0.1", port: listener.addr.port }];
  await Deno.writeTextFile(`${folder}/left`, JSON.stringify({ addresses, secret: "s" }));
  const late = sentencesOf([meetingOf("left", 2, 1)]);
  const connection = await listener.accept();
  const ranks: number[] = [];
  const door = { secret: "s", refusal: () => undefined };
  assert(await answerCall(connection, { ...door, letIn: ({ rank }) => ranks.push(rank) }));
  assertEquals(ranks, [1]);
  connection.close();
  assertMatch((await late)[0]!, /answer of process 0 of 2 is required .* connection closed/);
  listener.close();
  await Deno.remove(`${folder}/left`);
});
