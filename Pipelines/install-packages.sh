#!/bin/bash
# Installs the Debian packages that building vlmpipe needs, and says which and why. Does nothing when all are there.
#
#   Pipelines/install-packages.sh           install what is missing (with sudo when not root)
#   Pipelines/install-packages.sh --check   only say what is missing; exit 69 if anything is
set -euo pipefail

# package, what of it is used (a file that must exist), why
needed=(
    "libopenblas-dev|/usr/include/*/cblas.h /usr/include/cblas.h|matrix products"
    "libjpeg-dev|/usr/include/jpeglib.h|JPEG decoding and encoding (libjpeg-turbo)"
    "libpng-dev|/usr/include/png.h|PNG decoding"
    "libwebp-dev|/usr/include/webp/decode.h|WebP decoding"
    "libheif1|/usr/lib/*/libheif.so.1|HEIC and AVIF pictures (opened at run time; only the tests insist on it)"
    "libzstd-dev|/usr/include/zstd.h|compressed embeddings and index"
    "zlib1g-dev|/usr/include/zlib.h|gzipped vocabularies and tars"
    "libsqlite3-dev|/usr/include/sqlite3.h|the sample catalog"
    "curl|/usr/bin/curl|shards at web addresses (run only for those)"
    "zstd|/usr/bin/zstd|compressed tars of the tests"
    "pkg-config|/usr/bin/pkg-config|finds the libraries above"
)

missing=()
for entry in "${needed[@]}"; do
    IFS='|' read -r package files why <<<"$entry"
    found=no
    for file in $files; do [ -e "$file" ] && found=yes; done
    if [ "$found" = no ]; then
        missing+=("$package")
        printf 'missing: %-16s %s\n' "$package" "$why" >&2
    fi
done

if ! command -v swift >/dev/null; then
    echo "missing: the Swift toolchain (6.2 or later); install it from swift.org and put its usr/bin on PATH" >&2
    exit 69
fi
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "${1:-}" = --check ]; then
    echo "run Pipelines/install-packages.sh, or: apt-get install ${missing[*]}" >&2
    exit 69
fi
if ! command -v apt-get >/dev/null; then
    echo "this system has no apt-get; install the equivalents of: ${missing[*]}" >&2
    exit 69
fi

sudo=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "not root and no sudo here; as root run: apt-get install ${missing[*]}" >&2
        exit 69
    fi
    sudo=(sudo)
fi
echo "installing with apt-get: ${missing[*]}" >&2
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
