import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { TrainingError } from "../../../core/errors.ts";
import { requireAgreement, stateFacts } from "../../../train/distributed/agreement.ts";
import { requireSameState, settingFacts } from "../../../train/distributed/joined_run.ts";
import { AdamW } from "../../../nn/optim/adamw.ts";
import { resolveConfig } from "../../../train/config/config.ts";
import { inGroup } from "../../support/linked_groups.ts";
import { stepRandomly, trainableOf } from "../../support/trainable_pair.ts";
import { withDevice } from "../../support/with_device.ts";

Deno.test("requireAgreement() names the process and the fact, in every process", async () => {
  const facts = [{ a: "1", b: "2" }, { a: "1", b: "2" }, { a: "1", b: "3" }];
  await inGroup(3, async (group) => {
    await assertRejects(
      () => requireAgreement(group, facts[group.rank]!, { remedy: "; do this" }),
      TrainingError,
      "Cannot train by 3 processes as b 2 of process 0 is required of process 2 of 3: found 3; do this",
    );
  });
});

Deno.test("requireAgreement() sees a fact that one process lacks", async () => {
  await inGroup(2, async (group) => {
    await assertRejects(
      () => requireAgreement(group, group.rank === 0 ? { a: "1", b: "2" } : { a: "1" }),
      TrainingError,
      "found none",
    );
  });
  await inGroup(2, (group) => requireAgreement(group, { a: "1" }));
});

Deno.test("settingFacts() has the settings as flags, but for those that change nothing", () => {
  const config = resolveConfig({ task: "rte", data: "d", model: "m", out: "o", rate: 0.25 });
  const facts = settingFacts(config, ["out", "data"]);
  assertEquals([facts["--rate"], facts["--out"], facts["--data"]], ["0.25", undefined, undefined]);
  assertEquals([facts["--per-head"], facts["--task"]], ["true", '"rte"']);
});

Deno.test("stateFacts() sees one bit of parameters and moments, and requireSameState() says where", async () => {
  await withDevice("f32", async (device) => {
    const one = new AdamW((await trainableOf(device)).trainable);
    const other = new AdamW((await trainableOf(device)).trainable);
    const before = await stateFacts(one);
    assertEquals(await stateFacts(other), before);
    stepRandomly(other, 1, 1e-3);
    const after = await stateFacts(other);
    for (const name of ["step", "digest of parameters", "digest of first", "digest of second"]) {
      assertNotEquals(after[name], before[name], name);
    }
    await inGroup(2, async (group) => {
      await assertRejects(
        () => requireSameState(group, group.rank === 0 ? one : other),
        TrainingError,
        "as step 0 of process 0 is required of process 1 of 2: found 1",
      );
    });
  });
});
