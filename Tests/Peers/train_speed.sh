#!/bin/bash
# Training speed side by side: vlmpipe and open_clip in turn, same tower sizes, batch, threads and pictures.
#
#   Tests/Peers/train_speed.sh FLICKR8K_FOLDER [ROUNDS]
#
# FLICKR8K_FOLDER holds train/*.tar. Needs Tests/Peers/setup.sh once, and a release build. The recipe's tower sizes and
# batch are those of Pipelines/recipes/flickr8k.yaml; decoding, augmentation and tokenising are in our time, open_clip's
# pictures are decoded beforehand. Prints each round and the ratio of the medians.
set -euo pipefail
folder=${1:?usage: train_speed.sh FLICKR8K_FOLDER [ROUNDS]}
rounds=${2:-3}
root=$(cd "$(dirname "$0")/../.." && pwd)
python=${PEER_PYTHON:-$root/Tests/Peers/.venv/bin/python}
vlmpipe=${VLMPIPE:-$root/.build/release/vlmpipe}
steps=12
batch=256
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$vlmpipe" ingest "$folder/train" --split train --workspace "$work/w" --quiet >/dev/null
# Without evaluation: the speed is that of training steps.
sed "s/^  samples:.*/  samples: $((steps * batch))\n  evaluationCount: 0/" "$root/Pipelines/recipes/flickr8k.yaml" >"$work/recipe.yaml"

: >"$work/ours"
: >"$work/theirs"
for round in $(seq "$rounds"); do
    "$vlmpipe" train --recipe "$work/recipe.yaml" --model "speed$round" --seed "$round" --threads 2 --workspace "$work/w" --quiet >/dev/null
    ours=$("$python" -c 'import json,sys; print(json.load(open(sys.argv[1]))["values"]["samplesPerSecond"])' \
        "$work"/w/runs/train-speed"$round"-*/run.json)
    theirs=$("$python" "$root/Tests/Peers/train_open_clip.py" "$folder" --threads 2 --steps "$steps" --batch "$batch" 2>/dev/null |
        "$python" -c 'import json,sys; print(json.load(sys.stdin)["samplesPerSecond"])')
    echo "$ours" >>"$work/ours"
    echo "$theirs" >>"$work/theirs"
    printf 'round %s: vlmpipe %.1f samples/s, open_clip %.1f samples/s\n' "$round" "$ours" "$theirs"
done
"$python" - "$work/ours" "$work/theirs" <<'END'
import statistics, sys
ours, theirs = (statistics.median(map(float, open(path))) for path in sys.argv[1:])
print(f"median: vlmpipe {ours:.1f}, open_clip {theirs:.1f}, ratio {ours / theirs:.2f}")
END
