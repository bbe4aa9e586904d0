/**
 * How libraries of MPI differ for those who call them: what their handles are, and which the three are
 * that are used here. Messages are bytes, so that no type and no operation of MPI is needed.
 *
 * **Source**: section 20 of MPI 5.0 and mpi_abi.h of MPICH 5 for the standard interface; mpi.h of MPICH 4 and
 * mpif.h of Open MPI 4.
 *
 * @module
 */

/** Handles of a library. */
export interface MpiAbi {
  /** What a library of this kind is called in messages. */
  readonly title: string;
  /** Names of its library, the first that is found is taken. */
  readonly libraries: readonly string[];
  /** Variables of the environment that its own launcher sets. */
  readonly launched: readonly string[];
  /** What the library says it is, where it says so; the standard interface is known by the file's name. */
  readonly says: RegExp;
  /** Whether handles are 32-bit integers, else pointers. */
  readonly handles: "integers" | "pointers" | "converted";
  /**
   * Handle of all processes. Open MPI's are addresses, which its library gives for the numbers of
   * Fortran: these are the numbers.
   */
  readonly world: number;
  /** Handle of the type of bytes. */
  readonly byte: number;
  /** Handle of what makes functions return errors. */
  readonly errorsReturn: number;
}

/** The kinds of libraries, in the order in which they are looked for. */
export const mpiAbis: readonly MpiAbi[] = [
  {
    title: "the standard interface of MPI 5",
    libraries: ["libmpi_abi.so.1", "libmpi_abi.so.0", "libmpi_abi.so", "libmpi_abi.dylib"],
    launched: [],
    says: /$^/,
    handles: "pointers",
    world: 0x101,
    byte: 0x247,
    errorsReturn: 0x143,
  },
  {
    title: "Open MPI",
    libraries: ["libmpi.so.40", "libmpi.so", "libmpi.40.dylib", "libmpi.dylib"],
    launched: ["OMPI_COMM_WORLD_SIZE"],
    says: /^Open MPI\b/,
    handles: "converted",
    world: 0,
    byte: 1,
    errorsReturn: 2,
  },
  {
    title: "MPICH",
    libraries: ["libmpich.so.12", "libmpi.so.12", "libmpich.so", "libmpi.12.dylib"],
    launched: ["PMI_SIZE"],
    says: /^(?:MPICH|Intel\(R\) MPI|MVAPICH)/,
    handles: "integers",
    world: 0x44000000,
    byte: 0x4c00010d,
    errorsReturn: 0x54000001,
  },
];
