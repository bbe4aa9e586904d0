/**
 * A pass of attention as a whole: its declarations around the statements that were written.
 *
 * @module
 */

import { attentionInputs } from "../../../core/program.ts";
import { headOperands } from "../../plan/attention.ts";
import { helpers } from "../expression.ts";
import { bindings, type Shader } from "../shader.ts";
import { type AttentionText, upTo } from "./attention_text.ts";
import type { MaskText } from "./mask_text.ts";

/**
 * Joins the parts of a pass.
 *
 * @param shared Declarations of workgroup memory of the pass's own
 */
export function attentionShader(text: AttentionText, masks: MaskText, shared = ""): Shader {
  const { program, shape: { operands }, inputs } = text;
  const heads = new Set(headOperands(program, inputs).map(([operand]) => operand));
  const first = attentionInputs(program);
  const bound = upTo(operands).map((operand) => ({
    operand,
    writable: operand >= inputs,
    type: heads.has(operand) ? "vec4<f32>" : operand >= first && operand < inputs ? "u32" : "f32",
  }));
  const functions = masks.functions();
  const code = `${text.parameters()}
${bindings(bound)}
${text.shared()}
${masks.shared()}${shared}${helpers(functions)}${functions}
@compute @workgroup_size(${text.invocations})
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(num_workgroups) wn: vec3<u32>,
  @builtin(local_invocation_index) lid: u32,
) {
${text.lines.join("\n")}
}
`;
  return { code, bound };
}
