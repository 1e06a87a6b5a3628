#!/bin/bash
# The vector index beside FAISS and usearch on the same vectors, threads alike. Never part of the default tests.
# usage: index_speed.sh VLMPIPE FOLDER [ROWS] [DIMENSION] [PEERS]     (PEERS: flat,ivf,hnsw,usearch; default flat)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tool=$1 folder=$2 rows=${3:-200000} dimension=${4:-512} peers=${5:-flat}
venv=${VENV:-$folder/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import faiss, usearch' 2>/dev/null || "$venv/bin/pip" install --quiet -r "$here/index_requirements.txt"
[ -f "$folder/rows.npy" ] || "$venv/bin/python" "$here/index_vectors.py" "$folder" "$rows" "$dimension"
[ -f "$folder/query.npy" ] || "$venv/bin/python" -c '
import sys, numpy
numpy.save(sys.argv[2], numpy.load(sys.argv[1])[:1])' "$folder/queries.npy" "$folder/query.npy"
field() { "$venv/bin/python" -c 'import json,sys; d=json.load(sys.stdin); print(*(d[k] for k in sys.argv[1:]))' "$@"; }
for profile in lite std full; do
    index=$folder/$profile.vlx
    [ -d "$index" ] || echo "$profile build: $("$venv/bin/python" "$here/index_memory.py" \
        "$tool" index build --vectors "$folder/rows.npy" --profile $profile --output "$index")"
    echo "$profile packed: $("$tool" index info "$index" --json | field bytesPerVector) bytes per vector"
    [ -d "$folder/$profile-unpacked.vlx" ] || {
        cp -r "$index" "$folder/$profile-unpacked.vlx"
        "$tool" index unpack "$folder/$profile-unpacked.vlx"
        "$tool" index gc "$folder/$profile-unpacked.vlx"
    }
done
for threads in 1 2; do
    answers=()
    for name in lite-unpacked std std-unpacked full full-unpacked; do
        for mode in --exact --approx; do
            ids=$folder/$name$mode.npy
            "$tool" index query "$folder/$name.vlx" --vectors "$folder/queries.npy" $mode --threads $threads --output "$ids" --json |
                field millisecondsPerQuery millisecondsToFirst mode | sed "s/^/$name $mode $threads threads: ms per query, to first: /"
            answers+=("$name$mode=$ids")
        done
        echo "$name approx, one query, $threads threads: $("$venv/bin/python" "$here/index_memory.py" \
            "$tool" index query "$folder/$name.vlx" --vectors "$folder/query.npy" --approx --threads $threads)"
        "$tool" index query "$folder/$name.vlx" --vectors "$folder/queries.npy" --exact --batch --threads $threads --json |
            field millisecondsPerQuery | sed "s/^/$name batch $threads threads: ms per query: /"
    done
    "$venv/bin/python" "$here/index_speed.py" "$folder" --threads $threads --peers "$peers" --ids "${answers[@]}"
done
