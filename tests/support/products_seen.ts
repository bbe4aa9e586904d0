import type { Backend, Binding } from "../../core/backend.ts";
import type { Program } from "../../core/program.ts";
import { openCpu } from "../../kernels/cpu/backend.ts";

/** A CPU that lists the rows of every product with so many columns, such as those over a vocabulary. */
export function productsSeen(columns: number): { backend: Backend; rows: number[] } {
  const backend = openCpu();
  const rows: number[] = [];
  const run = backend.run.bind(backend);
  backend.run = (program: Program, binding: Binding) => {
    const [m, n] = binding.space.slice(-3);
    if (program.family === "matmul" && n === columns) rows.push(m!);
    run(program, binding);
  };
  return { backend, rows };
}
