#!/bin/bash
# The one check for people and CI: packages, format, build with undeclared imports as errors, tests in release mode.
#
#   Tests/run.sh         everything a change must pass
#   Tests/run.sh --all   also the address and thread sanitizers, and every parser fuzzed for some seconds
set -uo pipefail
cd "$(dirname "$0")/.."
unset VLMPIPE_WORKSPACE

all=no
case "${1:-}" in
    "") ;;
    --all) all=yes ;;
    *) echo "usage: Tests/run.sh [--all]" >&2; exit 64 ;;
esac

failed=()
step() {
    local name=$1 start=$SECONDS
    shift
    echo "== $name"
    if "$@"; then echo "== $name: ok, $((SECONDS - start)) s"; else failed+=("$name"); echo "== $name: FAILED"; fi
}

swift_flags=(-c release -Xswiftc -enable-testing --explicit-target-dependency-import-check error)

# A log of a thousand compile lines hides the one that matters: it is kept, and shown when the step fails.
build() {
    local log
    log=$(mktemp)
    if swift build "$@" "${swift_flags[@]}" --build-tests >"$log" 2>&1; then tail -n 1 "$log"; rm -f "$log"
    else grep -E 'error|warning' "$log" | head -n 50; echo "-- whole log: $log"; return 1; fi
}

# One line for each test that passed or failed, and the closing summary; XCTest is off because nothing uses it.
run_tests() {
    swift test "$@" "${swift_flags[@]}" --skip-build --disable-xctest 2>&1 | grep -avE '^(◇|↳)|^✔ Test case|" to .* started\.$'
    return "${PIPESTATUS[0]}"
}

no_skipped_tests() {
    ! grep -rnE '\.disabled\(|XCTSkip|withKnownIssue' Tests --include='*.swift'
}

step "Debian packages" bash Pipelines/install-packages.sh
if [ ${#failed[@]} -gt 0 ]; then exit 69; fi
step "format" swift format lint --strict --recursive --parallel Package.swift Sources Tests
step "no skipped tests" no_skipped_tests
step "build" build
if [ ${#failed[@]} -eq 0 ]; then step "tests" run_tests; fi

if [ "$all" = yes ] && [ ${#failed[@]} -eq 0 ]; then
    # The test runner and Foundation leak on purpose; leaks of ours are found by the memory bounds.
    export ASAN_OPTIONS=detect_leaks=0
    for sanitizer in address thread; do
        step "build with the $sanitizer sanitizer" build --scratch-path ".build-$sanitizer" --sanitize="$sanitizer"
        step "tests with the $sanitizer sanitizer" run_tests --scratch-path ".build-$sanitizer" --sanitize="$sanitizer"
    done
    step "fuzzing" bash Tests/fuzz.sh 10
fi

if [ ${#failed[@]} -gt 0 ]; then
    printf 'FAILED: %s\n' "${failed[@]}"
    exit 1
fi
echo "all checks passed in $((SECONDS / 60)) min $((SECONDS % 60)) s"
