"""A generator of image-like vectors without end, as .npy on the standard output: for indexes larger than memory.

usage: index_stream.py ROWS DIMENSION > pipe        (the same rows for the same arguments)
"""
import sys

import numpy as np


def main():
    rows, dimension = int(sys.argv[1]), int(sys.argv[2])
    rng = np.random.default_rng(1)
    mean = rng.standard_normal(dimension, dtype=np.float32)
    mean *= 0.9 / np.linalg.norm(mean)
    centres = rng.standard_normal((4096, dimension), dtype=np.float32) * np.float32(0.7 / dimension ** 0.5)
    out = sys.stdout.buffer
    np.lib.format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": (rows, dimension)})
    for start in range(0, rows, 16_384):
        count = min(16_384, rows - start)
        part = rng.standard_normal((count, dimension), dtype=np.float32)
        part *= np.float32(0.7 / dimension ** 0.5)
        part += centres[rng.integers(0, len(centres), count)]
        part += mean
        part /= np.sqrt(np.einsum("ij,ij->i", part, part))[:, None]
        out.write(part.tobytes())


main()
