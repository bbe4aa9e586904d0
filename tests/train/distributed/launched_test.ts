import { assertEquals, assertThrows } from "@std/assert";
import { OptionError } from "../../../core/errors.ts";
import { requireLauncher } from "../../../train/distributed/open_group.ts";
import { launchedProcess } from "../../../train/distributed/launched.ts";

const place = (variables: Record<string, string>) => launchedProcess((name) => variables[name]);

Deno.test("a process knows its place by torchrun, Open MPI, MPICH, Slurm or a loop of a shell", () => {
  const torchrun = { RANK: "3", WORLD_SIZE: "4", LOCAL_WORLD_SIZE: "4", TORCHELASTIC_RUN_ID: "a" };
  assertEquals(place(torchrun), { rank: 3, size: 4, isLocal: true, run: "a" });
  assertEquals(place({ ...torchrun, LOCAL_WORLD_SIZE: "2" }).isLocal, false);
  assertEquals(place({ RANK: "0", WORLD_SIZE: "2" }), {
    ...{ rank: 0, size: 2, isLocal: false, run: "" },
  });
  const openMpi = { OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "2" };
  assertEquals(place({ ...openMpi, OMPI_COMM_WORLD_LOCAL_SIZE: "2" }).isLocal, true);
  assertEquals(place({ PMI_RANK: "1", PMI_SIZE: "8" }).size, 8);
  const slurm = {
    SLURM_PROCID: "5",
    SLURM_STEP_NUM_TASKS: "8",
    SLURM_JOB_ID: "77",
    SLURM_STEP_ID: "2",
  };
  assertEquals(place({ ...slurm, SLURM_STEP_TASKS_PER_NODE: "4(x2)" }), {
    ...{ rank: 5, size: 8, isLocal: false, run: "77.2" },
  });
  // torchrun may itself be started by Slurm.
  assertEquals(place({ ...slurm, ...torchrun }).rank, 3);
  // A container may have these from its image.
  assertEquals(place({ ...slurm, RANK: "0", WORLD_SIZE: "1" }).rank, 5);
});

Deno.test("a place that is none is refused by the name of its variable", () => {
  const says = (variables: Record<string, string>, text: string) =>
    assertThrows(() => place(variables), OptionError, text);
  says({}, "as RANK and WORLD_SIZE are required of the environment, or what mpirun or srun sets");
  says({ RANK: "0" }, "as RANK and WORLD_SIZE are required");
  says(
    { RANK: "2", WORLD_SIZE: "2" },
    "as an integer from 0 to 1 is required in RANK of the environment: found 2",
  );
  says(
    { RANK: "0", WORLD_SIZE: "0" },
    "as an integer of at least 1 is required in WORLD_SIZE of the environment: found 0",
  );
  says({ RANK: "-1", WORLD_SIZE: "2" }, "is required in RANK of the environment: found -1");
  says({ RANK: "1e0", WORLD_SIZE: "2" }, "is required in RANK of the environment: found 1e0");
});

Deno.test("processes of a launcher that is not MPI's are not left to make a run each", () => {
  const asked = (variables: Record<string, string>) => () =>
    requireLauncher("nccl", (name) => variables[name]);
  assertThrows(
    asked({ RANK: "0", WORLD_SIZE: "2" }),
    OptionError,
    "Cannot use --distributed nccl as mpirun or srun is required to start the processes, or " +
      "--rendezvous with --distributed tcp or nccl: found WORLD_SIZE=2 of another launcher",
  );
  asked({ WORLD_SIZE: "1" })();
  asked({})();
  for (const name of ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"]) {
    asked({ WORLD_SIZE: "2", [name]: "2" })();
  }
});
