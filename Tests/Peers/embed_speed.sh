#!/bin/bash
# From tars to vectors beside webdataset + Pillow + open_clip, and decode + resample beside Pillow. Never part of the
# default tests.
# usage: embed_speed.sh TOOL BENCH DATA FOLDER [embed_speed.py's options]
#   TOOL, BENCH  the built vlmpipe and vlmpipe-bench
#   DATA         a folder with flickr8k/dev and flickr8k/original
#   FOLDER       keeps checkpoint, photographs and environment
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=$4
mkdir -p "$folder"
venv=${VENV:-$folder/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import webdataset, open_clip' 2>/dev/null ||
    "$venv/bin/pip" install --quiet -r "$here/requirements.txt" -r "$here/ingest_requirements.txt"
"$venv/bin/python" "$here/embed_speed.py" "$@"
