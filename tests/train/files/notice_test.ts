// The file by which processes meet, and what else may be there.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { readNotice, removeNotice, writeNotice } from "../../../train/files/notice.ts";

const folder = await Deno.makeTempDir();
Deno.test.afterAll(() => Deno.remove(folder, { recursive: true }));

const addresses = [{ hostname: "127.0.0.1", port: 4000 }];
const names = () => [...Deno.readDirSync(folder)].map(({ name }) => name);

Deno.test("a notice is read as it was written, and only its own run removes it", async () => {
  const file = `${folder}/meeting`;
  await writeNotice(file, { addresses, secret: "first" });
  await writeNotice(file, { addresses, secret: "second" });
  assertEquals(await readNotice(file), { addresses, secret: "second" });
  await removeNotice(file, "first");
  assertEquals(names(), ["meeting"]);
  await removeNotice(file, "second");
  assertEquals(names(), []);
});

Deno.test("what is no notice is not taken for one", async () => {
  const file = `${folder}/other`;
  const others = [
    ...[
      "",
      "null",
      "[]",
      "{",
      '{"addresses":"here","secret":"s"}',
      '{"addresses":[null],"secret":"s"}',
    ],
    ...["1", "0", "70000", "0.5"].map((port) =>
      `{"addresses":[{"hostname":${port === "1" ? 7 : '"here"'},"port":${port}}],"secret":"s"}`
    ),
    ...['{"addresses":[],"secret":"s"}', '{"addresses":[{"hostname":"here","port":1}]}'],
    JSON.stringify({ addresses, secret: "s".repeat(1 << 16) }),
  ];
  for (const text of others) {
    await Deno.writeTextFile(file, text);
    assertEquals(await readNotice(file), undefined, text.slice(0, 80));
  }
  await Deno.remove(file);
  assertEquals(await readNotice(folder), undefined);
  assertEquals(await readNotice(file), undefined);
});

Deno.test("a file of another kind is not replaced, and no draft stays where none can be", async () => {
  const file = `${folder}/model`;
  for (const content of ["weights", `{"addresses":${"x".repeat(1 << 16)}`]) {
    await Deno.writeTextFile(file, content);
    await assertRejects(
      () => writeNotice(file, { addresses, secret: "s" }),
      OptionError,
      `Cannot join processes as a file that can be written is required in --rendezvous ${file}: ` +
        "found another file there, which is not replaced",
    );
    assertEquals(await Deno.readTextFile(file), content);
  }
  for (const place of [folder, `${file}/below`, `${folder}/none/meeting`]) {
    const error = await assertRejects(
      () => writeNotice(place, { addresses, secret: "s" }),
      OptionError,
    );
    assert(error.message.includes(place));
  }
  assertEquals(names(), ["model"]);
  // What a computer that stopped left of a notice is no other file.
  for (const content of ["", '{"addresses":[']) {
    await Deno.writeTextFile(file, content);
    await writeNotice(file, { addresses, secret: "s" });
    assertEquals((await readNotice(file))?.secret, "s");
  }
});
