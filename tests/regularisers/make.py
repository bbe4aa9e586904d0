"""Makes expected.json: what the released code of three regularisers does, as numbers.

NEFTune's hook and label smoothing of transformers, and the optimiser that PEFT makes for LoRA+: its
groups, and two of its steps in float64. Needs torch, transformers 5.17.0, peft 0.21.0.
Run: python tests/regularisers/make.py
"""

import json
import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import transformers
from peft import LoraConfig, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from transformers.integrations.neftune import neftune_post_forward_hook
from transformers.trainer_pt_utils import LabelSmoother

RATE, RATIO, DECAY = 0.01, 16.0, 0.1


def neftune():
    """Bounds of the noise by shape and alpha, and whether padding is changed and eval is not."""
    rows = []
    for tokens, width, alpha in [(7, 12, 5.0), (128, 64, 15.0)]:
        bounds = []
        uniform = torch.Tensor.uniform_

        def watched(self, low, high):
            bounds.append([float(low), float(high)])
            return uniform(self, low, high)

        table = torch.nn.Embedding(9, width, padding_idx=0).double()
        table.neftune_noise_alpha = alpha
        table.register_forward_hook(neftune_post_forward_hook)
        ids = torch.zeros(1, tokens, dtype=torch.long)
        torch.Tensor.uniform_ = watched
        try:
            noisy = table(ids)
        finally:
            torch.Tensor.uniform_ = uniform
        clean = table.eval()(ids)
        rows.append(
            {
                "tokens": tokens,
                "width": width,
                "alpha": alpha,
                "bounds": bounds,
                "padding": bool((noisy != 0).all()),
                "inference": bool((clean != 0).any()),
            }
        )
    return rows


def values(size, seed):
    """Numbers that a test makes too."""
    return torch.sin(torch.arange(1, size + 1, dtype=torch.float64) * (seed + 1))


def loraplus():
    """Learning rate and decay of each trained parameter, and its first numbers after two steps."""
    config = transformers.BertConfig(
        vocab_size=23,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=12,
        max_position_embeddings=16,
        num_labels=3,
    )
    model = transformers.BertForSequenceClassification(config).double()
    lora = LoraConfig(
        r=2, lora_alpha=4, target_modules=["query", "value"], modules_to_save=["classifier"], bias="lora_only"
    )
    model = get_peft_model(model, lora)
    for name, parameter in model.named_parameters():
        if "output.LayerNorm" in name:
            parameter.requires_grad = True
    optimiser = create_loraplus_optimizer(
        model, torch.optim.AdamW, lr=RATE, loraplus_lr_ratio=RATIO, loraplus_weight_decay=DECAY
    )
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = {
        names[id(parameter)]: (group["lr"], group["weight_decay"])
        for group in optimiser.param_groups
        for parameter in group["params"]
    }
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    for i, (_, parameter) in enumerate(trained):
        parameter.data = values(parameter.numel(), i).view(parameter.shape)
    for step in range(2):
        for i, (_, parameter) in enumerate(trained):
            parameter.grad = values(parameter.numel(), 50 * (step + 1) + i).view(parameter.shape)
        optimiser.step()
    rows = []
    for name, parameter in trained:
        plain = name.removeprefix("base_model.model.")
        for word in (".base_layer", ".modules_to_save", ".default"):
            plain = plain.replace(word, "")
        lr, decay = groups[name]
        rows.append(
            {
                "name": plain,
                "shape": list(parameter.shape),
                "lr": lr,
                "decay": decay,
                "after": parameter.data.flatten()[:3].tolist(),
            }
        )
    return {"lr": RATE, "ratio": RATIO, "weightDecay": DECAY, "parameters": rows}


def smoothing():
    """Loss and gradient of smoothed labels of which the second does not count."""
    logits = values(20, 3).view(4, 5).requires_grad_()
    labels = torch.tensor([1, -100, 4, 0])
    loss = LabelSmoother(epsilon=0.1)({"logits": logits}, labels)
    loss.backward()
    return {
        "labels": labels.tolist(),
        "loss": loss.item(),
        "gradient": logits.grad.flatten().tolist(),
    }


if __name__ == "__main__":
    torch.manual_seed(1)
    found = {"neftune": neftune(), "loraplus": loraplus(), "smoothing": smoothing()}
    path = Path(__file__).resolve().parent / "expected.json"
    path.write_text(json.dumps(found, indent=2) + "\n")
