"""Reads the event files of a folder with TensorBoard.

    event_files.py          whether tensorboard is there
    event_files.py FOLDER   steps and values of each scalar, and the texts

Prints JSON.
"""

import importlib.util
import json
import sys

if len(sys.argv) == 1:
    print(json.dumps(importlib.util.find_spec("tensorboard") is not None))
    sys.exit()

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

everything = {"scalars": 0, "tensors": 0}
events = EventAccumulator(sys.argv[1], size_guidance=everything)
events.Reload()
tags = events.Tags()
scalars = {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]}
texts = {
    tag: [value.decode() for e in events.Tensors(tag) for value in e.tensor_proto.string_val]
    for tag in tags["tensors"]
}
print(json.dumps({"scalars": scalars, "texts": texts}))
