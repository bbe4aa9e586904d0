import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { FileError, ShapeError } from "../../../core/errors.ts";
import {
  exists,
  readJson,
  readText,
  requireEmptyDirectory,
  sameFile,
  writeDirectoryAtomic,
  writeFileAtomic,
} from "../../../train/files/files.ts";

async function withDirectory(use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempDir();
  try {
    await use(path);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}

Deno.test("writeFileAtomic() and readText() round-trip any text and leave no other file", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/a.txt`;
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), async (text) => {
        await writeFileAtomic(path, text);
        assertEquals(await readText(path), text);
      }),
      { numRuns: 30 },
    );
    await writeFileAtomic(path, new Uint8Array([0x62, 0x0a]));
    assertEquals(await readText(path), "b\n");
    assertEquals([...Deno.readDirSync(directory)].map((entry) => entry.name), ["a.txt"]);
  }));

Deno.test("writeFileAtomic() leaves nothing behind when it cannot write", () =>
  withDirectory(async (directory) => {
    const missing = `${directory}/none/a.txt`;
    const error = await assertRejects(() => writeFileAtomic(missing, "x"), FileError, "writable");
    assertEquals(error.path, missing);
    await Deno.mkdir(`${directory}/taken/inner`, { recursive: true });
    await assertRejects(() => writeFileAtomic(`${directory}/taken`, "x"), FileError);
    assertEquals([...Deno.readDirSync(directory)].map((entry) => entry.name), ["taken"]);
  }));

Deno.test("readText() drops a byte order mark and refuses what is not UTF-8", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/a.txt`;
    await Deno.writeFile(path, new Uint8Array([0xef, 0xbb, 0xbf, 0x61]));
    assertEquals(await readText(path), "a");
    await Deno.writeFile(path, new Uint8Array([0x61, 0xff]));
    await assertRejects(() => readText(path), FileError, "UTF-8 text");
    await assertRejects(() => readText(`${path}x`), FileError, "found nothing there");
    await assertRejects(() => readText(directory), FileError, "found a directory");
  }));

Deno.test("readJson() names the line of a fault", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/a.json`;
    await Deno.writeTextFile(path, '{\n "a": [1, 2]\n}\n');
    assertEquals(await readJson(path), { a: [1, 2] });
    await Deno.writeTextFile(path, '{\n "a": [1, 2]\n "b": 3\n}\n');
    const error = await assertRejects(() => readJson(path), FileError, `${path}:3: Cannot parse`);
    assertEquals(error.line, 3);
    await Deno.writeTextFile(path, '{\n "a": [1,\n');
    assertEquals((await assertRejects(() => readJson(path), FileError, "the end")).line, 3);
    await Deno.writeTextFile(path, "");
    assertEquals((await assertRejects(() => readJson(path), FileError)).line, 1);
  }));

Deno.test("samePlace() sees through spellings and links", () =>
  withDirectory(async (directory) => {
    await Deno.mkdir(`${directory}/a`);
    await Deno.mkdir(`${directory}/b`);
    await Deno.symlink(`${directory}/a`, `${directory}/link`);
    const a = `${directory}/a`;
    for (
      const other of [`${a}/`, `${directory}/b/../a`, `${directory}//a/.`, `${directory}/link`]
    ) {
      assert(await sameFile(a, other), other);
    }
    for (const other of [`${directory}/b`, `${directory}/none`]) {
      assert(!await sameFile(a, other), other);
      assert(!await sameFile(other, a), other);
    }
  }));

Deno.test("requireEmptyDirectory() creates, accepts empty ones and refuses others", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/a/b`;
    await requireEmptyDirectory(path);
    await requireEmptyDirectory(path);
    assert(await exists(path));
    await Deno.writeTextFile(`${path}/c`, "");
    await assertRejects(() => requireEmptyDirectory(path), FileError, "found c");
    await assertRejects(() => requireEmptyDirectory(`${path}/c`), FileError, "found a file");
  }));

Deno.test("exists() tells files and directories from nothing", () =>
  withDirectory(async (directory) => {
    await Deno.writeTextFile(`${directory}/a`, "");
    assertEquals(await exists(`${directory}/a`), true);
    assertEquals(await exists(directory), true);
    assertEquals(await exists(`${directory}/b`), false);
    assertEquals(await exists(`${directory}/a/b`), false);
  }));

Deno.test("writeFileAtomic() writes parts as they come and nothing where one fails", () =>
  withDirectory(async (directory) => {
    const path = `${directory}/a.txt`;
    async function* parts(fault?: Error) {
      yield new TextEncoder().encode("one ");
      await Promise.resolve();
      yield new TextEncoder().encode("two");
      if (fault !== undefined) throw fault;
    }
    await writeFileAtomic(path, parts());
    assertEquals(await readText(path), "one two");
    for (const fault of [new FileError("Cannot read x", "y"), new ShapeError("Cannot")]) {
      const error = await assertRejects(() => writeFileAtomic(path, parts(fault)));
      assertEquals(error, fault);
    }
    assertEquals(await readText(path), "one two");
    assertEquals([...Deno.readDirSync(directory)].map((entry) => entry.name), ["a.txt"]);
  }));

Deno.test("writeDirectoryAtomic() shows a directory once it is whole, and leaves no other", () =>
  withDirectory(async (directory) => {
    const names = () => [...Deno.readDirSync(directory)].map(({ name }) => name).sort();
    await writeDirectoryAtomic(`${directory}/a/b/`, async (place) => {
      await Deno.writeTextFile(`${place}/x`, "1");
      assertEquals([...Deno.readDirSync(`${directory}/a/b`)], []);
    });
    assertEquals(await readText(`${directory}/a/b/x`), "1");
    await Deno.mkdir(`${directory}/empty`);
    for (const name of ["new", "empty"]) {
      const fail = async (place: string) => {
        await Deno.writeTextFile(`${place}/x`, "1");
        throw new FileError("Cannot go on", place);
      };
      const run = () => writeDirectoryAtomic(`${directory}/${name}`, fail);
      await assertRejects(run, FileError, "Cannot go on");
    }
    assertEquals(names(), ["a", "empty"]);
    const taken = () => writeDirectoryAtomic(`${directory}/a`, () => Promise.resolve());
    await assertRejects(taken, FileError, "found b");
  }));
