#!/bin/bash
# The kernels of an index on 64-bit ARM, run by QEMU: every instruction set against the plain form, and the same codes and sums
# as this machine makes. Needs the Debian packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user, and clang.
# usage: Tests/Acceptance/arm64.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kernels=(crc32c half_precision index_codes index_packing index_scan)
flags=(-O3 -ffp-contract=off -Wall -Werror -ISources/CKernels/include)
sources=(Tests/Acceptance/index_kernels.c)
for kernel in "${kernels[@]}"; do sources+=("Sources/CKernels/$kernel.c"); done
clang "${flags[@]}" "${sources[@]}" -lm -o "$work/here"
objects=()
for source in "${sources[@]}"; do
    object=$work/$(basename "$source" .c).o
    clang --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include "${flags[@]}" -c "$source" -o "$object"
    objects+=("$object")
done
aarch64-linux-gnu-gcc -static "${objects[@]}" -lm -o "$work/arm64"
"$work/here" > "$work/here.txt"
for cpu in cortex-a53 cortex-a76 max; do
    echo "$cpu:"
    qemu-aarch64 -cpu "$cpu" "$work/arm64" > "$work/$cpu.txt"
    diff "$work/here.txt" "$work/$cpu.txt"
done
echo "$(wc -l < "$work/here.txt") results are the same here and on arm64"
