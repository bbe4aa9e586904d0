"""PyTorch on the CPU, or NumPy, as a contender of `deno task bench peers`.

python bench/peers/native.py torch|numpy, with OMP_NUM_THREADS and OPENBLAS_NUM_THREADS set
"""

import sys

from serve import serve

library = sys.argv[1]


def with_numpy(name, sizes):
    import numpy

    if not name.startswith("product"):
        return None
    m, n, k = sizes
    random = numpy.random.default_rng(0)
    a, b = random.random((m, k), dtype=numpy.float32), random.random((k, n), dtype=numpy.float32)
    return lambda: a @ b


def with_torch(name, sizes):
    import torch

    torch.set_grad_enabled(False)
    if name.startswith("product"):
        m, n, k = sizes
        a, b = torch.rand(m, k), torch.rand(k, n)
        return lambda: a @ b
    x = torch.rand(*sizes)
    if name.startswith("softmax"):
        return lambda: torch.softmax(x, -1)
    if name.startswith("layer norm"):
        weight, bias = torch.rand(sizes[-1]), torch.rand(sizes[-1])
        return lambda: torch.nn.functional.layer_norm(x, sizes[-1:], weight, bias)
    if name.startswith("gelu"):
        return lambda: torch.nn.functional.gelu(x)
    if name.startswith("adamw"):
        parameter = torch.nn.Parameter(x)
        parameter.grad = torch.rand(*sizes)
        return torch.optim.AdamW([parameter], lr=1e-4, weight_decay=0.0, fused=True).step
    return None


serve(with_numpy if library == "numpy" else with_torch)
