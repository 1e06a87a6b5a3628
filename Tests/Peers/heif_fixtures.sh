#!/bin/bash
# Makes the HEIC and AVIF pictures of Tests/ImagingTests with heif-enc (Debian package libheif-examples, 1.15.1) and Pillow.
#
#   Tests/Peers/heif_fixtures.sh [OUTPUT_FOLDER]
#
# Needs Tests/Peers/setup.sh; PYTHON and HEIF_ENC name other programs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../ImagingTests/Fixtures}
python=${PYTHON:-$here/.venv/bin/python} encoder=${HEIF_ENC:-heif-enc}
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
# A slope in every channel, 60 × 44, which the tests draw again; and the same lying on its side.
"$python" - "$work" <<'P'
import sys
from PIL import Image
slope = Image.new("RGB", (60, 44))
slope.putdata([(x * 4, y * 5, 255 - 2 * x - y) for y in range(44) for x in range(60)])
slope.save(f"{sys.argv[1]}/slope.png")
alpha = slope.copy()
alpha.putalpha(Image.linear_gradient("L").resize((60, 44)))
alpha.save(f"{sys.argv[1]}/alpha.png")
slope.transpose(Image.Transpose.ROTATE_90).save(f"{sys.argv[1]}/lying.png")
P
"$encoder" -q 95 -p chroma=444 "$work/slope.png" -o "$out/slope.heic"
"$encoder" -q 95 -p chroma=444 "$work/alpha.png" -o "$out/alpha.heic"
"$encoder" -q 95 -p chroma=444 "$work/lying.png" -o "$work/lying.heic"
"$encoder" -A -q 95 -p chroma=444 "$work/slope.png" -o "$out/slope.avif"
# A turn by 270 degrees anti-clockwise as one more property of the picture, as telephones write it.
"$python" - "$work/lying.heic" "$out/lying.heic" <<'P'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
turn = b"\0\0\0\x09irot\3"


def grow(name, count):
    at = data.index(name) - 4
    data[at:at + 4] = (int.from_bytes(data[at:at + 4], "big") + count).to_bytes(4, "big")
    return at


# ipma: version and flags, number of entries; an entry: item, number of properties, their indices. The picture is the last.
at = data.index(b"ipma") + 4 + 4 + 4 + 2
for _ in range(data[at - 3] - 1):
    at += 1 + data[at] + 2
properties, walk = 0, data.index(b"ipco") + 4
while walk < data.index(b"ipma") - 4:
    walk += int.from_bytes(data[walk:walk + 4], "big")
    properties += 1
data[at] += 1
data[at + data[at]:at + data[at]] = bytes([properties + 1])
end = grow(b"ipco", len(turn)) + int.from_bytes(data[data.index(b"ipco") - 4:data.index(b"ipco")], "big") - len(turn)
grow(b"ipma", 1), grow(b"iprp", len(turn) + 1), grow(b"meta", len(turn) + 1)
data[end:end] = turn
# iloc: the first item's extent is behind all this, and moves.
iloc = data.index(b"iloc") + 4
version, sizes = data[iloc], data[iloc + 4:iloc + 6]
at = iloc + 4 + 2 + 2 + 2 + (2 if version else 0) + 2 + (sizes[1] >> 4) + 2
width = sizes[0] >> 4
data[at:at + width] = (int.from_bytes(data[at:at + width], "big") + len(turn) + 1).to_bytes(width, "big")
open(sys.argv[2], "wb").write(data)
P
