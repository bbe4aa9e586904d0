import { assertEquals, assertLess } from "@std/assert";
import { drawPicture, pictureFile } from "../../../train/lab/picture.ts";

Deno.test("the README's picture is what its script makes, of what the library computes", async () => {
  const file = await Deno.readTextFile(pictureFile);
  assertEquals(file, await drawPicture());
  assertLess(file.length, 150_000);
  // Seven kept weights by the logit of the only dropped word.
  assertEquals(file.match(/stroke-width="2"/g)?.length, 7);
});
