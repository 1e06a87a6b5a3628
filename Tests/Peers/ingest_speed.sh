#!/bin/bash
# Ingest of folders, tars and tables beside webdataset's and img2dataset's readers. Never part of the default tests.
#
#   Tests/Peers/ingest_speed.sh VLMPIPE FOLDER [SCALE]      scale 1 writes 9 GB into FOLDER, once
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tool=$1 folder=$2 scale=${3:-1}
venv=${VENV:-$folder/venv}
mkdir -p "$folder"
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import webdataset, img2dataset' 2>/dev/null ||
    "$venv/bin/pip" install --quiet -r "$here/ingest_requirements.txt"
[ -d "$folder/packed" ] || "$venv/bin/python" "$here/ingest_sources.py" make "$folder" --scale "$scale"
"$venv/bin/python" "$here/ingest_sources.py" time "$folder" --vlmpipe "$tool"
