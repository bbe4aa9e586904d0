/** Mutations of feed-forward modules, norms and linear layers. */

import type { Mutation } from "../mutation.ts";

/** Mutations of feed-forward modules, norms and linear layers. */
export const layersMutations: readonly Mutation[] = [
  {
    name: "HiddenCut drops the residual",
    file: "nn/layers/feed_forward.ts",
    find: "? add(dropOutput((x) => output.forward(x, context), inner, context, place), residual)",
    replace: "? dropOutput((x) => output.forward(x, context, residual), inner, context, place)",
    why: "HiddenCut acts before the residual",
    tests: ["tests/nn/dropout/dropout_test.ts"],
  },
  {
    name: "HiddenCut's point is ignored",
    file: "nn/layers/feed_forward.ts",
    find: 'return active.site.point === "inner"',
    replace: 'return active.site.point === "output"',
    why: "the output is the usual point",
    tests: ["tests/nn/dropout/dropout_test.ts"],
  },
  {
    name: "the gate is not activated",
    file: "nn/layers/feed_forward.ts",
    find: "mul(alone(gate), layer.forward(x, context))",
    replace: "mul(gate, layer.forward(x, context))",
    why: "beside LoRA the gate is activated too",
    tests: ["tests/nn/layers/feed_forward_test.ts"],
  },
  {
    name: "an adapted layer is not activated",
    file: "nn/layers/feed_forward.ts",
    find: "return alone(layer.forward(x, context));",
    replace: "return layer.forward(x, context);",
    why: "beside LoRA the layer is activated too",
    tests: ["tests/nn/layers/feed_forward_test.ts"],
  },
  {
    name: "swish is relu",
    file: "nn/layers/feed_forward.ts",
    find: 'swish: "silu"',
    replace: 'swish: "relu"',
    why: "swish is another name of SiLU",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "gelu_pytorch_tanh is exact",
    file: "nn/layers/feed_forward.ts",
    find: 'gelu_pytorch_tanh: "gelu_new"',
    replace: 'gelu_pytorch_tanh: "gelu"',
    why: "it is the tanh approximation",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "layer norms have a fixed epsilon",
    file: "nn/layers/norm.ts",
    find: "this.bias?.value, this.epsilon)",
    replace: "this.bias?.value, 1e-12)",
    why: "the configuration's epsilon counts",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "RMS norms have a fixed epsilon",
    file: "nn/layers/norm.ts",
    find: "this.weight.value, this.epsilon)",
    replace: "this.weight.value, 1e-6)",
    why: "the configuration's epsilon counts",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
  {
    name: "input dropout is off",
    file: "nn/layers/stack.ts",
    find: "{ hidden: dropWhere(hidden, active), shared }",
    replace: "{ hidden: [hidden, dropWhere][0] as Tensor, shared }",
    why: "the embedding output is dropped",
    tests: ["tests/nn/dropout/dropout_test.ts"],
  },
  {
    name: "a residual beside a layer without bias is lost",
    file: "nn/layers/linear.ts",
    find: "if (first === undefined) return matmul(x, this.matrix());",
    replace: "if (this.bias === undefined) return matmul(x, this.matrix());",
    why: "the residual is added",
    tests: ["tests/nn/models/config_keys_test.ts"],
  },
];
