"""Synthetic vectors for speed and plumbing: image-like rows in clusters around a strong common mean, and text-like queries
with a mean of their own (out of distribution). Recall on real embeddings is another matter: measure it on them.

usage: index_vectors.py FOLDER ROWS DIMENSION [QUERIES]
"""
import pathlib
import sys

import numpy as np


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def main():
    folder = pathlib.Path(sys.argv[1])
    rows, dimension = int(sys.argv[2]), int(sys.argv[3])
    query_count = int(sys.argv[4]) if len(sys.argv) > 4 else 200
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    # A spectrum that falls like that of trained embeddings: about a quarter of the dimensions carry most of the variance.
    scale = (np.arange(dimension, dtype=np.float32) / dimension * 8 + 1) ** -0.8
    basis = np.linalg.qr(rng.standard_normal((dimension, dimension)))[0].astype(np.float32)
    centre_count = max(16, rows // 200)
    centres = rng.standard_normal((centre_count, dimension), dtype=np.float32) * scale
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    image_mean, text_mean = unit(rng.standard_normal((2, dimension))).astype(np.float32)
    path = folder / "rows.npy"
    out = np.lib.format.open_memmap(path, mode="w+", dtype="<f4", shape=(rows, dimension))
    for start in range(0, rows, 50_000):
        count = min(50_000, rows - start)
        noise = rng.standard_normal((count, dimension), dtype=np.float32) * scale
        noise /= np.linalg.norm(noise, axis=1, keepdims=True)
        part = 0.7 * centres[rng.integers(0, centre_count, count)] + 0.7 * noise
        out[start:start + count] = unit(part @ basis + 0.9 * image_mean)
    out.flush()
    noise = rng.standard_normal((query_count, dimension), dtype=np.float32) * scale
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    texts = 0.5 * centres[rng.integers(0, centre_count, query_count)] + noise
    queries = unit(texts @ basis + 0.9 * text_mean + 0.3 * image_mean)
    np.save(folder / "queries.npy", queries.astype(np.float32))
    print(f"{rows} x {dimension} and {query_count} queries in {folder}")


main()
