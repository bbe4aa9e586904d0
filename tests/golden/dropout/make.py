"""Writes cells.jsonl: losses, gradients of LoRA and masks of every method, computed independently.

No code of the implementation under test is used: draws.py, plan.py, dropping.py and models.py follow
the equations of "LoRA Meets Dropout under a Unified Framework" and the written rules of README and
docstrings, those of keys and coordinates included. A step's key is fold(fold(seed, "dropout"), step),
as in training. The first line of the file describes the models, each other line is a cell.

    python tests/golden/dropout/make.py      # needs torch
"""

import json
from pathlib import Path

import torch

from cells import CELLS, MODELS
from draws import fold, seed_key
from dropping import Dropping
from models import ARCHITECTURES
from plan import plan_of

FILE = Path(__file__).parent / "cells.jsonl"
DIGITS = 11


def cross_entropy(logits, label, smoothing):
    """Label smoothing spreads its share over all classes, the label included."""
    log = torch.log_softmax(logits, 0)
    return -(1 - smoothing) * log[label] - smoothing * log.mean()


def kl(a, b):
    p, q = torch.log_softmax(a, -1), torch.log_softmax(b, -1)
    return (p.exp() * (p - q)).sum()


class Pass:
    """All examples of the batch once: per label the loss, what KL compares, and the masks."""

    def __init__(self, model, spec, cell, plan, which):
        key = fold(fold(seed_key(cell["seed"]), "dropout"), cell["step"])
        smoothing = cell.get("smoothing", 0)
        self.losses, self.compared, self.masks = [], [], []
        for example in spec["examples"]:
            run = Dropping(plan, key, example["number"], which, model)
            logits, representation = model.rows(example["ids"], run)
            self.masks.append(run.masks)
            if model.regression:
                self.losses.append((logits[0, 0] - example["label"]) ** 2)
                self.compared.append(representation)
                continue
            rows, labels = [0], [example.get("label")]
            if model.language:
                rows = range(example["predictFrom"] - 1, len(example["ids"]) - 1)
                labels = example["ids"][example["predictFrom"] :]
            for row, label in zip(rows, labels):
                self.losses.append(cross_entropy(logits[row], label, smoothing))
                self.compared.append(logits[row])
        self.task = sum(self.losses) / len(self.losses)


def mean_kl(a, b):
    return sum(kl(p, q) for p, q in zip(a.compared, b.compared)) / len(a.compared)


def detached(run):
    run.compared = [x.detach() for x in run.compared]
    return run


def objective(model, spec, cell, plan):
    """Eq. 11 between two passes, or Eq. 12 with a pass of inference; gives the passes too."""
    first = Pass(model, spec, cell, plan, 0)
    if plan["kind"] == "none":
        return first.task, first.task, None, [first]
    if plan["kind"] == "js":
        gap = mean_kl(first, detached(Pass(model, spec, cell, None, 0)))
        return first.task + plan["weight"] * gap, first.task, gap, [first]
    second = Pass(model, spec, cell, plan, 1)
    task = (first.task + second.task) / 2 if plan["branches"] == 2 else first.task
    if plan["branches"] == 1:
        detached(second)
    gap = (mean_kl(first, second) + mean_kl(second, first)) / 2
    return task + plan["weight"] * gap, task, gap, [first, second]


def short(x):
    return float(f"{x:.{DIGITS}g}")


def hexadecimal(bits):
    """Four bits a digit, the first one highest; zeros fill the last."""
    bits = bits + [False] * (-len(bits) % 4)
    fours = (bits[i : i + 4] for i in range(0, len(bits), 4))
    return "".join(f"{8 * a + 4 * b + 2 * c + d:x}" for a, b, c, d in fours)


def masks_of(passes):
    """What is kept at the last place of each position: of all real tokens, example by example.

    Without spans that begin where attention points, which loss and gradients tell."""
    out = []
    for which, run in enumerate(passes):
        for position, (path, layer, width, _) in run.masks[0].items():
            bits = sum((masks[position][3] for masks in run.masks), [])
            out.append([which, position, path, layer, width, hexadecimal(bits)])
    return out


def figures(cell):
    spec = MODELS[cell["model"]]
    model = ARCHITECTURES[spec["config"]["model_type"]](spec)
    decoder = isinstance(model, (ARCHITECTURES["gpt2"], ARCHITECTURES["llama"]))
    plan = plan_of(cell["method"], decoder, cell.get("options", {}))
    loss, task, gap, passes = objective(model, spec, cell, plan)
    loss.backward()
    if any(p.grad is None or not p.grad.isfinite().all() for p in model.trained.values()):
        raise ValueError(f"a gradient is missing or not finite: {cell}")
    return {
        **cell,
        "loss": short(loss.item()),
        "task": short(task.item()),
        **({} if gap is None else {"compensation": short(gap.item())}),
        "masks": masks_of(passes),
        "gradients": {
            path: [short(x) for x in p.grad.flatten().tolist()] for path, p in model.trained.items()
        },
    }


def compact(value):
    return json.dumps(value, separators=(",", ":"))


def main():
    torch.set_num_threads(1)
    lines, paths = [], {}
    for cell in CELLS:
        whole = figures(cell)
        paths[cell["model"]] = list(whole["gradients"])
        lines.append(compact({**whole, "gradients": list(whole["gradients"].values())}))
        print(len(lines), cell["model"], cell["method"], whole["loss"], len(lines[-1]))
    models = {name: {**spec, "trained": paths[name]} for name, spec in MODELS.items()}
    FILE.write_text("\n".join([compact(models), *lines]) + "\n")
    print(len(lines), "cells,", FILE.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
