#!/bin/bash
# From a clone to an answered query: installs packages, builds, draws the scene data set, ingests it, trains the
# in-house encoder, embeds, indexes, and searches.
#
#   Pipelines/quickstart.sh [FOLDER]      works in FOLDER (default ./vlmpipe-quickstart); run it again to go on
#
# About nine minutes on two cores after the build. Everything it makes is in FOLDER; deleting that undoes it.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-vlmpipe-quickstart}
case "$folder" in -*) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 64 ;; esac
query=${VLMPIPE_QUERY:-orange cat in the sun}

say() { printf '\n\033[1m== %s\033[0m\n' "$*" >&2; }
[ -t 2 ] && [ -z "${NO_COLOR:-}" ] || say() { printf '\n== %s\n' "$*" >&2; }

say "Debian packages"
bash "$repository/Pipelines/install-packages.sh"

say "build in release mode (some minutes the first time, mostly the SQLite and cryptography packages)"
swift build --package-path "$repository" -c release --product vlmpipe --static-swift-stdlib
vlmpipe=$(swift build --package-path "$repository" -c release --show-bin-path)/vlmpipe

mkdir -p "$folder"
cd "$folder"
started=$SECONDS
run() { say "vlmpipe $*"; "$vlmpipe" "$@"; }

run demo-data scenes --count 16000 --seed 1
run ingest scenes/train --dataset scenes --split train
run ingest scenes/test --dataset scenes --split test --no-captions
run train --recipe "$repository/Pipelines/recipes/scenes.yaml" --model scenes
run embed --model scenes
run search "$query" --split test -k 8 --html result.html
say "done in $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s after the build"
cat >&2 <<END
Look at $PWD/result.html, then ask your own questions:

    cd $PWD
    $vlmpipe search "blue boat at night"
    $vlmpipe search "雪中的红色汽车"
    $vlmpipe status
END
