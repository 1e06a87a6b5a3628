"""FAISS and usearch on the same files as 'vlmpipe index query': medians of single calls, recall by value.

usage: index_speed.py FOLDER [--threads N] [--ids NAME=FILE.npy ...] [--peers flat,ivf,hnsw,usearch]

FOLDER holds rows.npy and queries.npy (index_vectors.py). Truth is a Float32 brute force; a hit counts if its true score
is within 1e-6 of the true k-th, so near-ties are no errors. --ids gives the answers of others, such as
'vlmpipe index query --output', for their recall. Prints one JSON line per contender.
"""
import argparse
import json
import pathlib
import time

import numpy as np

K = 10


def recall(ids, truth, rows, queries):
    hits = 0
    for query, (found, scores) in enumerate(zip(ids, truth)):
        found = found[found >= 0][:K]
        values = rows[found].astype(np.float64) @ queries[query].astype(np.float64)
        hits += int((values >= scores[K - 1] - 1e-6).sum())
    return hits / (K * len(ids))


def single_calls(search, queries, seconds=8.0):
    ids, times, start = [], [], time.perf_counter()
    for query in queries:
        before = time.perf_counter()
        ids.append(search(query[None]))
        times.append((time.perf_counter() - before) * 1000)
        if time.perf_counter() - start > seconds and len(times) >= 20:
            break
    return np.concatenate(ids), float(np.median(times))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--ids", nargs="*", default=[])
    parser.add_argument("--peers", default="flat")
    arguments = parser.parse_args()
    rows = np.load(arguments.folder / "rows.npy", mmap_mode="r")
    queries = np.load(arguments.folder / "queries.npy")
    truth_path = arguments.folder / "truth.npy"
    if not truth_path.exists():
        best = np.full((len(queries), K), -np.inf)
        for start in range(0, len(rows), 100_000):
            scores = queries.astype(np.float64) @ np.asarray(rows[start:start + 100_000]).astype(np.float64).T
            best = -np.sort(-np.concatenate([best, -np.sort(-scores, axis=1)[:, :K]], axis=1), axis=1)[:, :K]
        np.save(truth_path, best)
    truth = np.load(truth_path)

    def report(name, ids, milliseconds, **more):
        line = {"name": name, "threads": arguments.threads, "recall@10": round(recall(ids, truth, rows, queries), 4)}
        if milliseconds is not None:
            line["millisecondsPerQuery"] = round(milliseconds, 3)
        print(json.dumps(line | more), flush=True)

    for pair in arguments.ids:
        name, path = pair.split("=", 1)
        report(name, np.load(path), None)
    peers = [peer for peer in arguments.peers.split(",") if peer]
    if not peers:
        return
    import faiss

    faiss.omp_set_num_threads(arguments.threads)
    data = np.asarray(rows)
    dimension = data.shape[1]
    if "flat" in peers:
        index = faiss.IndexFlatIP(dimension)
        index.add(data)
        index.search(queries[:1], K)
        ids, milliseconds = single_calls(lambda q: index.search(q, K)[1], queries)
        report("faiss-flat", ids, milliseconds)
        batch = np.tile(queries, (max(1, 200 // len(queries)), 1))[:200]
        before = time.perf_counter()
        index.search(batch, K)
        print(json.dumps({"name": "faiss-flat-batch", "threads": arguments.threads, "queries": len(batch),
                          "millisecondsPerQuery": round((time.perf_counter() - before) * 1000 / len(batch), 3)}),
              flush=True)
    if "ivf" in peers:
        lists = int(4 * len(data) ** 0.5)
        quantizer = faiss.IndexFlatIP(dimension)
        index = faiss.IndexIVFScalarQuantizer(quantizer, dimension, lists, faiss.ScalarQuantizer.QT_8bit,
                                              faiss.METRIC_INNER_PRODUCT)
        before = time.perf_counter()
        index.train(data[:: max(1, len(data) // (lists * 40))])
        index.add(data)
        seconds = time.perf_counter() - before
        for probes in [16, 64, 256]:
            index.nprobe = probes
            ids, milliseconds = single_calls(lambda q: index.search(q, K)[1], queries)
            report(f"faiss-ivf-sq8 nprobe {probes}", ids, milliseconds, buildSeconds=round(seconds, 1))
    if "hnsw" in peers:
        index = faiss.IndexHNSWFlat(dimension, 32, faiss.METRIC_INNER_PRODUCT)
        before = time.perf_counter()
        index.add(data)
        seconds = time.perf_counter() - before
        for depth in [64, 256, 1024]:
            index.hnsw.efSearch = depth
            ids, milliseconds = single_calls(lambda q: index.search(q, K)[1], queries)
            report(f"faiss-hnsw32 ef {depth}", ids, milliseconds, buildSeconds=round(seconds, 1))
    if "usearch" in peers:
        from usearch.index import Index

        index = Index(ndim=dimension, metric="ip", dtype="f16")
        before = time.perf_counter()
        index.add(np.arange(len(data)), data, threads=arguments.threads)
        seconds = time.perf_counter() - before
        for depth in [64, 256, 1024]:
            index.expansion_search = depth
            ids, milliseconds = single_calls(
                lambda q: index.search(q[0], K).keys.astype(np.int64)[None], queries)
            report(f"usearch f16 ef {depth}", ids, milliseconds, buildSeconds=round(seconds, 1))


main()
