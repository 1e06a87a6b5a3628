"""Interpolates position embeddings as open_clip and transformers do, for the tests of the load.

    OMP_NUM_THREADS=1 python Tests/Peers/positions_golden.py Tests/EncodersTests/Fixtures/positions.safetensors

Needs torch and safetensors (see requirements.txt). For each pair of grids it writes `KERNEL.FROM.TO`, [TO * TO, width], from
`grid.FROM`, [FROM * FROM, width].
"""
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

SEED, WIDTH = 11, 5
PAIRS = [(7, 12), (7, 10), (12, 7), (14, 24), (16, 5), (1, 3), (3, 1), (2, 3)]


def interpolated(grid, source, target, antialias):
    square = grid.reshape(1, source, source, -1).permute(0, 3, 1, 2)
    square = F.interpolate(square, size=(target, target), mode="bicubic", antialias=antialias, align_corners=False)
    return square.permute(0, 2, 3, 1).reshape(target * target, -1).contiguous()


torch.manual_seed(SEED)
tensors = {}
for source, target in PAIRS:
    grid = tensors.setdefault(f"grid.{source}", torch.randn(source * source, WIDTH))
    tensors[f"bicubic.{source}.{target}"] = interpolated(grid, source, target, False)
    tensors[f"bicubic_antialiased.{source}.{target}"] = interpolated(grid, source, target, True)
save_file(tensors, sys.argv[1])
