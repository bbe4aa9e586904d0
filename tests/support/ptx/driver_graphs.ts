// The driver's functions on graphs, and on streams whose work is captured as one.
import type {
  DriverFunction,
  NativeArgument,
  NativeCall,
} from "../../../kernels/cuda/driver/ffi.ts";
import type { CardWork, DriverState } from "./driver_state.ts";

interface Node {
  readonly handle: number;
  readonly before: readonly number[];
  work: CardWork;
}

const [invalid, unknownHandle, wrongState, cannotUpdate, broken] = [1, 400, 401, 910, 901];

/** Nodes of graphs and of executables. */
interface Graphs {
  readonly graphs: Map<number, Node[]>;
  readonly executables: Map<number, Node[]>;
}

/** The functions; `described` gives the launch that a kernel node's parameters describe. */
export function graphCalls(
  state: DriverState,
  described: (node: NativeArgument | undefined) => CardWork,
): Partial<Record<DriverFunction, NativeCall>> {
  const both: Graphs = { graphs: new Map(), executables: new Map() };
  return {
    ...sourceCalls(state, both, described),
    ...executableCalls(state, both, described),
    ...captureCalls(state, both),
  };
}

function sourceCalls(
  state: DriverState,
  { graphs, executables }: Graphs,
  described: (node: NativeArgument | undefined) => CardWork,
): Partial<Record<DriverFunction, NativeCall>> {
  /** Adds a node behind those named, each in 64 bits. */
  const add = (
    out: NativeArgument | undefined,
    graph: NativeArgument | undefined,
    [before, count]: readonly (NativeArgument | undefined)[],
    work: CardWork,
  ): number => {
    const nodes = graphs.get(graph as number);
    if (nodes === undefined) return unknownHandle;
    const view = before === null ? undefined : new DataView((before as Uint8Array).buffer);
    const earlier = Array.from(
      { length: count as number },
      (_, i) => Number(view!.getBigUint64(8 * i, true)),
    );
    if (!earlier.every((each) => nodes.some(({ handle }) => handle === each))) return invalid;
    const handle = (graph as number) * 1024 + nodes.length;
    nodes.push({ handle, before: earlier, work });
    return state.answer(out, handle);
  };
  return {
    cuGraphCreate: (out) => {
      const handle = state.handle("graph");
      graphs.set(handle, []);
      return state.answer(out, handle);
    },
    cuGraphDestroy: (graph) => {
      graphs.delete(graph as number);
      return state.end("graph", graph);
    },
    cuGraphAddKernelNode_v2: (out, graph, before, count, node) =>
      add(out, graph, [before, count], described(node)),
    cuGraphAddChildGraphNode: (out, graph, before, count, child) => {
      const nodes = graphs.get(child as number);
      if (nodes === undefined || child === graph) return unknownHandle;
      return add(out, graph, [before, count], asOne(nodes));
    },
    cuGraphInstantiateWithFlags: (out, graph) => {
      const nodes = graphs.get(graph as number);
      if (nodes === undefined) return unknownHandle;
      const handle = state.handle("executable");
      executables.set(handle, nodes.map((node) => ({ ...node })));
      return state.answer(out, handle);
    },
  };
}

function executableCalls(
  state: DriverState,
  { graphs, executables }: Graphs,
  described: (node: NativeArgument | undefined) => CardWork,
): Partial<Record<DriverFunction, NativeCall>> {
  /** Puts other work of the same kind into a node. */
  const set = (
    executable: NativeArgument | undefined,
    node: NativeArgument | undefined,
    work: CardWork,
  ): number => {
    const found = executables.get(executable as number)?.find(({ handle }) => handle === node);
    if (found === undefined) return unknownHandle;
    if (found.work.kind !== work.kind) return cannotUpdate;
    found.work = work;
    return 0;
  };
  return {
    cuGraphExecKernelNodeSetParams_v2: (executable, node, parameters) =>
      set(executable, node, described(parameters)),
    cuGraphExecChildGraphNodeSetParams: (executable, node, child) => {
      const nodes = graphs.get(child as number);
      return nodes === undefined ? unknownHandle : set(executable, node, asOne(nodes));
    },
    cuGraphExecDestroy: (executable) => {
      executables.delete(executable as number);
      return state.end("executable", executable);
    },
    cuGraphLaunch: (executable, stream) => {
      const nodes = executables.get(executable as number);
      if (nodes === undefined || stream !== state.stream) return unknownHandle;
      return state.submit(asOne(nodes));
    },
  };
}

function captureCalls(
  state: DriverState,
  { graphs }: Graphs,
): Partial<Record<DriverFunction, NativeCall>> {
  return {
    cuStreamBeginCapture_v2: (stream, mode) => {
      if (stream !== state.stream || mode !== 2) return invalid;
      return state.beginCapture() ? 0 : wrongState;
    },
    cuStreamEndCapture: (stream, out) => {
      if (stream !== state.stream) return invalid;
      state.answer(out, 0);
      const captured = state.endCapture();
      if (captured === undefined) return wrongState;
      if (captured === "broken") return broken;
      const graph = state.handle("graph");
      const handleOf = (i: number) => graph * 1024 + i;
      graphs.set(
        graph,
        captured.map((work, i) => (
          { handle: handleOf(i), before: i === 0 ? [] : [handleOf(i - 1)], work }
        )),
      );
      return state.answer(out, graph);
    },
  };
}

/** A copy of nodes, as one piece of work; gives the first code that is none of success. */
function asOne(nodes: readonly Node[]): CardWork {
  const all = inOrder(nodes).map(({ work }) => work);
  return {
    kind: `[${nodes.map(({ work }) => work.kind)}]`,
    run: () => {
      for (const work of all) {
        const code = work.run();
        if (code !== 0) return code;
      }
      return 0;
    },
  };
}

/** Nodes after all that they wait for; of those that could run, the last one added goes first. */
function inOrder(nodes: readonly Node[]): Node[] {
  const done = new Set<number>();
  const order: Node[] = [];
  while (order.length < nodes.length) {
    const next = nodes.findLast(({ handle, before }) =>
      !done.has(handle) && before.every((each) => done.has(each))
    )!;
    done.add(next.handle);
    order.push(next);
  }
  return order;
}
