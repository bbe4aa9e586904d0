"""A LoRA step of PyTorch + PEFT that several cards share, on the shapes of `deno task bench shared-step`.

torchrun --standalone --nproc-per-node 2 bench/peers/ddp_step.py gpt2-medium 16 512 \\
    [bf16|bf16-weights|tf32|fp32] [eager|compiled] [cuda|cpu]

A loop of a shell with RANK, LOCAL_RANK and WORLD_SIZE does as well; MASTER_ADDR is this machine where nobody
says. The last line of JSON has milliseconds of a step of all cards, of an all-reduce of the gradient alone, and
of a step of one card that makes all of it; steps are medians of 20 after 8. Standard error says how far it is.
"""

import json
import os
import sys
import time
import warnings

# Weights are random: nothing is asked of the hub.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
import torch.distributed as dist
from peft import LoraConfig, get_peft_model
from torch.nn.parallel import DistributedDataParallel
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

warnings.filterwarnings("ignore")
name, batch, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
precision = sys.argv[4] if len(sys.argv) > 4 else "bf16"
compiled = (sys.argv[5] if len(sys.argv) > 5 else "compiled") == "compiled"
kind = sys.argv[6] if len(sys.argv) > 6 else "cuda"
on_card = kind == "cuda"
rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
local = int(os.environ.get("LOCAL_RANK", rank))
os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
os.environ.setdefault("MASTER_PORT", "29511")
started = time.perf_counter()


def say(what):
    """Tells how far this process is, on standard error."""
    print(f"{time.perf_counter() - started:6.1f} s, process {rank}: {what}", file=sys.stderr, flush=True)


device = torch.device(kind, local) if on_card else torch.device(kind)
if on_card:
    torch.cuda.set_device(device)
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
say("joins the others")
dist.init_process_group("nccl" if on_card else "gloo", **({"device_id": device} if on_card else {}))
say("has joined")

large = dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
off = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)


def base():
    """The model with random weights, and where LoRA goes."""
    if name == "gpt2-medium":
        config = GPT2Config(n_embd=1024, n_layer=24, n_head=16, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
        model = GPT2LMHeadModel(config)
        return model, LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=16, target_modules=["c_attn"], fan_in_fan_out=True)
    if name == "roberta-large":
        config = RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, **large, **off)
        model = RobertaForSequenceClassification(config)
    else:
        config = BertConfig(
            hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, **off
        )
        model = BertForSequenceClassification(config)
    return model, LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=["query", "value"])


def settled():
    """Waits for the card."""
    if on_card:
        torch.cuda.synchronize()


def median_of(rows, shared):
    """Milliseconds of a step over so many rows of this card, and the numbers that are trained."""
    torch.manual_seed(0)
    with device:
        model, lora = base()
    if precision == "bf16-weights":
        model = model.to(torch.bfloat16)
    model = get_peft_model(model, lora).to(device).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    count = sum(p.numel() for p in trained)
    optimizer = torch.optim.AdamW(trained, lr=1e-4, fused=on_card)
    say(f"has a model, trains {count} numbers, {rows} rows")
    if shared:
        ids_of_device = [local] if on_card else None
        model = DistributedDataParallel(model, device_ids=ids_of_device, gradient_as_bucket_view=True)
    forward = torch.compile(model) if compiled else model
    ids = torch.randint(5, 30000, (rows, length), device=device)
    labels = ids if name == "gpt2-medium" else torch.randint(0, 2, (rows,), device=device)
    mask = torch.ones_like(ids)
    times = []
    for step in range(28):
        dist.barrier()
        settled()
        start = time.perf_counter()
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=precision == "bf16"):
            loss = forward(input_ids=ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        loss.item()
        times.append((time.perf_counter() - start) * 1000)
        if step in (0, 8, 27):
            say(f"step {step}: {times[-1]:.2f} ms")
    torch._dynamo.reset()
    return sorted(times[8:])[10], count


def sum_of(count):
    """Milliseconds of an all-reduce of so many floats, of 50 in a row."""
    numbers = torch.zeros(count, device=device)
    times = []
    for _ in range(5):
        dist.barrier()
        settled()
        start = time.perf_counter()
        for _ in range(50):
            dist.all_reduce(numbers)
        settled()
        times.append((time.perf_counter() - start) * 1000 / 50)
    return min(times)


found = dict(model=name, batch=batch, length=length, precision=precision, compiled=compiled, cards=size)


def tell(**more):
    """Prints what is known so far."""
    found.update(more)
    if rank == 0:
        print(json.dumps(found), flush=True)


shared, count = median_of(batch // size, True)
tell(ms=round(shared, 2), numbers=count)
tell(sumMs=round(sum_of(count), 3))
one, _ = median_of(batch, False)
tell(ms1=round(one, 2), faster=round(one / shared, 3))
dist.destroy_process_group()
