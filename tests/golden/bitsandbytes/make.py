"""What bitsandbytes 0.50 makes of some numbers in 4 bits: python make.py > nf4.json

The scales of scales are those of the default kernels, which take the nearest level; the kernel of its
CPU backend looks levels up in a coarser table and takes the second nearest now and then.
"""

import base64
import json

import bitsandbytes.functional as functional
import numpy as np
import torch
from torch._C import DispatchKey


def numbers(count):
    """Like weights, and the same wherever they are computed: a block of zeros is among them."""
    i = np.arange(count, dtype=np.uint64)
    unit = (i * np.uint64(2654435761) % np.uint64(2**32)).astype(np.float64) / 2**32 - 0.5
    values = unit * unit * unit * (1 + (i // np.uint64(64)) % np.uint64(7)).astype(np.float64)
    values[64:128] = 0
    return torch.from_numpy(values.astype(np.float32))


def packed(tensor):
    return base64.b64encode(tensor.contiguous().numpy().tobytes()).decode()


w = numbers(20_010)
codes, state = functional.quantize_4bit(w, quant_type="nf4", compress_statistics=True)
blocks = torch.nn.functional.pad(w, (0, -len(w) % 64)).view(-1, 64).abs().amax(1).clamp(min=0)
centred = blocks - state.offset
operator = torch.ops.bitsandbytes.quantize_blockwise.default
levels = functional.create_dynamic_map()
scale_codes, largest = operator._op_dk(
    DispatchKey.CompositeExplicitAutograd, centred, levels, 256
)
assert torch.equal(largest, state.state2.absmax)
assert (scale_codes != state.absmax).float().mean() < 0.02
print(
    json.dumps(
        {
            "count": len(w),
            "codes": packed(codes.flatten()),
            "scaleCodes": packed(scale_codes),
            "largest": packed(largest),
            "mean": state.offset.item(),
            "levels": packed(levels),
        },
        indent=2,
    )
)
