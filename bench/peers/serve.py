"""The contender's side of `deno task bench peers`, as serve.ts has it."""

import json
import resource
import sys
import time


def serve(make):
    """Answers questions on standard input; `make(name, sizes)` gives a function, or None."""
    made = {}
    for line in sys.stdin:
        question = json.loads(line)
        name = question["name"]
        if name not in made:
            made[name] = [make(name, question["sizes"]), 1]
        run, repeats = made[name]
        if run is None:
            print(json.dumps({"missing": "has no such case"}), flush=True)
            continue
        run()
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        ms = (time.perf_counter() - start) * 1000 / repeats
        made[name][1] = max(1, min(20000, round(question["budget"] / ms)))
        resident = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(json.dumps({"ms": ms, "residentMebibytes": resident}), flush=True)
