#!/bin/bash
# The vector index beside FAISS and usearch on the same vectors, threads alike. Never part of the default tests.
# usage: index_speed.sh VLMPIPE FOLDER [ROWS] [DIMENSION] [PEERS]     (PEERS: flat,ivf,hnsw,usearch; default flat)
# FOLDER may hold rows.npy, queries.npy and other-queries.npy already (index_embeddings.sh): codes are made for queries like the
# others. What is built is kept there for the next run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tool=$1 folder=$2 rows=${3:-200000} dimension=${4:-512} peers=${5:-flat}
venv=${VENV:-$folder/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import faiss, usearch' 2>/dev/null || "$venv/bin/pip" install --quiet -r "$here/index_requirements.txt"
[ -f "$folder/rows.npy" ] || "$venv/bin/python" "$here/index_vectors.py" "$folder" "$rows" "$dimension"
others=()
[ ! -f "$folder/other-queries.npy" ] || others=(--queries "$folder/other-queries.npy")
bytes() { "$tool" index info "$1" --json | "$venv/bin/python" -c 'import json, sys; print(round(json.load(sys.stdin)["bytesPerVector"], 1))'; }
for profile in lite std full; do
    index=$folder/$profile.vlx
    [ -d "$index" ] || echo "$profile build: $("$venv/bin/python" "$here/index_memory.py" \
        "$tool" index build --vectors "$folder/rows.npy" ${others[@]+"${others[@]}"} --profile $profile --output "$index")"
    [ -d "$folder/$profile-unpacked.vlx" ] || {
        cp -r "$index" "$folder/$profile-unpacked.vlx"
        "$tool" index unpack "$folder/$profile-unpacked.vlx" > "$folder/unpack.log"
        "$tool" index gc "$folder/$profile-unpacked.vlx" >> "$folder/unpack.log"
    }
    echo "$profile: $(bytes "$index") bytes per vector packed, $(bytes "$folder/$profile-unpacked.vlx") unpacked"
done
# The same rows stored by partition.
for index in std full; do
    [ -d "$folder/$index-parts.vlx" ] || {
        cp -r "$folder/$index-unpacked.vlx" "$folder/$index-parts.vlx"
        echo "$index-parts: $("$venv/bin/python" "$here/index_memory.py" "$tool" index compact --partition "$folder/$index-parts.vlx")"
    }
    echo "$index-parts: $(bytes "$folder/$index-parts.vlx") bytes per vector"
done
# What approximate search is worth on these queries against the vectors themselves, stored in the index; searches below use it.
for index in std-unpacked full-unpacked lite-unpacked std-parts full-parts; do
    echo "$index: $("$tool" index tune "$folder/$index.vlx" --queries "$folder/queries.npy" --truth "$folder/rows.npy")"
done
"$venv/bin/python" -c '
import sys, numpy
numpy.save(sys.argv[2], numpy.load(sys.argv[1])[:1])' "$folder/queries.npy" "$folder/query.npy"
# Fresh processes that answer one query: the first of eight brings the file into the page cache and does not count.
first() {
    for _ in 1 2 3 4 5 6 7 8; do "$tool" index query "$@" --vectors "$folder/query.npy" --json; done |
        "$venv/bin/python" -c '
import json, statistics, sys
text, decoder, times = sys.stdin.read(), json.JSONDecoder(), []
while text.strip():
    value, end = decoder.raw_decode(text.lstrip())
    text = text.lstrip()[end:]
    times.append(value["millisecondsToFirst"])
print(f"open + first result {statistics.median(times[1:]):.0f} ms ({min(times[1:]):.0f} to {max(times[1:]):.0f})")'
}
for index in std-unpacked full-unpacked; do
    for mode in --approx --exact; do
        for threads in 1 2; do
            run=("$folder/$index.vlx" "$mode" --threads $threads)
            echo "$index $mode, one query in a fresh process, $threads threads: $(first "${run[@]}"); $("$venv/bin/python" \
                "$here/index_memory.py" "$tool" index query "${run[@]}" --vectors "$folder/query.npy")"
        done
    done
done
"$venv/bin/python" "$here/index_speed.py" "$tool" "$folder" --peers "$peers"
