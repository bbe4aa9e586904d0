// cuBLASLt without a card: it keeps descriptions and layouts as the real one does, and computes on the
// interpreted card's memory when its work runs.
import type { LtCall, LtFunction, LtLibrary } from "../../../kernels/cuda/blas/lt_library.ts";
import type { DriverState } from "./driver_state.ts";
import { type LtMatrix, type LtWork, multiply } from "./lt_multiply.ts";

type Argument = Parameters<LtCall>[number];

interface Description {
  readonly kind: "description";
  /** Whether the left and the right operand are transposed. */
  readonly transposed: [boolean, boolean];
  /** 1, or 4 where a bias is added. */
  epilogue: number;
  /** Its address. */
  bias: number;
  /** Its element type; -1 for that of the result. */
  biasType: number;
}

interface Preference {
  readonly kind: "preference";
  workspace: number;
  /** Bytes to whose multiples A, B, C and D are aligned. */
  readonly alignments: [number, number, number, number];
}

/** A column-major matrix's sizes. */
interface Layout {
  readonly kind: "layout";
  readonly type: number;
  readonly rows: number;
  readonly columns: number;
  readonly pitch: number;
}

type Kept = Description | Preference | Layout;

const [notInitialised, invalidValue, notSupported] = [1, 7, 15];
const [float, bf16, compute] = [0, 14, 68];
/** Where an algorithm's number, workspace and alignments stand in its 64 bytes. */
const algorithmBytes = 64;

/** A library of products for one driver. */
export class InterpretedBlas {
  /** Codes that functions give instead of doing anything. */
  readonly failures: Map<LtFunction, number> = new Map();
  /** Whether a bias may have another element type than the result. */
  mixesBias = false;
  /** Calls of each function. */
  readonly counts: Map<LtFunction, number> = new Map();
  /** Sizes and transpositions that an algorithm was asked for, such as `NT 64 x 64 x 64`. */
  readonly asked: string[] = [];
  readonly #kept = new Map<number, Kept>();
  readonly #algorithms: string[] = [];

  constructor(readonly state: DriverState) {}

  /** Opens the library. */
  open(): LtLibrary {
    const { state } = this;
    state.open.add("cuBLASLt");
    const own: Readonly<Record<LtFunction, LtCall>> = { ...this.#making(), ...this.#using() };
    const counted = ([name, call]: [string, LtCall]): [string, LtCall] => [name, (...args) => {
      const key = name as LtFunction;
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
      const code = this.failures.get(key);
      if (code === undefined) return call(...args);
      // Launches that fail end a capture, what is not supported does not begin one.
      if (key === "cublasLtMatmul" && code !== notSupported) state.breakCapture();
      return code;
    }];
    const calls = Object.fromEntries(Object.entries(own).map(counted)) as LtLibrary["calls"];
    return { name: "cuBLASLt 13.1", calls, close: () => void state.open.delete("cuBLASLt") };
  }

  #keep(out: Argument | undefined, kept: Kept): number {
    const handle = this.state.handle(`cuBLASLt ${kept.kind}`);
    this.#kept.set(handle, kept);
    return this.state.answer(out, handle);
  }

  #end(kind: Kept["kind"], handle: Argument | undefined): number {
    this.#kept.delete(handle as number);
    return this.state.end(`cuBLASLt ${kind}`, handle) === 0 ? 0 : invalidValue;
  }

  #find<K extends Kept["kind"]>(kind: K, handle: Argument | undefined) {
    const found = this.#kept.get(handle as number);
    return found?.kind === kind ? found as Extract<Kept, { kind: K }> : undefined;
  }

  #making() {
    const { state } = this;
    return {
      cublasLtCreate: (out: Argument | undefined) =>
        state.answer(out, state.handle("cuBLASLt handle")),
      cublasLtDestroy: (handle: Argument | undefined) =>
        state.end("cuBLASLt handle", handle) === 0 ? 0 : notInitialised,
      cublasLtMatmulDescCreate: (...[out, sums, scale]: Argument[]) =>
        sums !== compute || scale !== float ? invalidValue : this.#keep(out, {
          kind: "description",
          transposed: [false, false],
          epilogue: 1,
          bias: 0,
          biasType: -1,
        }),
      cublasLtMatmulDescDestroy: (handle: Argument | undefined) => this.#end("description", handle),
      cublasLtMatrixLayoutCreate: (...[out, type, rows, columns, pitch]: Argument[]) =>
        this.#keep(out, {
          kind: "layout",
          type: type as number,
          rows: rows as number,
          columns: columns as number,
          pitch: pitch as number,
        }),
      cublasLtMatrixLayoutDestroy: (handle: Argument | undefined) => this.#end("layout", handle),
      cublasLtMatmulPreferenceCreate: (out: Argument | undefined) =>
        this.#keep(out, { kind: "preference", workspace: 0, alignments: [256, 256, 256, 256] }),
      cublasLtMatmulPreferenceDestroy: (handle: Argument | undefined) =>
        this.#end("preference", handle),
    };
  }

  #using() {
    return {
      cublasLtMatmulDescSetAttribute: (...[handle, attribute, value, bytes]: Argument[]) => {
        const found = this.#find("description", handle);
        const number = numberOf(value, bytes, attribute === 8 ? 8 : 4);
        if (found === undefined || number === undefined) return invalidValue;
        return describe(found, attribute as number, number);
      },
      cublasLtMatmulPreferenceSetAttribute: (...[handle, attribute, value, bytes]: Argument[]) => {
        const found = this.#find("preference", handle);
        const number = numberOf(value, bytes, attribute === 1 ? 8 : 4);
        const operand = [5, 6, 7, 8].indexOf(attribute as number);
        if (found === undefined || number === undefined) return invalidValue;
        if (attribute === 1) found.workspace = number;
        else if (operand >= 0) found.alignments[operand] = number;
        else return invalidValue;
        return 0;
      },
      cublasLtMatmulAlgoGetHeuristic: (...args: Argument[]) => this.#heuristic(args),
      cublasLtMatmul: (...args: Argument[]) => this.#multiply(args),
    };
  }

  #heuristic(args: readonly Argument[]): number {
    const [handle, description, left, right, c, d, preferred, most, results, count] = args;
    const product = this.#product(description, [left, right, c, d]);
    const preference = this.#find("preference", preferred);
    if (preference === undefined || !this.#isOpen(handle) || !((most as number) > 0)) {
      return invalidValue;
    }
    this.state.answer32(count, 0);
    if (product === undefined) return notSupported;
    this.asked.push(product);
    const result = results as Uint8Array;
    if (result.length < 96 * (most as number)) return invalidValue;
    const { workspace, alignments } = preference;
    this.#algorithms.push(JSON.stringify({ product, workspace, alignments }));
    result.fill(0xa5, 0, algorithmBytes);
    new DataView(result.buffer, result.byteOffset).setInt32(0, this.#algorithms.length - 1, true);
    return this.state.answer32(count, 1);
  }

  /** A bias as a matrix of one column, as long as those of the result. */
  #bias(address: number, type: number, layout: Argument | undefined): LtMatrix {
    const { type: own, rows } = this.#find("layout", layout)!;
    const bytes = (type === -1 ? own : type) === bf16 ? 2 : 4;
    return { address, bytes, rows, columns: 1, pitch: rows };
  }

  #isOpen(handle: Argument | undefined): boolean {
    return this.state.open.has(`cuBLASLt handle ${handle}`);
  }

  /** What the descriptions say; nothing where they do not fit each other. */
  #product(description: Argument | undefined, operands: readonly (Argument | undefined)[]) {
    const described = this.#find("description", description);
    const transposed = described?.transposed;
    const layouts = operands.map((operand) => this.#find("layout", operand));
    const [left, right, c, d] = layouts;
    if (!transposed || !left || !right || !c || !d) return undefined;
    if (layouts.some((each) => !(each!.pitch >= each!.rows && each!.rows > 0))) return undefined;
    const isKnown = left.type === bf16 && right.type === bf16 && c.type === d.type &&
      [float, bf16].includes(d.type);
    const { epilogue, biasType } = described!;
    const isTyped = epilogue === 1 || biasType === -1 || biasType === d.type || this.mixesBias;
    if (!isKnown || !isTyped) return undefined;
    const [m, inner] = sides(left, transposed[0]);
    const [k, n] = sides(right, transposed[1]);
    if (inner !== k || [c, d].some(({ rows, columns }) => rows !== m || columns !== n)) {
      return undefined;
    }
    const pitches = [left, right, c, d].map(({ pitch }) => pitch);
    const names = transposed.map((each) => each ? "T" : "N").join("");
    const rounded = d.type === bf16 ? ", rounded" : "";
    const bias = epilogue === 4 ? ", biased" : "";
    return `${names} ${m} x ${n} x ${k} in rows of ${pitches.join(", ")}${rounded}${bias}`;
  }

  #multiply(args: readonly Argument[]): number {
    const [handle, description, alpha, a, left, b, right, beta, c, cLayout, d, dLayout] = args;
    const [algorithm, workspace, workspaceBytes, stream] = args.slice(12);
    const { state } = this;
    const product = this.#product(description, [left, right, cLayout, dLayout]);
    if (product === undefined || !this.#isOpen(handle) || stream !== state.stream) {
      return invalidValue;
    }
    const bytes = algorithm as Uint8Array;
    const whole = bytes.length === algorithmBytes && bytes.subarray(4).every((x) => x === 0xa5);
    const number = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0, true);
    const chosen = JSON.parse((whole ? this.#algorithms[number] : undefined) ?? "{}");
    if (chosen.product !== product || chosen.workspace > (workspaceBytes as number)) {
      return invalidValue;
    }
    const addresses = [a, b, c, d] as number[];
    const isAligned = addresses.every((address, i) => address % chosen.alignments[i] === 0);
    if (!isAligned || (workspace as number) % 256 !== 0) return notSupported;
    const { transposed, epilogue, bias, biasType } = this.#find("description", description)!;
    if (epilogue === 4 && (bias === 0 || bias % 16 !== 0)) return notSupported;
    const matrix = (i: number, layout: Argument | undefined): LtMatrix => {
      const { type, rows, columns, pitch } = this.#find("layout", layout)!;
      const bytes = type === bf16 ? 2 : 4;
      return { address: addresses[i]!, bytes, rows, columns, pitch };
    };
    const work: LtWork = {
      transposed: [...transposed],
      factors: [matrix(0, left), matrix(1, right)],
      before: matrix(2, cLayout),
      result: matrix(3, dLayout),
      scales: [floatAt(alpha), floatAt(beta)],
      ...(epilogue === 4 && { bias: this.#bias(bias, biasType, dLayout) }),
      workspace: { address: workspace as number, bytes: chosen.workspace },
    };
    return state.submit({ kind: product, run: () => multiply(state, work) });
  }
}

/** Sets an attribute of a description; gives a status. */
function describe(found: Description, attribute: number, number: number): number {
  const side = [3, 4].indexOf(attribute) as -1 | 0 | 1;
  if (side >= 0) {
    if (number !== 0 && number !== 1) return invalidValue;
    found.transposed[side as 0 | 1] = number === 1;
  } else if (attribute === 7 && (number === 1 || number === 4)) found.epilogue = number;
  else if (attribute === 8) found.bias = number;
  else if (attribute === 26 && [-1, float, bf16].includes(number)) found.biasType = number;
  else return invalidValue;
  return 0;
}

function sides({ rows, columns }: Layout, transposed: boolean): readonly [number, number] {
  return transposed ? [columns, rows] : [rows, columns];
}

/** A number of as many bytes as it must have. */
function numberOf(
  value: Argument | undefined,
  given: Argument | undefined,
  bytes: 4 | 8,
): number | undefined {
  const own = value as Uint8Array;
  if (given !== bytes || own.length !== bytes) return undefined;
  const view = new DataView(own.buffer, own.byteOffset);
  return bytes === 4 ? view.getInt32(0, true) : Number(view.getBigUint64(0, true));
}

function floatAt(value: Argument | undefined): number {
  const own = value as Uint8Array;
  return new DataView(own.buffer, own.byteOffset).getFloat32(0, true);
}
