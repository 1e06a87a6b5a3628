#!/bin/bash
# Compares our token ids with open_clip's, transformers' and sentencepiece's on every caption of a folder of shards
# (all *.tar below FLICKR_DIR) and 2,000 texts that are nasty on purpose. Prints mismatches of N a line; exits 1 if there are any.
#
#   tokenizer_parity.sh FLICKR_DIR [WORK_FOLDER]
#
# Needs Swift and PyPI. Builds the module Tokenization with tokenizer_ids.swift, and makes two virtual environments, because
# CLIP's Python class of transformers 4.57.6 and the newer transformers do not go together: all in WORK_FOLDER.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source=${1:?usage: tokenizer_parity.sh FLICKR_DIR [WORK_FOLDER]}
work=${2:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd)
package=$work/ids
mkdir -p "$package/Sources/tokenizer_ids"
ln -sfn "$here/../../Sources/Tokenization" "$package/Sources/Tokenization"
ln -sfn "$here/../../Sources/CZlib" "$package/Sources/CZlib"
cp "$here/tokenizer_ids.swift" "$package/Sources/tokenizer_ids/main.swift"
cat > "$package/Package.swift" <<'END'
// swift-tools-version: 6.2
import PackageDescription
let package = Package(
    name: "ids",
    targets: [
        .systemLibrary(name: "CZlib", pkgConfig: "zlib"),
        .target(name: "Tokenization", dependencies: ["CZlib"], exclude: ["Tokenization.docc"]),
        .executableTarget(name: "tokenizer_ids", dependencies: ["Tokenization"]),
    ])
END
swift build -c release --package-path "$package" >&2
export OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
environment() {
    [ -x "$work/$1/bin/python" ] || python3 -m venv "$work/$1"
    "$work/$1/bin/pip" install --quiet "${@:2}"
}
environment new open_clip_torch==3.3.0 ftfy==6.3.1 transformers==5.19.0 tokenizers==0.23.3 sentencepiece==0.2.3 protobuf==7.36.2
environment old open_clip_torch==3.3.0 ftfy==6.3.1 regex transformers==4.57.6
"$work/new/bin/python" "$here/tokenizer_compare.py" captions "$source" "$work/captions.json"
"$work/new/bin/python" "$here/tokenizer_sentencepiece.py" --full "$work/pieces" "$work/captions.json"
"$work/old/bin/python" "$here/tokenizer_openai_golden.py" --full "$work/clip" "$work/captions.json"
"$work/new/bin/python" "$here/tokenizer_compare.py" ids "$package/.build/release/tokenizer_ids" "$work/pieces" "$work/clip"
