// Steps of texts that hold tokens which models look for.
import { assertEquals } from "@std/assert";
import { compare, labelled, padded } from "../../support/captured_steps.ts";
import { capturingTest } from "../../support/capturing_devices.ts";

capturingTest(
  "steps of MPNet come again, which reads a table of places by words of its own",
  async (on) => {
    assertEquals(await compare(on, { architecture: "mpnet", examples: labelled }), 2);
  },
);

capturingTest("texts that hold the padding token are computed", async (on) => {
  assertEquals(await compare(on, { architecture: "roberta", examples: padded }), 2);
});

capturingTest(
  "texts that hold MPNet's padding token are computed, whatever fills up",
  async (on) => {
    await compare(on, { architecture: "mpnet", config: { pad_token_id: 0 }, examples: padded });
  },
);
