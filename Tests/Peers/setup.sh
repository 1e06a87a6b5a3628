#!/bin/bash
# Makes the virtual environment that the peers run in: Tests/Peers/.venv (or the folder given). Needs PyPI.
# Never part of the default tests.
set -euo pipefail
cd "$(dirname "$0")"
venv=${1:-.venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --upgrade pip
"$venv/bin/pip" install --quiet -r requirements.txt
"$venv/bin/python" -c 'import torch, open_clip, PIL; print("torch", torch.__version__, "open_clip", open_clip.__version__, "Pillow", PIL.__version__)'
