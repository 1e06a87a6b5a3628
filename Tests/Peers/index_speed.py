"""'vlmpipe index query' beside FAISS and usearch on the same files: single calls in alternation, medians, recall by value.

usage: index_speed.py VLMPIPE FOLDER [--threads 1,2] [--rounds 3] [--peers flat,ivf,hnsw,usearch]

FOLDER holds rows.npy and queries.npy (index_vectors.py, index_embeddings.sh) and the indexes of index_speed.sh. Truth is a
Float32 brute force; a hit counts if its true score is within 1e-6 of the true k-th, so near-ties are no errors. Peers are
built once and kept in FOLDER, and run with rising effort until their recall is 0.98 and not below that of our approximate
search. Prints a table per thread count; 'x' is how many times FAISS Flat's median each median fits.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import time

import numpy as np

K = 10


class Truth:
    def __init__(self, folder, rows, queries):
        self.rows, self.queries = rows, queries
        path = folder / "truth.npy"
        if path.exists():
            self.least = np.load(path)
            return
        best = np.full((len(queries), K), -np.inf, dtype=np.float64)
        for start in range(0, len(rows), 100_000):
            part = np.asarray(rows[start:start + 100_000])
            scores = queries @ part.T
            found = np.argpartition(scores, -4 * K, axis=1)[:, -4 * K:]
            for query in range(len(queries)):
                exact = part[found[query]].astype(np.float64) @ queries[query].astype(np.float64)
                best[query] = np.sort(np.concatenate([best[query], exact]))[-K:]
        self.least = best[:, 0]
        np.save(path, self.least)

    def recall(self, ids):
        hits = 0
        for query, found in enumerate(ids):
            found = found[found >= 0][:K]
            values = np.asarray(self.rows[found], dtype=np.float64) @ self.queries[query].astype(np.float64)
            hits += int((values >= self.least[query] - 1e-6).sum())
        return hits / (K * len(ids))


def single_calls(search, queries):
    ids, times = [], []
    for query in queries:
        before = time.perf_counter()
        ids.append(search(query[None]))
        times.append((time.perf_counter() - before) * 1000)
    return np.concatenate(ids), statistics.median(times)


class Ours:
    def __init__(self, tool, folder, index, mode, queries, extra=()):
        self.name = " ".join([index, mode.strip("-"), *extra])
        self.folder = folder
        self.command = [tool, "index", "query", folder / f"{index}.vlx", "--vectors", queries, mode, *extra, "--json"]

    def run(self, threads):
        ids = self.folder / "ids.npy"
        out = subprocess.run([str(part) for part in self.command] + ["--threads", str(threads), "--output", str(ids)],
                             check=True, capture_output=True, text=True).stdout
        report = json.loads(out)
        return np.load(ids), report["millisecondsPerQuery"], report["millisecondsToFirst"]


class Peer:
    """A way to search; `settings` are tried in turn."""

    def __init__(self, name, search, settings=(None,), prepare=lambda setting, threads: None):
        self.name, self.search, self.settings, self.prepare = name, search, settings, prepare


def faiss_peers(wanted, folder, data):
    import faiss

    def kept(name, make):
        path = folder / f"{name}.faiss"
        if not path.exists():
            before = time.perf_counter()
            faiss.write_index(make(), str(path))
            print(f"{name}: built in {time.perf_counter() - before:.1f} s, {path.stat().st_size / len(data):.0f} bytes per vector",
                  flush=True)
        return faiss.read_index(str(path))

    dimension = data.shape[1]
    if "flat" in wanted:
        flat = faiss.IndexFlatIP(dimension)
        flat.add(data)
        yield Peer("FAISS Flat", lambda q: flat.search(q, K)[1], prepare=lambda _, threads: faiss.omp_set_num_threads(threads))
    if "ivf" in wanted:
        def make():
            lists = int(4 * len(data) ** 0.5)
            index = faiss.IndexIVFScalarQuantizer(faiss.IndexFlatIP(dimension), dimension, lists,
                                                  faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT)
            index.train(data[:: max(1, len(data) // (lists * 40))])
            index.add(data)
            return index

        ivf = kept("ivf-sq8", make)

        def set_ivf(probes, threads):
            faiss.omp_set_num_threads(threads)
            ivf.nprobe = probes

        yield Peer("FAISS IVF-SQ8 nprobe", lambda q: ivf.search(q, K)[1], [8, 16, 32, 64, 128, 256, 512], set_ivf)
    if "hnsw" in wanted:
        def make():
            index = faiss.IndexHNSWFlat(dimension, 32, faiss.METRIC_INNER_PRODUCT)
            index.hnsw.efConstruction = 80
            index.add(data)
            return index

        hnsw = kept("hnsw32", make)

        def set_hnsw(depth, threads):
            faiss.omp_set_num_threads(threads)
            hnsw.hnsw.efSearch = depth

        yield Peer("FAISS HNSW32 ef", lambda q: hnsw.search(q, K)[1], [32, 64, 128, 256, 512, 1024], set_hnsw)


def usearch_peer(folder, data, threads):
    from usearch.index import Index

    index = Index(ndim=data.shape[1], metric="ip", dtype="f16")
    path = folder / "f16.usearch"
    if path.exists():
        index.load(str(path))
    else:
        before = time.perf_counter()
        index.add(np.arange(len(data)), data, threads=max(threads))
        index.save(str(path))
        print(f"usearch: built in {time.perf_counter() - before:.1f} s, {path.stat().st_size / len(data):.0f} bytes per vector",
              flush=True)

    def set_depth(depth, threads):
        index.expansion_search = depth

    return Peer("usearch f16 ef", lambda q: index.search(q[0], K).keys.astype(np.int64)[None], [32, 64, 128, 256, 512, 1024],
                set_depth)


def line(name, recall, milliseconds, flat, note=""):
    print(f"{name:34}  recall@10 {recall:.4f}  {milliseconds:9.3f} ms  {flat / milliseconds:7.2f} x  {note}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default="flat")
    arguments = parser.parse_args()
    folder, wanted = arguments.folder, arguments.peers.split(",")
    rows = np.load(folder / "rows.npy", mmap_mode="r")
    queries = np.load(folder / "queries.npy").astype(np.float32)
    truth = Truth(folder, rows, queries)
    data = np.asarray(rows)
    threads = [int(number) for number in arguments.threads.split(",")]
    peers = list(faiss_peers(wanted, folder, data))
    if "usearch" in wanted:
        peers.append(usearch_peer(folder, data, threads))
    # Packed indexes are asked little, so that a run takes minutes.
    some = {"few": queries[:10], "some": queries[:100], "queries": queries}
    for name, part in some.items():
        np.save(folder / f"{name}.npy", part)
    ours = [Ours(arguments.tool, folder, index, mode, folder / (
        ("few.npy" if index in ("std", "full") else "some.npy") if mode == "--exact" else "queries.npy"))
            for index in ["std-unpacked", "full-unpacked", "lite-unpacked", "std", "full", "std-parts", "full-parts"]
            if (folder / f"{index}.vlx").is_dir() for mode in ["--exact", "--approx"]]
    # The curve of an index stored by partition: shares of its rows that are scanned.
    curve = [Ours(arguments.tool, folder, "full-parts", "--approx", folder / "queries.npy",
                  ("--scan", str(max(1, len(rows) >> halvings)), "--pool", "2048")) for halvings in (8, 7, 6, 5, 4, 3, 2)
             if (folder / "full-parts.vlx").is_dir()]
    for count in threads:
        print(f"== {len(rows)} x {rows.shape[1]}, {len(queries)} queries, {count} threads; medians of single calls", flush=True)
        flat_times, found = [], {}
        # Everything is measured in turn, and again, so that no one has the quiet moments alone.
        for _ in range(arguments.rounds):
            flat = peers[0]
            flat.prepare(None, count)
            flat_times.append(single_calls(flat.search, queries[:20])[1])
            for way in ours:
                found.setdefault(way.name, []).append(way.run(count))
        flat_time = statistics.median(flat_times)
        line("FAISS Flat", 1, flat_time, flat_time, f"rounds {min(flat_times):.1f} to {max(flat_times):.1f} ms")
        least = 1.0
        for way in ours:
            runs = found[way.name]
            recall = truth.recall(runs[0][0])
            if way.name == "std-unpacked approx":
                least = recall
            first = statistics.median(run[2] for run in runs)
            line(way.name, recall, statistics.median(run[1] for run in runs), flat_time,
                 f"open + first result {first:.0f} ms ({len(runs[0][0])} queries)")
        for index in ["std-unpacked", "full-unpacked"]:
            batch = folder / "batch.npy"
            np.save(batch, np.tile(queries, (1000 // len(queries) + 1, 1))[:1000])
            way = Ours(arguments.tool, folder, index, "--exact", batch, ("--batch",))
            milliseconds = statistics.median(way.run(count)[1] for _ in range(2))
            single = statistics.median(run[1] for run in found[f"{index} exact"])
            line(f"{index}, batch of 1,000", 1, milliseconds, flat_time, f"{single / milliseconds:.2f} x single calls")
        for way in curve:
            ids, milliseconds, _ = way.run(count)
            line(way.name, truth.recall(ids), milliseconds, flat_time)
        for peer in peers[1:]:
            for setting in peer.settings:
                peer.prepare(setting, count)
                ids, milliseconds = single_calls(peer.search, queries)
                recall = truth.recall(ids)
                line(f"{peer.name} {setting}", recall, milliseconds, flat_time)
                if recall >= max(least, 0.98):
                    break


main()
