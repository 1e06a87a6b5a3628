#!/bin/bash
# Feeds the parsers of foreign bytes with mutated files, under the address and undefined-behaviour sanitizers (libFuzzer).
#
#   Tests/fuzz.sh [SECONDS_EACH] [PARSER...]       default: 30 seconds for each parser
#
# What was found interesting stays in .build-fuzz/corpus for the next run. A finding is printed with the file that shows it
# and ends with exit status 1; replay it with: VLMPIPE_FUZZ_PARSER=PARSER .build-fuzz/release/vlmpipe-fuzz FILE
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-30}
if [ $# -gt 0 ]; then shift; fi

export VLMPIPE_FUZZ=1
flags=(-c release --scratch-path .build-fuzz --sanitize=address -Xswiftc -sanitize=fuzzer
    -Xcc -fsanitize=fuzzer-no-link,undefined -Xcc -fno-sanitize-recover=undefined
    # Checksums always match: what is behind them is to be found.
    -Xcc -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    # Instrumented loops do not vectorise.
    -Xcc -Wno-error=pass-failed)
swift build "${flags[@]}" --product vlmpipe-fuzz 2>&1 | grep -E "error|Compiling|complete" | tail -n 3
program=.build-fuzz/release/vlmpipe-fuzz
parsers=("$@")
[ $# -gt 0 ] || mapfile -t parsers < <("$program" --list)

seeds() {
    local corpus=$1 tests=Tests
    case $2 in
        image) cp "$tests"/ImagingTests/Fixtures/*.{jpg,png,webp,heic,avif} "$corpus" ;;
        tar)
            local work
            work=$(mktemp -d)
            cp "$tests"/ImagingTests/Fixtures/grey.jpg "$work/a.jpg"
            printf 'a cat' > "$work/a.txt"
            printf '{"caption": "a dog", "similarity": 0.3}' > "$work/a.json"
            for format in ustar pax gnu; do tar -C "$work" --format="$format" -cf "$corpus/$format.tar" a.jpg a.txt a.json; done
            long=$(printf 'long%.0s' {1..40})
            cp "$work/a.jpg" "$work/$long.jpg"
            tar -C "$work" --format=pax -cf "$corpus/long-pax.tar" "$long.jpg"
            tar -C "$work" --format=gnu -cf "$corpus/long-gnu.tar" "$long.jpg"
            gzip -k "$corpus/pax.tar" --stdout > "$corpus/pax.tar.gz"
            zstd -q --force "$corpus/gnu.tar" -o "$corpus/gnu.tar.zst"
            rm -rf "$work"
            ;;
        sampleJSON) printf '{"captions": ["a", "b"], "split": "dev", "similarity": 0.3, "n": 4, "x": null}' > "$corpus/a" ;;
        safetensors) find "$tests" -name '*.safetensors' -size -64k -exec cp {} "$corpus" \; ;;
        numpy | vectorStream) find "$tests" -name '*.npy' -size -64k -exec cp {} "$corpus" \; ;;
        model) find "$tests" -name '*config.json' -size -64k -exec cp {} "$corpus" \; ;;
        tokenizerJSON) find "$tests" -name 'tokenizer*.json' -size -256k -exec cp {} "$corpus" \; ;;
        sentencePiece) find "$tests" -name '*.model' -size -256k -exec cp {} "$corpus" \; ;;
        manifest)
            printf 'image,caption,price\na.jpg,"a ""cat"", here",3.5\nb.jpg,dog,\n' > "$corpus/comma.csv"
            printf '\xEF\xBB\xBFsku;image;titel\r\nS1;a.jpg;M\xC3\xB6bel\r\n' > "$corpus/semicolon.csv"
            printf 'image\ttitle\na.jpg\tM\xF6bel\n' > "$corpus/latin1.tsv"
            printf '{"image": "a.jpg", "caption": "a"}\n{"image": "b.jpg", "n": 3, "x": [1, {}]}\n' > "$corpus/lines.jsonl"
            printf '{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 1, "caption": "a"}]}' \
                > "$corpus/coco.json"
            ;;
        patterns)
            printf 'shards/{00000..00031}.{tar,tgz}' > "$corpus/brace"
            printf '**/[!a-c]?/*.jpg' > "$corpus/glob"
            printf '{brand} {title}, {colour}' > "$corpus/template"
            ;;
    esac
}

# Leaks of Foundation are not ours to find here.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
failed=()
for parser in "${parsers[@]}"; do
    corpus=.build-fuzz/corpus/$parser
    mkdir -p "$corpus" .build-fuzz/findings
    seeds "$corpus" "$parser"
    VLMPIPE_FUZZ_PARSER=$parser "$program" --seeds "$corpus"
    echo "== $parser, $seconds s"
    log=.build-fuzz/$parser.log
    if VLMPIPE_FUZZ_PARSER=$parser "$program" "$corpus" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -max_len=65536 -artifact_prefix=".build-fuzz/findings/$parser-" -print_final_stats=1 > "$log" 2>&1
    then grep -E 'number_of_executed_units|new_units_added' "$log" | sed 's/^stat::/   /'
    else
        failed+=("$parser")
        grep -aE 'ERROR|Fatal|runtime error|Test unit written' "$log" | head -n 10
    fi
done
rm -rf /dev/shm/vlmpipe-fuzz-*
if [ ${#failed[@]} -gt 0 ]; then
    echo "findings in: ${failed[*]}"
    exit 1
fi
echo "no findings"
