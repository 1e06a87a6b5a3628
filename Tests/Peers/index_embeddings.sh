#!/bin/bash
# Real embeddings for index_speed.sh: random crops of the images of shards as rows, captions as queries, both from a model of
# vlmpipe (for instance one trained by Pipelines/flickr8k.yaml). Works in pieces; run again, it goes on after the last one.
# usage: index_embeddings.sh VLMPIPE MODEL FOLDER CROPS_PER_IMAGE SHARD.tar...    (MODEL: a folder, or a name with its workspace around)
#        then: index_speed.sh VLMPIPE FOLDER
# SIDE: pixels of the model (default 96). PIECES (default 32). QUERIES (default 500): as many other captions, which are never
# asked for, go to other-queries.npy, for 'index build --queries'. THREADS (default all).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tool=$1 model=$2 folder=$3 crops=$4
shift 4
venv=${VENV:-$folder/venv} side=${SIDE:-96} pieces=${PIECES:-32} threads=${THREADS:-$(nproc)}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import PIL' 2>/dev/null || "$venv/bin/pip" install --quiet -r "$here/index_requirements.txt"
mkdir -p "$folder"
encode_texts() { "$tool" encode --quiet --threads "$threads" --model "$model" --texts - --output "$1"; }
if [ ! -f "$folder/other-queries.npy" ]; then
    "$venv/bin/python" "$here/index_crops.py" captions "$folder" "$@"
    shuf -n "${QUERIES:-500}" --random-source=<(yes) "$folder/captions.txt" > "$folder/queries.txt"
    encode_texts "$folder/queries.npy" < "$folder/queries.txt"
    grep -vxFf "$folder/queries.txt" "$folder/captions.txt" | shuf -n "${QUERIES:-500}" --random-source=<(yes) |
        encode_texts "$folder/other-queries.npy"
fi
[ ! -f "$folder/rows.npy" ] || exit 0
for ((piece = 0; piece < pieces; piece++)); do
    [ ! -f "$folder/rows-$piece.npy" ] || continue
    rm -rf "$folder/crops"
    "$venv/bin/python" "$here/index_crops.py" crops "$folder" "$crops" "$side" "$piece" "$pieces" "$@"
    "$tool" encode --quiet --threads "$threads" --model "$model" --images - --output "$folder/next.npy" < "$folder/crops.txt"
    mv "$folder/next.npy" "$folder/rows-$piece.npy"
done
rm -rf "$folder/crops" "$folder/crops.txt"
"$venv/bin/python" "$here/index_crops.py" join "$folder" "$pieces"
