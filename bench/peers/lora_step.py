"""A LoRA step of PyTorch + PEFT on the shapes of `deno task bench step`, median of 20 after 5.

python bench/peers/lora_step.py gpt2-medium 8 64 [fp32|tf32|bf16|bf16w] [cuda|cpu] [serve|compile]

bf16 is autocast, bf16w keeps the weights in bf16 too. With `serve` it is a contender of
`deno task bench peers`, with `compile` the model runs by torch.compile.
"""

import json
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    Qwen3Config,
    Qwen3ForCausalLM,
    RobertaConfig,
    RobertaForSequenceClassification,
)

name, batch, length = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
precision = sys.argv[4] if len(sys.argv) > 4 else "fp32"
device = sys.argv[5] if len(sys.argv) > 5 else "cuda"
torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
torch.manual_seed(0)

large = dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
off = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
if name == "gpt2-medium":
    config = GPT2Config(n_embd=1024, n_layer=24, n_head=16, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    model = GPT2LMHeadModel(config)
    lora = LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=16, target_modules=["c_attn"], fan_in_fan_out=True)
elif name == "qwen3-0.6b":
    config = Qwen3Config(
        vocab_size=151936,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        tie_word_embeddings=True,
    )
    model = Qwen3ForCausalLM(config)
    lora = LoraConfig(task_type="CAUSAL_LM", r=8, lora_alpha=16, target_modules=["q_proj", "v_proj"])
elif name == "roberta-large":
    config = RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1, **large, **off)
    model = RobertaForSequenceClassification(config)
    lora = LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=["query", "value"])
else:
    config = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536, **off
    )
    model = BertForSequenceClassification(config)
    lora = LoraConfig(task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=["query", "value"])
if precision == "bf16w":
    model = model.to(torch.bfloat16)
model = get_peft_model(model, lora).to(device).train()
optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4, fused=device == "cuda")
ids = torch.randint(5, 30000, (batch, length), device=device)
labels = ids if lora.task_type == "CAUSAL_LM" else torch.randint(0, 2, (batch,), device=device)
forward = torch.compile(model) if sys.argv[6:] == ["compile"] else model


def step():
    with torch.autocast(device, dtype=torch.bfloat16, enabled=precision == "bf16"):
        loss = forward(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
    optimizer.step()
    optimizer.zero_grad()
    loss.item()


if sys.argv[6:] == ["serve"]:
    from serve import serve

    serve(lambda name, sizes: step)
    sys.exit()
times = []
for _ in range(25):
    start = time.perf_counter()
    step()
    times.append((time.perf_counter() - start) * 1000)
times = sorted(times[5:])
result = {"model": name, "batch": batch, "length": length, "precision": precision, "ms": round(times[10], 2)}
result["least"] = round(times[0], 2)
if device == "cuda":
    result["peakMegabytes"] = round(torch.cuda.max_memory_allocated() / 1e6)
print(json.dumps(result))
