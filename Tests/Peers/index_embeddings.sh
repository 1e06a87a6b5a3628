#!/bin/bash
# Real embeddings for index_speed.sh: random crops of the images of shards as rows, captions as queries, both from a model of
# vlmpipe (for instance one trained by Pipelines/flickr8k.yaml). Takes the time of encoding all crops.
# usage: index_embeddings.sh VLMPIPE MODEL FOLDER CROPS_PER_IMAGE SHARD.tar...    (MODEL: a folder, or a name with its workspace around)
#        then: index_speed.sh VLMPIPE FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tool=$1 model=$2 folder=$3 crops=$4
shift 4
venv=${VENV:-$folder/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import PIL' 2>/dev/null || "$venv/bin/pip" install --quiet -r "$here/index_requirements.txt"
"$venv/bin/python" "$here/index_crops.py" "$folder" "$crops" "$@"
"$tool" encode --quiet --model "$model" --images - --output "$folder/rows.npy" < "$folder/crops.txt"
shuf -n 500 --random-source=<(yes) "$folder/captions.txt" |
    "$tool" encode --quiet --model "$model" --texts - --output "$folder/queries.npy"
