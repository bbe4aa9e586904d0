import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { zipSync } from "fflate";
import { DownloadError, FileError } from "../../../core/errors.ts";
import { fetchData, listingDigest } from "../../../train/data/fetch.ts";
import { splitMrpc } from "../../../train/data/mrpc.ts";
import { type DataSet, dataSets } from "../../../train/data/sources.ts";
import { unpackGlue, unpackWebnlg } from "../../../train/data/unpack.ts";
import { sha256 } from "../../../train/hub/digest.ts";
import { hiddenkey, hiddenkeyWith } from "../../support/cli.ts";
import { fileResponse, Loopback, netTest, tornResponse } from "../../support/loopback.ts";
import { shared, sharedPresent } from "../../support/shared.ts";
import { folderOf } from "../../support/tables.ts";
import { namesIn } from "../../support/workspace.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

/** A mirror that has some files, by host and path. */
function mirrorOf(files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>): Loopback {
  return new Loopback((request) => {
    const bytes = files[new URL(request.url).pathname.slice(1)];
    return bytes === undefined ? new Response(null, { status: 404 }) : fileResponse(request, bytes);
  });
}

const archive = zipSync({
  "TINY/": new Uint8Array(),
  "TINY/train.tsv": bytesOf("sentence\tlabel\na\t1\n"),
  "TINY/dev.tsv": bytesOf("sentence\tlabel\nb\t0\n"),
  "TINY/original/train.tsv": bytesOf("not this one"),
  "TINY/test.tsv": bytesOf("index\tsentence\n0\tc\n"),
}) as Uint8Array<ArrayBuffer>;

const tiny: DataSet = {
  name: "TINY",
  makes: ["TINY"],
  sources: [{
    address: "https://data.example.org/tiny/TINY.zip",
    bytes: archive.length,
    sha256: sha256(archive),
  }],
  unpack: ([bytes]) => unpackGlue("TINY", bytes!),
};

const place = "data.example.org/tiny/TINY.zip";
const retry = { attempts: 2, timeout: 5000, wait: () => Promise.resolve() };

/** Fetches into a folder of its own. */
async function fetching(
  set: DataSet,
  server: Loopback,
  check: (run: () => Promise<void>, out: string, said: string[]) => Promise<void>,
) {
  await using _server = server;
  await using folder = await folderOf({});
  const said: string[] = [];
  const onMessage = (line: string) => said.push(line);
  const settings = { mirror: `${server.origin}/`, retry, onMessage };
  await check(() => fetchData(set, `${folder.path}/out`, settings), `${folder.path}/out`, said);
}

netTest("fetchData() unpacks what is needed, and leaves what is there", async () => {
  const server = mirrorOf({ [place]: archive });
  await fetching(tiny, server, async (run, out, said) => {
    await run();
    assertEquals(namesIn(out), ["TINY"]);
    assertEquals(namesIn(`${out}/TINY`), ["dev.tsv", "test.tsv", "train.tsv"]);
    assertEquals(await Deno.readTextFile(`${out}/TINY/train.tsv`), "sentence\tlabel\na\t1\n");
    await Deno.writeTextFile(`${out}/TINY/train.tsv`, "mine");
    await run();
    assertEquals(await Deno.readTextFile(`${out}/TINY/train.tsv`), "mine");
    assertEquals(said, [`TINY: 3 files in ${out}`, "TINY: already there"]);
    assertEquals(server.asked.length, 1);
  });
});

netTest("fetchData() goes on where an earlier call stopped", async () => {
  const server = mirrorOf({ [place]: archive });
  server.faults.push(() => tornResponse(archive, 100), () => tornResponse(archive, 100));
  server.faults.push(() => tornResponse(archive, 100));
  await fetching(tiny, server, async (run, out) => {
    await assertRejects(run, DownloadError, "requires a connection");
    assertEquals(namesIn(out), ["TINY.zip.incomplete"]);
    await run();
    assertEquals(server.asked.at(-1)!.range, "bytes=100-");
    assertEquals(namesIn(out), ["TINY"]);
  });
});

netTest("fetchData() refuses another archive and forgets it", async () => {
  const other = archive.with(50, archive[50]! ^ 1);
  await fetching(tiny, mirrorOf({ [place]: other }), async (run, out) => {
    await assertRejects(run, DownloadError, `sha256 ${sha256(archive)} is required: found`);
    assertEquals(namesIn(out), []);
  });
});

netTest("fetchData() names an address that has nothing", async () => {
  const server = mirrorOf({});
  await fetching(tiny, server, async (run) => {
    const { message, status } = await assertRejects(run, DownloadError);
    assertEquals(message, `${server.origin}/${place}: Cannot read file: found status 404`);
    assertEquals(status, 404);
  });
});

netTest("fetchData() refuses an archive that lacks a part, or is none", async () => {
  const none = bytesOf("no archive");
  const cases: [Uint8Array<ArrayBuffer>, RegExp][] = [
    [zipSync({ "readme.txt": none }) as Uint8Array<ArrayBuffer>, /TINY is missing$/],
    [none, /published content is required: invalid zip data$/],
  ];
  for (const [bytes, says] of cases) {
    const sources = [{ ...tiny.sources[0]!, bytes: bytes.length, sha256: sha256(bytes) }];
    await fetching({ ...tiny, sources }, mirrorOf({ [place]: bytes }), async (run, out) => {
      assertMatch((await assertRejects(run, DownloadError)).message, says);
      assertEquals(namesIn(out), []);
    });
  }
});

netTest("fetchData() judges an archive made on demand by its content, or as a whole", async () => {
  const repacked = zipSync(
    Object.fromEntries(tiny.unpack([archive])),
    { level: 0 },
  ) as Uint8Array<ArrayBuffer>;
  const content = listingDigest(tiny.unpack([archive]));
  const [source] = tiny.sources;
  const fits = { ...tiny, sources: [{ ...source!, content }] };
  await fetching(fits, mirrorOf({ [place]: repacked }), (run) => run());
  const whole = { ...tiny, sources: [{ ...source!, content: sha256("other") }] };
  await fetching(whole, mirrorOf({ [place]: archive }), (run) => run());
  await fetching(whole, mirrorOf({ [place]: repacked }), async (run, out) => {
    await assertRejects(run, DownloadError, `sha256 ${sha256("other")} of its files`);
    assertEquals(namesIn(out), []);
  });
});

netTest("fetchData() mixes nothing with a part that is there", async () => {
  const set = { ...tiny, makes: ["TINY", "more"] };
  await fetching(set, mirrorOf({ [place]: archive }), async (run, out) => {
    await Deno.mkdir(`${out}/more`, { recursive: true });
    const { path, message } = await assertRejects(run, FileError);
    assertEquals(path, `${out}/more`);
    assertMatch(message, /TINY, more must all be there or none$/);
  });
});

Deno.test("splitMrpc() splits by the listed pairs and takes the test labels away", () => {
  const header = "\uFEFFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n";
  const rows = ['1\t10\t20\ta "\tb', "0\t11\t21\tc\td", "1\t12\t22\te\tf"];
  const corpus = bytesOf(header + rows.map((row) => `${row}\r\n`).join(""));
  const files = splitMrpc(corpus, corpus, bytesOf("11\t21\n"));
  const columns = "#1 ID\t#2 ID\t#1 String\t#2 String";
  const first = `\uFEFFQuality\t${columns}\n`;
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const text = (name: string) => decoder.decode(files.get(`MRPC/${name}.tsv`));
  assertEquals(text("train"), `${first}${rows[0]}\n${rows[2]}\n`);
  assertEquals(text("dev"), `${first}${rows[1]}\n`);
  const test = `index\t${columns}\n0\t10\t20\ta "\tb\n1\t11\t21\tc\td\n2\t12\t22\te\tf\n`;
  assertEquals(text("test"), test);
  assertThrows(() => splitMrpc(corpus, corpus, bytesOf("11\t20\n")), Error, "1 development pairs");
});

Deno.test("unpackWebnlg() takes the challenge of 2017 out of the repository", () => {
  const root = "webnlg-dataset-587f";
  const files = unpackWebnlg(zipSync({
    [`${root}/webnlg_challenge_2017/train/1triples/a_b-c.xml`]: bytesOf("train"),
    [`${root}/webnlg_challenge_2017/test/testdata.xml`]: bytesOf("test"),
    [`${root}/release_v2/xml/train/1triples/a.xml`]: bytesOf("no"),
    [`${root}/webnlg_challenge_2017/train/../../../escape.xml`]: bytesOf("no"),
  }));
  assertEquals([...files.keys()], ["train/1triples/a_b-c.xml", "test/testdata.xml"]);
  assertEquals(textOf(files.get("test/testdata.xml")), "test");
});

Deno.test("The data task may reach the hosts of the data sets and no others", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(new URL("../../../deno.json", import.meta.url)),
  );
  const [, hosts = ""] = /--allow-net=(\S+)/.exec(config.tasks.data.command) ?? [];
  const sets: readonly DataSet[] = Object.values(dataSets).flat();
  const sources = sets.flatMap(({ sources }) => sources);
  const named = new Set(sources.map(({ address }) => new URL(address).host));
  assertEquals([...named].sort(), hosts.split(",").sort());
  for (const { address, sha256, bytes } of sources) {
    assertMatch(`${address} ${sha256}`, /^https:\S+ [0-9a-f]{64}$/);
    assert(bytes > 0);
  }
});

/** A test that needs both the shared data and a server. */
function sharedNetTest(name: string, fn: () => Promise<void>): void {
  const title = `${name} (needs reference data in ../shared)`;
  if (sharedPresent) netTest(title, fn);
  else Deno.test({ name: title, ignore: true, fn });
}

/** Runs `deno task data` against a mirror. */
async function data(mirror: Loopback, ...args: string[]) {
  const permissions = ["--allow-net=127.0.0.1"];
  return await hiddenkeyWith({ permissions }, "data", ...args, "--mirror", mirror.origin);
}

sharedNetTest("deno task data e2e fetches the official files", async () => {
  const names = ["trainset", "devset", "testset", "testset_w_refs"].map((name) => `${name}.csv`);
  const at = (name: string) => `raw.githubusercontent.com/tuetschek/e2e-dataset/master/${name}`;
  const read = async (name: string) =>
    [at(name), await Deno.readFile(shared(`data/e2e/${name}`))] as const;
  await using mirror = mirrorOf(Object.fromEntries(await Promise.all(names.map(read))));
  await using folder = await folderOf({});
  const out = `${folder.path}/e2e`;
  assertEquals(await data(mirror, "e2e", "--out", out), {
    code: 0,
    out: names.map((name) => `${name}: 1 file in ${out}\n`).join(""),
    err: "",
  });
  assertEquals(namesIn(out), [...names].sort());
  for (const name of names) {
    assertEquals(
      sha256(await Deno.readFile(`${out}/${name}`)),
      sha256(await Deno.readFile(shared(`data/e2e/${name}`))),
    );
  }
});

sharedNetTest("deno task data glue makes MRPC as GLUE's script does", async () => {
  const file = (name: string) => Deno.readFile(shared(`data/glue/MRPC/${name}`));
  const base = "dl.fbaipublicfiles.com";
  await using mirror = mirrorOf({
    [`${base}/senteval/senteval_data/msr_paraphrase_train.txt`]: await file(
      "msr_paraphrase_train.txt",
    ),
    [`${base}/senteval/senteval_data/msr_paraphrase_test.txt`]: await file(
      "msr_paraphrase_test.txt",
    ),
    [`${base}/glue/data/mrpc_dev_ids.tsv`]: await file("dev_ids.tsv"),
  });
  await using folder = await folderOf({});
  const { err, code } = await data(mirror, "glue", "--out", folder.path, "--only", "mrpc");
  assertEquals([err, code], ["", 0]);
  assertEquals(namesIn(folder.path), ["MRPC"]);
  for (const name of ["train.tsv", "dev.tsv", "test.tsv"]) {
    const made = await Deno.readFile(`${folder.path}/MRPC/${name}`);
    assertEquals(sha256(made), sha256(await file(name)), name);
  }
});

sharedNetTest("The files of WebNLG have the published digest", async () => {
  const root = shared("data/webnlg/webnlg_challenge_2017");
  const files: Record<string, Uint8Array> = {};
  const visit = async (folder: string) => {
    for (const name of namesIn(`${root}/${folder}`)) {
      const path = `${folder}/${name}`;
      if (name.endsWith(".xml")) files[path.slice(1)] = await Deno.readFile(`${root}${path}`);
      else await visit(path);
    }
  };
  await visit("");
  const prefix = "webnlg-dataset-commit/webnlg_challenge_2017/";
  const packed = zipSync(
    Object.fromEntries(Object.entries(files).map(([path, bytes]) => [prefix + path, bytes])),
    { level: 0 },
  ) as Uint8Array<ArrayBuffer>;
  const [set] = dataSets.webnlg;
  const path = set.sources[0].address.replace("https://", "");
  await fetching(set, mirrorOf({ [path]: packed }), async (run, out, said) => {
    await run();
    assertEquals(namesIn(out), ["dev", "test", "train"]);
    assertEquals(said, [`WebNLG 2017: 107 files in ${out}`]);
  });
});

Deno.test("deno task data refuses what it does not know", async () => {
  const cases: [string[], RegExp][] = [
    [["squad"], /one of glue, e2e, webnlg is required: found "squad"\n$/],
    [[], /without --set: one of glue, e2e, webnlg is required\n$/],
    [["glue"], /without --out: it is required\n$/],
    [
      ["glue", "--out", "x", "--only", "MNLI"],
      /--only as one of RTE, .* is required: found MNLI\n$/,
    ],
    [["glue", "--outt", "x"], /--outt: the nearest known one is --out\n$/],
  ];
  for (const [args, says] of cases) {
    const { code, out, err } = await hiddenkey("data", ...args);
    assertEquals([code, out], [1, ""]);
    assertMatch(err, /^error: [^\n]+\n$/);
    assertMatch(err, says);
  }
});
