/** Mutations of sums on cards, and of processes that meet without MPI. */

import type { Mutation } from "../mutation.ts";

const sums = ["tests/train/distributed/nccl_sums_test.ts"];
const libraries = ["tests/train/distributed/nccl_library_test.ts"];
const steps = ["tests/train/distributed/shared_step_test.ts"];
const meetings = ["tests/train/distributed/rendezvous_test.ts"];
const connected = ["tests/train/distributed/socket_messages_test.ts"];
const notices = ["tests/train/files/notice_test.ts"];
const work = ["tests/train/distributed/shared_work_test.ts"];
const places = ["tests/train/distributed/launched_test.ts"];

/** Mutations of sums on cards, and of processes that meet without MPI. */
export const cardSumsMutations: readonly Mutation[] = [
  {
    name: "the gradient is not summed on the cards",
    file: "train/distributed/card_step.ts",
    find: "await sums.queue([trainable.gradients, numbers]);",
    replace: "await sums.queue([numbers]);",
    why: "each process would train on its own examples",
    tests: steps,
  },
  {
    name: "the norm is that of a process's own gradient",
    file: "train/distributed/card_step.ts",
    find: `  await sums.queue([trainable.gradients, numbers]);
  const squaredNorm = trainable.squaredNorm();
`,
    replace: `  const squaredNorm = trainable.squaredNorm();
  await sums.queue([trainable.gradients, numbers]);
`,
    why: "clipping is by the norm of the sum",
    tests: steps,
  },
  {
    name: "numbers of a step are not cleared",
    file: "train/distributed/card_step.ts",
    find: "  update(clear, [numbers], []);\n",
    replace: "",
    why: "a process without examples adds no loss",
    tests: steps,
  },
  {
    name: "sums go out before what was queued",
    file: "kernels/cuda/backend.ts",
    find: `    this.#queue.flush();
    this.driver.checkContext();
`,
    replace: "    this.driver.checkContext();\n",
    why: "the gradient is computed before it is summed",
    tests: steps,
  },
  {
    name: "a sum is of the beginning of memory",
    file: "train/distributed/nccl_sums.ts",
    find: "const address = addresses[i]! + 4 * offset;",
    replace: "const address = addresses[i]! + 0 * offset;",
    why: "tensors may be views of others",
    tests: sums,
  },
  {
    name: "what is queued next may come before a sum",
    file: "train/distributed/nccl_sums.ts",
    find:
      `    // A thread of NCCL's puts them on the stream; what is queued next must come behind them.
    await this.#ready();
`,
    replace: "",
    why: "NCCL's own thread puts sums on the stream",
    tests: steps,
  },
  {
    name: "a first sum is not looked at",
    file: "train/distributed/nccl_sums.ts",
    find: "if (found === required) return;",
    replace: "if (found > 0 && required > 0) return;",
    why: "a library that sums wrongly trains wrongly",
    tests: libraries,
  },
  {
    name: "a lost process is not looked for while a sum is awaited",
    file: "train/distributed/nccl_sums.ts",
    find: "    this.group.requireAll?.();\n",
    replace: "",
    why: "its sum never ends",
    tests: sums,
  },
  {
    name: "a sum is awaited without end",
    file: "train/distributed/nccl_sums.ts",
    find: "if (waited <= limit) return;",
    replace: "if (waited <= 30 * limit) return;",
    why: "the run ends in time",
    tests: sums,
  },
  {
    name: "what failed is not broken off",
    file: "train/distributed/nccl_sums.ts",
    find: "    this.library.calls.abort(this.communicator);\n",
    replace: "",
    why: "the card would sum for ever, and closing it wait for that",
    tests: sums,
  },
  {
    name: "two processes may have one card",
    file: "train/distributed/open_sums.ts",
    find: "if (first < rank) {",
    replace: "if (first > rank) {",
    why: "NCCL would fail or hang",
    tests: sums,
  },
  {
    name: "versions of NCCL may differ",
    file: "train/distributed/open_sums.ts",
    find: "if (found === all[0]![1]) continue;",
    replace: 'if (found !== "") continue;',
    why: "NCCL would hang",
    tests: sums,
  },
  {
    name: "a part of NCCL's id is passed",
    file: "train/distributed/nccl_library.ts",
    find: 'Array<"u8">(ncclIdBytes)',
    replace: 'Array<"u8">(ncclIdBytes / 2)',
    why: "it has 128 bytes, by value",
    tests: libraries,
  },
  {
    name: "communicators hold up the host",
    file: "train/distributed/nccl_library.ts",
    find: "view.setInt32(16, 0, true);",
    replace: "view.setInt32(16, 1, true);",
    why: "a process that is lost meanwhile would hang all",
    tests: libraries,
  },
  {
    name: "who does not know the secret is let in",
    file: "train/distributed/greeting.ts",
    find: "hello.secret !== door.secret || await",
    replace: "hello.secret === undefined || await",
    why: "processes of an earlier run, and strangers, are none of this run",
    tests: meetings,
  },
  {
    name: "the file of a meeting is read once",
    file: "train/distributed/meeting_place.ts",
    find: "while (this.#left > 0) {",
    replace: "for (let once = this.#left > 0; once; once = false) {",
    why: "what an earlier run left is there before process 0 writes its own",
    tests: meetings,
  },
  {
    name: "calls are heard one after the other",
    file: "train/distributed/meeting_place.ts",
    find: "this.#calls.set(connection, this.#hear(connection, secret));",
    replace: "await this.#hear(connection, secret);",
    why: "whoever connects and says nothing would hold up all others",
    tests: meetings,
  },
  {
    name: "a caller does not have the last word",
    file: "train/distributed/greeting.ts",
    find: "if ((await readFrame(connection, most))?.tag !== tags.thanks) return false;",
    replace: "",
    why: "the connection of one that gave up waiting would stand for it",
    tests: meetings,
  },
  {
    name: "a stranger is not told from a process by its number",
    file: "train/distributed/meeting_place.ts",
    find: "Number.isInteger(rank) && rank > meeting.rank && rank < size;",
    replace: "rank < size;",
    why: "a process without a number would count as one",
    tests: meetings,
  },
  {
    name: "whatever is in the place of the file is replaced",
    file: "train/files/notice.ts",
    find: "    await requireNothingElse(file);\n",
    replace: "",
    why: "a model that was named by mistake would be gone",
    tests: notices,
  },
  {
    name: "ports that are none are called",
    file: "train/files/notice.ts",
    find: "Number.isInteger(one.port) && one.port > 0 && one.port < 1 << 16",
    replace: "one.port !== undefined",
    why: "such a call is an error that no sentence tells",
    tests: notices,
  },
  {
    name: "a connection that closed is waited for",
    file: "train/distributed/socket_messages.ts",
    find: "if (this.end !== undefined) throw new Error(this.end);",
    replace: 'if (this.end === "") throw new Error(this.end);',
    why: "a process that was killed is named at once",
    tests: connected,
  },
  {
    name: "the end of a run is told to nobody",
    file: "train/distributed/socket_messages.ts",
    find: "if (tag === ending) return this.exit(bytes[0]!);",
    replace: "if (tag === ending) continue;",
    why: "the others would wait",
    tests: connected,
  },
  {
    name: "a rank may be that of nobody",
    file: "train/distributed/launched.ts",
    find: "[0, size - 1]",
    replace: "[0, size]",
    why: "ranks count from 0",
    tests: places,
  },
  {
    name: "every process prints an evaluation",
    file: "train/commands/eval.ts",
    find: "if (group.rank > 0) return 0;",
    replace: "if (group.rank > 1e6) return 0;",
    why: "process 0 speaks for all",
    tests: work,
  },
  {
    name: "processes may predict other texts",
    file: "train/commands/predict.ts",
    find: "      ...await inputFacts(given),\n",
    replace: "",
    why: "each batch is one process's",
    tests: work,
  },
  {
    name: "processes of torchrun make a run each",
    file: "train/distributed/open_group.ts",
    find: 'if (size === undefined || size === "1") return;',
    replace: 'if (size === undefined || size !== "1") return;',
    why: "a library of MPI knows one process there",
    tests: places,
  },
  {
    name: "libraries do their work at the end of a process whose sums were broken off",
    file: "train/distributed/nccl_sums.ts",
    find: "    this.library.leave(Deno.exitCode);\n",
    replace: "",
    why: "it would crash, or wait for the card",
    tests: libraries,
  },
  {
    name: "a card that does not end what was broken off is waited for",
    file: "train/distributed/nccl_sums.ts",
    find: "if (!await inTime(endingTime, ended)) backend.abandon();",
    replace: "await inTime(endingTime, ended);",
    why: "the run ends in time",
    tests: sums,
  },
  {
    name: "a card is given back while it is read",
    file: "kernels/cuda/backend.ts",
    find: "    await this.#staging.idle();\n",
    replace: "",
    why: "what was read is copied from memory that is gone",
    tests: ["tests/kernels/cuda/faults_test.ts"],
  },
  {
    name: "how texts are drawn may differ between processes",
    file: "train/commands/predict.ts",
    find: '      "--sample": drawing === undefined ? "none" : JSON.stringify(drawing),\n',
    replace: "",
    why: "a text would depend on the process that wrote it",
    tests: work,
  },
  {
    name: "processes of other commands go on",
    file: "train/commands/joined.ts",
    find: "    await requireAgreement(group, facts, { verb });\n",
    replace: "",
    why: "their messages are not for each other",
    tests: work,
  },
  {
    name: "who was refused at last does not call again",
    file: "train/distributed/meeting_place.ts",
    find: "if (refusal !== undefined) return refusal;",
    replace: "if (refusal !== undefined) throw this.#missing([0], refusal.why);",
    why: "the file may have been another run's",
    tests: meetings,
  },
];
