/**
 * The text of each pass of attention.
 *
 * @module
 */

import type { AttentionProgram } from "../../../core/program.ts";
import type { Shader } from "../shader.ts";
import { forwardShader } from "./forward.ts";
import { gradientShader } from "./gradient.ts";
import type { PassShape } from "./pass_shape.ts";
import { wholeGradientShader } from "./whole_gradient.ts";

/** Renders a pass. */
export function passShader(program: AttentionProgram, shape: PassShape): Shader {
  switch (program.pass) {
    case "forward":
      return forwardShader(program, shape);
    case "queries":
    case "keys":
      return gradientShader(program, shape);
    case "gradient":
      return wholeGradientShader(program, shape);
    default:
      return program.pass satisfies never;
  }
}
