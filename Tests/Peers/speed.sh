#!/bin/bash
# The towers beside PyTorch (eager, compiled), ONNX Runtime (float32, dynamic int8) and OpenVINO, alternating, threads alike.
# Never part of the default tests. torch.compile needs a C++ compiler.
# usage: speed.sh BENCH FOLDER [speed.py's options]     (BENCH: the built vlmpipe-bench; FOLDER keeps models and environment)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bench=$1 folder=$2
shift 2
mkdir -p "$folder"
venv=${VENV:-$folder/venv}
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -c 'import onnxruntime, open_clip, openvino' 2>/dev/null ||
    "$venv/bin/pip" install --quiet -r "$here/requirements.txt" -r "$here/speed_requirements.txt"
"$venv/bin/python" "$here/speed.py" "$bench" "$folder" "$@"
