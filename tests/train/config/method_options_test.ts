import { assertEquals } from "@std/assert";
import { savedBy } from "../../support/train_in_process.ts";
import { Workspace } from "../../support/workspace.ts";

const workspace = await Workspace.open();
Deno.test.afterAll(() => workspace[Symbol.asyncDispose]());

let runs = 0;

/** One step of a run; what it saves. */
function saved(task: "rte" | "e2e", ...flags: readonly string[]) {
  const model = workspace.model(task === "rte" ? "bert" : "gpt2");
  const data = ["--task", task, "--data", workspace.data(task), "--model", model];
  const short = ["--max-steps", "1", "--batch", "4", "--generate", "0", "--dev-limit", "2"];
  if (task === "rte") short.splice(4, 2);
  return savedBy(workspace.out(`flags-${++runs}`), ...data, ...short, ...flags);
}

Deno.test("every flag of the method reaches the plan of the run", async () => {
  const flags = "--method dropattention --rate 0.25 --structure span --compensation js --kl 0.4 " +
    "--branches 2 --layers 1 --no-nograd --point inner --no-per-head --span-length 2";
  assertEquals((await saved("rte", ...flags.split(" "))).plan, {
    sites: [{
      position: "weights",
      structure: "span",
      rate: 0.25,
      layers: [1],
      nograd: false,
      perHead: false,
      spanLength: 2,
    }],
    compensation: { kind: "js", weight: 0.4, branches: 2 },
  });
});

Deno.test("the flag of a point reaches a site of hidden alone", async () => {
  const flags = ["--method", "hiddenkey", "--point", "inner"];
  const { plan } = await saved("rte", ...flags) as { plan: { sites: { point?: string }[] } };
  assertEquals(plan.sites.map(({ point }) => point), [undefined, "inner"]);
});

Deno.test("without flags the plan is the paper's: NoGrad, masks of each head, one branch", async () => {
  const layers = "latter-half";
  assertEquals((await saved("e2e", "--method", "hiddenkey")).plan, {
    sites: [
      { position: "logits", structure: "column", rate: 0.1, layers, perHead: true },
      { position: "hidden", structure: "element", rate: 0.1, layers, point: "output" },
    ],
    compensation: { kind: "kl", weight: 1, branches: 1 },
  });
  assertEquals((await saved("rte")).plan, {
    sites: [],
    compensation: { kind: "none", weight: 1, branches: 1 },
  });
});

Deno.test("switches and rates by position reach the plan in both directions", async () => {
  const on = ["--method", "dropattention", "--nograd", "--per-head", "--kl", "0"];
  const { plan } = await saved("e2e", ...on, "--rate", "weights=0.2,lora=0.3", "--branches", "1");
  const usual = { nograd: true, perHead: true };
  assertEquals(plan, {
    sites: [
      { position: "weights", structure: "column", rate: 0.2, layers: "latter-half", ...usual },
      { position: "lora", structure: "element", rate: 0.3, layers: "all" },
    ],
    compensation: { kind: "none", weight: 0, branches: 1 },
  });
});

Deno.test("the flags of LoRA reach the adapter", async () => {
  const flags = ["--rank", "3", "--alpha", "5", "--rslora", "--targets", "key,query"];
  const { adapter } = await saved("rte", ...flags, "--method", "lora-dropout", "--rate", "0.2");
  const { r, lora_alpha, use_rslora, target_modules, lora_dropout } = adapter;
  assertEquals([r, lora_alpha, use_rslora, target_modules, lora_dropout], [
    3,
    5,
    true,
    ["key", "query"],
    0.2,
  ]);
});

Deno.test("an adapter says of its run what PEFT asks: kind of task, base and what is saved", async () => {
  const { adapter: labels } = await saved("rte", "--method", "dropkey");
  const { adapter: texts } = await saved("e2e", "--alpha", "3");
  assertEquals([labels["task_type"], texts["task_type"]], ["SEQ_CLS", "CAUSAL_LM"]);
  assertEquals([labels["modules_to_save"], texts["modules_to_save"]], [
    ["classifier", "score"],
    null,
  ]);
  // Two thirds of GPT-2's fused layer are one update of twice the rank and alpha.
  assertEquals([labels["lora_dropout"], texts["lora_alpha"], texts["r"]], [0, 6, 16]);
  assertEquals(labels["base_model_name_or_path"], workspace.model("bert"));
  assertEquals(texts["base_model_name_or_path"], workspace.model("gpt2"));
});
