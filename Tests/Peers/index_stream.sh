#!/bin/bash
# An index of vectors that come down a pipe: time and memory of building, then of approximate and exact single queries.
# usage: index_stream.sh VLMPIPE FOLDER [ROWS] [DIMENSION] [PROFILE]     (default 10000000 512 std; 5 GB of disk)
# An index that is there is searched, not built again.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tool=$1 folder=$2 rows=${3:-10000000} dimension=${4:-512} profile=${5:-std}
venv=${VENV:-$folder/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import numpy' 2>/dev/null || "$venv/bin/pip" install --quiet -r "$here/index_requirements.txt"
index=$folder/stream-$rows.vlx
if [ ! -d "$index" ]; then
    "$venv/bin/python" "$here/index_stream.py" "$rows" "$dimension" |
        "$venv/bin/python" "$here/index_memory.py" "$tool" index build --vectors - --profile "$profile" --output "$index"
fi
"$venv/bin/python" "$here/index_stream.py" 20 "$dimension" > "$folder/stream-queries.npy"
"$tool" index info "$index"
for threads in 1 2; do
    for mode in --approx --exact; do
        echo -n "$mode, $threads threads: ms per query (median of 20), ms to the first: "
        "$tool" index query "$index" --vectors "$folder/stream-queries.npy" "$mode" --threads "$threads" --json |
            "$venv/bin/python" -c 'import json, sys; d = json.load(sys.stdin); print(d["millisecondsPerQuery"], d["millisecondsToFirst"])'
    done
done
echo "memory of one approximate query: $("$venv/bin/python" "$here/index_memory.py" \
    "$tool" index query "$index" --vectors "$folder/stream-queries.npy" --approx)"
