import { assertEquals, assertRejects } from "@std/assert";
import { DownloadError, FileError, OptionError } from "../../../core/errors.ts";
import { blobFolder } from "../../../nn/formats/file_ranges.ts";
import { folderWeights } from "../../../nn/formats/folder_weights.ts";
import { openSafetensors } from "../../../nn/formats/open_safetensors.ts";
import { encodeFloats } from "../../../nn/formats/safetensors_values.ts";
import { encodeSafetensors } from "../../../nn/formats/safetensors_write.ts";
import { serveRanges } from "../../support/range_server.ts";

/** A file that must not be read whole. */
class SlicedFile extends File {
  override arrayBuffer(): Promise<ArrayBuffer> {
    throw new Error("the whole file was read");
  }
}

/** A safetensors file with one tensor of numbers that count. */
function counting(name: string, count: number, dtype: "F32" | "BF16" = "F32") {
  const numbers = Float32Array.from({ length: count }, (_, i) => i);
  const bytes = encodeFloats(numbers, dtype);
  return encodeSafetensors([{ name, dtype, shape: [count], bytes }], {});
}

const index = (map: Record<string, string>) => JSON.stringify({ weight_map: map });
const [whole, indexName] = ["model.safetensors", "model.safetensors.index.json"];
const two = index({ first: "a.safetensors", second: "b.safetensors" });

/** A folder of files that were chosen in a page. */
const chosen = (files: Record<string, string | Uint8Array<ArrayBuffer>>) =>
  openSafetensors(Object.entries(files).map(([name, content]) => new SlicedFile([content], name)));

Deno.test("a large tensor is read in parts of 4 MiB, its file never whole", async () => {
  const count = 2.5 * 2 ** 20;
  const source = await chosen({ [whole]: counting("large", count) });
  assertEquals([[...source.names()], source.shape("large")], [["large"], [count]]);
  const sizes: number[] = [];
  let [next, isRight] = [0, true];
  for await (const part of source.parts!("large", "f32")) {
    sizes.push(part.length);
    for (const x of part) isRight &&= x === next++;
  }
  assertEquals([sizes, isRight], [[2 ** 20, 2 ** 20, 2 ** 19], true]);
  const numbers = await source.read("large", "f32");
  assertEquals([numbers.length, numbers.at(-1)], [count, count - 1]);
});

Deno.test("weights in several files are found by their index", async () => {
  const files = { "a.safetensors": counting("first", 3), [indexName]: two };
  await assertRejects(
    () => chosen(files),
    FileError,
    "the chosen files/b.safetensors: Cannot find the file, which the model requires",
  );
  const source = await chosen({ ...files, "b.safetensors": counting("second", 2) });
  assertEquals([...source.names()], ["first", "second"]);
  assertEquals(source.file!("second"), "the chosen files/b.safetensors");
  assertEquals([...await source.read("second", "f64")], [0, 1]);
});

/** A file of a folder that was chosen whole. */
function placed(path: string, content: string | Uint8Array<ArrayBuffer>): File {
  const made = new File([content], path.split("/").at(-1)!);
  Object.defineProperty(made, "webkitRelativePath", { value: path });
  return made;
}

Deno.test("a file of the chosen folder counts before those of folders inside it", async () => {
  const file = (path: string, name: string) => placed(path, counting(name, 2));
  const own = file(`m/${whole}`, "own");
  const inner = file(`m/original/${whole}`, "inner");
  for (const files of [[own, inner], [inner, own]]) {
    assertEquals([...(await openSafetensors(files)).names()], ["own"]);
  }
});

Deno.test("a model in several files is not taken for one in a folder inside its own", async () => {
  const files = [
    placed(`m/dense/${whole}`, counting("other", 2)),
    placed(`m/dense/a.safetensors`, counting("other", 2)),
    placed(`m/${indexName}`, two),
    placed("m/a.safetensors", counting("first", 3)),
    placed("m/b.safetensors", counting("second", 2)),
  ];
  assertEquals([...(await openSafetensors(files)).names()], ["first", "second"]);
});

Deno.test("two files that could be the model's are refused", async () => {
  const [one, other] = [counting("one", 2), counting("other", 2)];
  for (
    const files of [
      [new File([one], whole), new File([other], whole)],
      [placed(`m/a/${whole}`, one), placed(`m/b/${whole}`, other)],
    ]
  ) {
    await assertRejects(
      () => openSafetensors(files),
      FileError,
      `the chosen files/${whole}: Cannot open model as files of one folder are required: found a second ` +
        "one of this name",
    );
  }
});

Deno.test("an index that is far too large is not read", async () => {
  const index = {
    path: `x/${indexName}`,
    size: 1e9,
    read: () => Promise.reject(new Error("read")),
  };
  const open = (name: string) => Promise.resolve(name === indexName ? index : undefined);
  await assertRejects(
    () => folderWeights({ path: "x", open }),
    FileError,
    `x/${indexName}: Cannot read index as at most 100000000 bytes are required: found 1000000000`,
  );
});

Deno.test("a tensor in two files, or not where the index says, is refused", async () => {
  await assertRejects(
    () =>
      chosen({
        "a.safetensors": counting("first", 3),
        "b.safetensors": counting("first", 3),
        [indexName]: two,
      }),
    FileError,
    "b.safetensors: Cannot open checkpoint as tensor first requires one place: found it in the chosen " +
      "files/a.safetensors too",
  );
  await assertRejects(
    () =>
      chosen({
        "a.safetensors": counting("second", 3),
        "b.safetensors": counting("first", 3),
        [indexName]: two,
      }),
    FileError,
    "a.safetensors: Cannot open checkpoint as the index requires tensor first here: found none",
  );
});

Deno.test("a folder without weights, and an index that is no JSON, are refused by name", async () => {
  await assertRejects(
    () => folderWeights(blobFolder("notes", new Map([["todo.txt", new Blob(["x"])]]))),
    FileError,
    `notes: Cannot open model as it requires ${whole} or ${indexName}: found neither`,
  );
  await assertRejects(
    () => chosen({ [indexName]: "{\n]" }),
    FileError,
    `${indexName}:2: Cannot parse file as it requires valid JSON`,
  );
  const twice = '{"weight_map": {"first": "b.safetensors", "\\u0066irst": "a.safetensors"}}';
  await assertRejects(
    () => chosen({ [indexName]: twice, "a.safetensors": counting("first", 3) }),
    FileError,
    `${indexName}: Cannot read index as it requires distinct keys: found "first" twice`,
  );
  const source = await chosen({ [whole]: counting("first", 3) });
  await assertRejects(() => source.read("other", "f32"), OptionError, "Cannot find tensor other");
});

Deno.test("tensors of 16 bits may stay so, others may not", async () => {
  const source = await chosen({
    "a.safetensors": counting("first", 5, "BF16"),
    "b.safetensors": counting("second", 2),
    [indexName]: two,
  });
  assertEquals(source.halves!("second"), undefined);
  const { dtype, parts } = source.halves!("first")!;
  const found = await Array.fromAsync(parts, (part) => [...part]);
  assertEquals([dtype, found], ["bf16", [[0, 0, 0x80, 0x3f, 0, 0x40, 0x40, 0x40, 0x80, 0x40]]]);
});

Deno.test("a folder of a web server is read by ranges, which add up to its files", async () => {
  const files = new Map<string, Uint8Array<ArrayBuffer>>([
    [whole, counting("large", 1.5 * 2 ** 20)],
  ]);
  await using server = serveRanges((name) => files.get(name));
  const source = await openSafetensors(new URL("model/", server.url));
  const numbers = await source.read("large", "f32");
  assertEquals([numbers.length, numbers.at(-1)], [1.5 * 2 ** 20, 1.5 * 2 ** 20 - 1]);
  const { length } = files.get(whole)!;
  const data = length - 6 * 2 ** 20;
  assertEquals(server.asked, [
    ...["bytes=0-0", "bytes=0-7", `bytes=8-${data - 1}`],
    ...[`bytes=${data}-${data + 2 ** 22 - 1}`, `bytes=${data + 2 ** 22}-${length - 1}`],
  ]);
});

Deno.test("a server without ranges, and a file that changes meanwhile, are refused", async () => {
  const path = `model/${whole}`;
  await using plain = serveRanges(() => counting("first", 3), { knowsRanges: false });
  await assertRejects(
    () => openSafetensors(`${plain.url}model`),
    DownloadError,
    `${plain.url}${path}: Cannot read file as a server that answers requests for ranges is required: ` +
      "found status 200",
  );
  let count = 3;
  await using changing = serveRanges(() => counting("first", count));
  const source = await openSafetensors(`${changing.url}model`);
  const { length } = counting("first", count);
  count = 4;
  await assertRejects(
    () => source.read("first", "f32"),
    DownloadError,
    `Cannot read file as one that stays the same is required: found ${
      length + 4
    } bytes instead of ` +
      `${length}`,
  );
  count = 0;
  await changing[Symbol.asyncDispose]();
  await assertRejects(
    () => source.read("first", "f32"),
    DownloadError,
    "Cannot read file as a network that reaches it is required",
  );
});

Deno.test("a server that sends other bytes than were asked for is refused", async () => {
  await using server = serveRanges(() => counting("first", 3), { shift: 1 });
  await assertRejects(
    () => openSafetensors(server.url),
    DownloadError,
    "Cannot read file as bytes 0 to 0 and a header content-range that says so are required: found 1 " +
      "bytes and bytes 1-1/",
  );
});
