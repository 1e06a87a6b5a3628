#!/bin/bash
# Sends hostile images and tars through ingest and checks that nothing crashes, hangs or takes memory without bound.
#
#   Tests/Acceptance/hostile.sh SHARED [VLMPIPE]
#
# Alone, and mixed into good shards at 10 %, where the good samples must come out as without them. SHARED is the folder with data/hostile in it; VLMPIPE the binary, by default the release build of this package (give
# one built with --sanitize=address for the same under the address sanitizer). Exit status 0 if all checks hold.
set -u
shared=${1:?usage: hostile.sh SHARED [VLMPIPE]}
root=$(cd "$(dirname "$0")/../.." && pwd)
vlmpipe=${2:-$root/.build/release/vlmpipe}
hostile=$shared/data/hostile
[ -d "$hostile" ] || { echo "hostile.sh: there is no $hostile" >&2; exit 66; }
[ -x "$vlmpipe" ] || { echo "hostile.sh: there is no $vlmpipe; build it with: swift build -c release" >&2; exit 66; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
fail() { echo "FAILED: $*"; failures=$((failures + 1)); }

# Runs one ingest with limits on time and address space. Good ends are 0 and 65 (more bad data than allowed).
# The sanitizer reserves terabytes of addresses, so its builds run without the second limit.
run() {
    local label=$1 workspace=$2
    shift 2
    local limit="ulimit -v 4194304"
    if nm "$vlmpipe" 2>/dev/null | grep -q __asan_init; then limit=:; fi
    (
        eval "$limit"
        timeout 120 "$vlmpipe" ingest --workspace "$workspace" --quiet "$@"
    ) >"$work/out" 2>"$work/err"
    local status=$?
    case $status in
        0 | 65) echo "ok: $label (exit $status)" ;;
        124) fail "$label did not end within 120 s" ;;
        *) fail "$label ended with $status"; tail -n 5 "$work/err" ;;
    esac
}

counts() {
    "$vlmpipe" dataset stats --workspace "$1" --json 2>/dev/null \
        | python3 -c 'import json,sys; s=json.load(sys.stdin); print(s["found"], s["samples"], s["quarantined"])'
}

check_sum() {
    local label=$1 numbers
    numbers=$(counts "$2")
    read -r found samples quarantined <<<"$numbers"
    if [ -z "${found:-}" ] || [ "$found" -ne $((samples + quarantined)) ] || [ "$found" -eq 0 ]; then
        fail "$label: found = samples + quarantined does not hold: $numbers"
    else
        echo "ok: $label: $found = $samples + $quarantined"
    fi
}

for check in none headers decode; do
    run "folder, --check $check" "$work/folder-$check" --check $check "$hostile"
    check_sum "folder, --check $check" "$work/folder-$check"
done

# The same again: nothing new may be found.
before=$(counts "$work/folder-decode")
run "folder again" "$work/folder-decode" --check decode "$hostile"
[ "$before" = "$(counts "$work/folder-decode")" ] || fail "a repeated ingest counts differently"

# Every file as a tar of its own, whatever it is.
mapfile -d '' -t files < <(find "$hostile" -type f -print0 | LC_ALL=C sort -z)
run "every file named as a source" "$work/files" --check decode "${files[@]}"
check_sum "every file named as a source" "$work/files"

# Among good samples, in a tar and in folders.
mixer=$root/Tests/Acceptance/hostile_mixed.py
good=$(find "$shared/data" -name '*.tar' -path '*original*' | LC_ALL=C sort | head -n 1)
python3 "$mixer" make "$hostile" "$good" "$work/mix" || fail "the mixture cannot be made"
for kind in good mixed; do
    run "$kind tar and folder" "$work/mix-$kind" --check decode "$work/mix/$kind.tar" "$work/mix/$kind"
    check_sum "$kind tar and folder" "$work/mix-$kind"
done
python3 "$mixer" compare "$work/mix-good" "$work/mix-mixed" || fail "good samples differ among hostile ones"

[ "$failures" -eq 0 ] && echo "all checks hold" && exit 0
echo "$failures checks failed"
exit 1
