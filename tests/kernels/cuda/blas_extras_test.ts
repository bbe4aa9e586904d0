// What cuBLASLt adds to its products, and what is left of sizes that are no multiples of eight.
import { assertEquals } from "@std/assert";
import { apply } from "../../../core/apply.ts";
import { fusedMatmul, matmul, matmulAdd } from "../../../core/ops/matmul.ts";
import { slice } from "../../../core/ops/slice.ts";
import { transpose } from "../../../core/ops/view.ts";
import { withInterpreted } from "../../support/interpreted_device.ts";
import { type Case, checkProducts, type Make, maker } from "../../support/lt_cases.ts";

const [m, n, k] = [64, 72, 80];
const factors = (make: Make) => [make(1, [m, k], "bf16"), make(2, [k, n], "bf16")] as const;

/** Launches of a case, and what the library was asked for. */
async function launchesOf(run: Case, mixesBias = false) {
  let found = { launches: 0, asked: [] as string[] };
  await withInterpreted({ precision: "bf16", blas: true }, async (device, { backend, blas }) => {
    blas.mixesBias = mixesBias;
    const before = backend.launches.launches;
    for (const t of run(maker(device))) await t.read();
    found = { launches: backend.launches.launches - before, asked: blas.asked };
  });
  return found;
}

const added: Record<string, Case> = {
  "a matrix": (make) => [matmulAdd(...factors(make), make(3, [m, n], "bf16"))],
  "rows of a wider matrix": (make) => [
    matmulAdd(...factors(make), slice(make(3, [m, 96], "bf16"), 1, 8, 80)),
  ],
  "a bias": (make) => [matmulAdd(...factors(make), make(4, [n], "bf16"))],
  "a bias and a matrix": (make) => [
    matmulAdd(...factors(make), make(4, [n], "bf16"), make(3, [m, n], "bf16")),
  ],
  "a matrix and a bias": (make) => [
    matmulAdd(...factors(make), make(3, [m, n], "bf16"), make(4, [n], "bf16")),
  ],
};

Deno.test("matrices and biases of the result's type are added by the library", async () => {
  await checkProducts(added, true);
  for (const [name, run] of Object.entries(added)) {
    assertEquals((await launchesOf(run)).launches, 1, name);
  }
});

const finished: Record<string, Case> = {
  "a bias in 32 bits": (make) => [matmulAdd(...factors(make), make(4, [n]))],
  "a matrix in 32 bits": (make) => [matmulAdd(...factors(make), make(3, [m, n]))],
  "two matrices": (make) => [
    matmulAdd(...factors(make), make(3, [m, n], "bf16"), make(4, [m, n], "bf16")),
  ],
  "two biases": (make) => [
    matmulAdd(...factors(make), make(3, [n], "bf16"), make(4, [1, n], "bf16")),
  ],
  "a column": (make) => [matmulAdd(...factors(make), make(3, [m, 1], "bf16"))],
  "a matrix that lies transposed": (make) => [
    matmulAdd(...factors(make), transpose(make(3, [n, m], "bf16"))),
  ],
  "rows that are not aligned": (make) => [
    matmulAdd(...factors(make), slice(make(3, [m, 76], "bf16"), 1, 0, 72)),
  ],
  "an offset": (make) => [
    matmulAdd(...factors(make), slice(make(3, [m, 96], "bf16"), 1, 4, 76)),
  ],
};

Deno.test("what the library cannot add is added by an epilogue", async () => {
  await checkProducts(finished, true);
  for (const [name, run] of Object.entries(finished)) {
    assertEquals((await launchesOf(run)).launches, 2, name);
  }
});

Deno.test("a bias in 32 bits goes to a library that takes it, and long results round it", async () => {
  const bias: Case = (make) => [matmulAdd(...factors(make), make(4, [n]))];
  await checkProducts({ bias }, true, { mixesBias: true });
  assertEquals((await launchesOf(bias, true)).launches, 1);
  const long: Case = (make) => [
    matmulAdd(make(1, [2048, 64], "bf16"), make(2, [64, 64], "bf16"), make(4, [64])),
  ];
  await checkProducts({ long }, true);
  const { launches, asked } = await launchesOf(long);
  assertEquals([launches, asked.length], [2, 1]);
});

const odd = 1027;
const square = fusedMatmul("square", 1, (product, extra) => product.mul(product).add(extra));

Deno.test("columns and inner elements beyond whole eights are computed beside the library", async () => {
  const cases: Record<string, Case> = {};
  for (const turned of [false, true]) {
    // Rows of vocabularies begin at multiples of 16 bytes.
    const make2 = (make: Make, rows: number, columns: number, dtype?: "bf16") =>
      turned
        ? transpose(make(2, [columns, rows], dtype))
        : slice(make(2, [rows, columns + 5], dtype), 1, 0, columns);
    Object.assign(
      cases,
      {
        [`columns, ${turned}`]: (make) => [
          matmul(make(1, [m, k], "bf16"), make2(make, k, odd, "bf16")),
        ],
        [`columns with extras, ${turned}`]: (make) => [
          matmulAdd(
            make(1, [m, k], "bf16"),
            make2(make, k, odd, "bf16"),
            make(3, [odd]),
            make(4, [m, 1]),
          ),
          apply(square, [make(1, [m, k]), make2(make, k, odd), make(3, [odd])], {})[0]!,
        ],
        [`inner elements, ${turned}`]: (make) => {
          const a = slice(make(1, [m, 1032], "bf16"), 1, 0, odd);
          const b = turned
            ? transpose(slice(make(2, [n, 1032], "bf16"), 1, 0, odd))
            : make(2, [odd, n], "bf16");
          return [
            matmul(a, b),
            matmulAdd(a, b, make(3, [n])),
            apply(square, [a, b, make(3, [m, n])], {})[0]!,
          ];
        },
      } satisfies Record<string, Case>,
    );
  }
  await checkProducts(cases, true);
  const { asked } = await launchesOf(cases["columns, false"]!);
  assertEquals(asked, [`NN 1024 x ${m} x ${k} in rows of 1032, ${k}, 1032, 1032, rounded`]);
});
