#!/bin/bash
# Full-size parity: the tool against open_clip and transformers on random weights of public models' real shapes, from picture
# files and captions to embeddings. Writes a Markdown table; the exit status is 1 when a bound is missed.
#
#   Tests/Peers/parity.sh SHARED_DIR [VLMPIPE] [--models A,B] [--photos N] [--captions N] [--keep DIR] [--output FILE]
#
# SHARED_DIR holds flickr8k/original (a tar of photographs with captions), flickr8k/train and hostile/orientation (all eight
# EXIF orientations). Needs Tests/Peers/setup.sh; PARITY_PYTHON names another interpreter. One model at a time; its files go
# when it is done, unless --keep names a folder that holds checkpoints and the libraries' outputs for the next run.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
usage() { sed -n '5,5p' "$0" | cut -c5- >&2; exit 64; }

shared=${1:-}; [ -d "$shared/flickr8k/original" ] || usage
shift
tool=$here/../../.build/release/vlmpipe
if [ $# -gt 0 ] && [ "${1#--}" = "$1" ]; then tool=$1; shift; fi
python=${PARITY_PYTHON:-$here/.venv/bin/python}
models=all photos=0 captions=1000 keep='' output=''
while [ $# -gt 0 ]; do
    [ $# -ge 2 ] || usage
    case $1 in
        --models) models=$2 ;; --photos) photos=$2 ;; --captions) captions=$2 ;;
        --keep) keep=$2 ;; --output) output=$2 ;; *) usage ;;
    esac
    shift 2
done
[ -x "$tool" ] || { echo "$tool: no such program; build it with 'swift build -c release --product vlmpipe'" >&2; exit 66; }
[ -x "$python" ] || { echo "$python: run Tests/Peers/setup.sh first" >&2; exit 66; }

export PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
[ -z "$keep" ] || mkdir -p "$keep"
[ "$models" != all ] || models=$("$python" "$here/golden.py" names | paste -sd,)

# The photographs, the orientation set and the captions.
mkdir -p "$work/all" "$work/pictures/photos" "$work/pictures/oriented"
for tar in "$shared"/flickr8k/original/*.tar; do tar -xf "$tar" -C "$work/all"; done
find "$work/all" -name '*.jpg' | sort > "$work/photos.txt"
[ "$photos" -le 0 ] || { head -n "$photos" "$work/photos.txt" > "$work/some.txt"; mv "$work/some.txt" "$work/photos.txt"; }
while read -r file; do ln "$file" "$work/pictures/photos/"; done < "$work/photos.txt"
cp "$shared"/hostile/orientation/*.jpg "$work/pictures/oriented/"
"$python" - "$shared" "$work" "$captions" <<'P'
import glob, json, sys, tarfile
shared, work, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
found = []
for path in sorted(glob.glob(f"{shared}/flickr8k/train/*.tar")):
    with tarfile.open(path) as tar:
        for member in tar:
            if member.name.endswith(".json"):
                found += json.load(tar.extractfile(member))["captions"]
with open(f"{work}/all-captions.txt", "w", encoding="utf-8") as file:
    file.writelines(" ".join(text.split("\n")) + "\n" for text in found)
with open(f"{work}/captions.txt", "w", encoding="utf-8") as file:
    file.writelines(" ".join(text.split("\n")) + "\n" for text in found[:: max(1, len(found) // count)][:count])
P

# The model exported for each library, compared with the checkpoint by the libraries themselves: the largest difference of
# an embedding, or "no" where the library has no such model.
exports() {
    local folder=$1 library result=()
    "$tool" model import "$folder" --name exported --workspace "$work/workspace" --quiet > "$work/import.log" 2>&1 \
        || { cat "$work/import.log" >&2; return 1; }
    for library in open_clip hf; do
        if "$tool" model export exported "$work/export" --as "$library" --workspace "$work/workspace" --quiet > "$work/export.log" 2>&1
        then
            OMP_NUM_THREADS=2 "$python" "$here/export.py" "$folder" "$work/export" > "$work/export.log" 2>&1 \
                || { cat "$work/export.log" >&2; return 1; }
            result+=("$(sed -n 's/^largest difference: images \(.*\), texts \(.*\)$/\1 \2/p' "$work/export.log" | tr ' ' '\n' | sort -g | tail -n 1)")
        else
            echo "# not exported as $library: $(tail -n 1 "$work/export.log")" >&2
            result+=(no)
        fi
        rm -rf "$work/export"
    done
    rm -rf "$work/workspace"
    echo "${result[0]} | ${result[1]}"
}

table=$work/table.md
{
    echo "| model (random weights of the real shape) | against | pixels identical: photos, oriented as stored, upright | images: max error | 1 − cosine | token ids identical | texts: max error | 1 − cosine | within bounds | exported to open_clip | to transformers |"
    echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
} > "$table"
status=0
for name in ${models//,/ }; do
    folder=${keep:-$work}/$name outputs=${keep:-$work}/$name.$photos.$captions.npz
    echo "== $name" >&2
    if [ ! -e "$folder/.complete" ]; then
        "$python" "$here/golden.py" random "$name" "$folder" --captions "$work/all-captions.txt" >&2
        touch "$folder/.complete"
    fi
    [ -e "$outputs" ] || "$python" "$here/parity.py" reference "$folder" "$work/pictures" "$work/captions.txt" "$outputs"
    row=$("$python" "$here/parity.py" compare "$folder" "$work/pictures" "$work/captions.txt" "$outputs" "$tool") || status=1
    exported=$(exports "$folder") || { exported="MISSED | MISSED"; status=1; }
    echo "$row $exported |" >> "$table"
    tail -n 1 "$table" >&2
    [ -n "$keep" ] || rm -rf "$folder" "$outputs"
done
cat "$table"
[ -z "$output" ] || cp "$table" "$output"
exit $status
