import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { mpiAbis } from "../../../train/distributed/mpi_abis.ts";
import {
  abiOf,
  type MpiCalls,
  openMpi,
  triedAbis,
} from "../../../train/distributed/mpi_library.ts";
import { MpiMessages } from "../../../train/distributed/mpi_messages.ts";

const titles = mpiAbis.map(({ title }) => title);
const nothing = () => undefined;

Deno.test("libraries are tried in order: MPI 5's interface, that of the launcher, the others", () => {
  const tried = (...names: string[]) =>
    triedAbis((name) => names.includes(name) ? "2" : undefined).map(({ title }) => title);
  assertEquals(tried(), titles);
  assertEquals(tried("OMPI_COMM_WORLD_SIZE"), titles);
  assertEquals(tried("PMI_SIZE"), [titles[0], titles[2], titles[1]]);
});

Deno.test("a library is known by its file's name, or by what it says", () => {
  const known = (path: string, said: string) => abiOf(path, said)?.title;
  assertEquals(known("/opt/lib/libmpi_abi.so.0", "MPICH 5.0.0"), titles[0]);
  assertEquals(known("libmpi.so.40", "Open MPI v4.1.4"), titles[1]);
  for (const said of ["MPICH 4.0.2", "Intel(R) MPI Library 2021.9", "MVAPICH2 2.3"]) {
    assertEquals(known("libmpi.so.12", said), titles[2]);
  }
  assertEquals(known("libmpi.so", "Another MPI 1.0"), undefined);
});

Deno.test("handles of MPI 5 are those of mpi_abi.h, and its library has the name of MPICH 5's", () => {
  const { world, byte, errorsReturn, libraries } = mpiAbis[0]!;
  // 0x141 and 0x142 end the processes: MPI_ERRORS_ARE_FATAL and MPI_ERRORS_ABORT.
  assertEquals([world, byte, errorsReturn], [0x101, 0x247, 0x143]);
  assertEquals(libraries[0], "libmpi_abi.so.1");
});

Deno.test("openMpi() says what is missing", () => {
  const { state } = Deno.permissions.querySync({ name: "ffi" });
  const says = state === "granted" ? "/nowhere/libmpi.so" : "found no --allow-ffi";
  assertThrows(() => openMpi("/nowhere/libmpi.so", nothing), OptionError, says);
});

/** A library that says what it is told. */
function libraryOf(changes: Partial<MpiCalls>) {
  const filled = (value: number) => (out: Int32Array) => {
    out[0] = value;
    return 0;
  };
  const usual: MpiCalls = {
    init: () => 0,
    rank: filled(1),
    size: filled(3),
    host(name, length) {
      new TextEncoder().encodeInto("node7", name as Uint8Array);
      length[0] = 5;
      return 0;
    },
    send: () => 0,
    receive: () => 0,
    test: (_, flag) => filled(1)(flag),
    abort: () => 0,
    finalize: () => 0,
  };
  return { name: "MPI X", calls: { ...usual, ...changes } };
}

Deno.test("MpiMessages ask the library who they are, and whether messages are done", () => {
  const tests: number[] = [];
  const messages = new MpiMessages(
    libraryOf({
      test(_, flag) {
        tests.push(flag[0]!);
        flag[0] = tests.length > 1 ? 1 : 0;
        return 0;
      },
    }),
    nothing,
  );
  const { rank, size, name, host } = messages;
  assertEquals([rank, size, name, host], [1, 3, "MPI X", "node7"]);
  const message = messages.send(new Uint8Array(4), 0, 7);
  assertEquals([message.isDone(), message.isDone()], [false, true]);
});

Deno.test("MpiMessages refuse a library that is not the launcher's, or that fails", () => {
  for (const name of ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"]) {
    const started = (count: string) => (asked: string) => asked === name ? count : undefined;
    assertThrows(
      () => new MpiMessages(libraryOf({}), started("4")),
      OptionError,
      "Cannot join the 4 processes that were started as the library of their launcher is required " +
        "in --mpi: found MPI X, which knows 3",
    );
    new MpiMessages(libraryOf({}), started("3"));
  }
  assertThrows(
    () => new MpiMessages(libraryOf({ init: () => 5 }), nothing),
    OptionError,
    "as MPI X is required to give a start: found error 5",
  );
  const failing = new MpiMessages(libraryOf({ test: () => 16 }), nothing);
  assertThrows(() => failing.receive(new Uint8Array(1), 0, 1).isDone(), Error, "error 16 of MPI");
});
