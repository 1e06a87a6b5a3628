#!/usr/bin/env python3
"""Makes the fixtures of Tests/ImagingTests with Pillow, the reference for decoding and resizing.

    python3 -m venv venv && venv/bin/pip install pillow==12.3.0 numpy
    venv/bin/python Tests/Peers/imaging_golden.py [OUTPUT_FOLDER]

Writes small pictures in every supported variant, and golden.json + golden.bin + golden-more.bin: for each case the
pixels that Pillow makes of a picture (RGB, row-major). The same versions and seed give the same bytes.
"""
import io
import json
import pathlib
import sys
import warnings

import numpy as np
import PIL
from PIL import Image, ImageEnhance, ImageOps, features

import imaging_files
from imaging_files import as_ycck, exif, patched_sampling, png, png_chunk, saved

SEED = 20240611
FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "ImagingTests/Fixtures")
warnings.simplefilter("ignore")
out.mkdir(parents=True, exist_ok=True)
for old in out.iterdir():
    if old.suffix not in (".heic", ".avif"):  # heif_fixtures.sh makes those
        old.unlink()
random = np.random.default_rng(SEED)
cases, blobs = [], {"golden.bin": bytearray(), "golden-more.bin": bytearray()}


def picture(width, height, channels=3):
    return imaging_files.picture(random, width, height, channels)


def store(name, data):
    (out / name).write_bytes(data)
    return name


def golden(file, image, blob="golden.bin", **operation):
    """Notes that `operation` on `file` gives these pixels."""
    pixels = np.asarray(image.convert("RGB"))
    cases.append({"file": file, **operation, "width": pixels.shape[1], "height": pixels.shape[0], "blob": blob,
                  "offset": len(blobs[blob])})
    blobs[blob].extend(pixels.tobytes())


def decoded(name, data):
    store(name, data)
    image = Image.open(io.BytesIO(data))
    image.load()
    golden(name, image, operation="decode")
    return image


# JPEG: every chroma layout, odd sizes, progressive, restart markers, grey, CMYK.
base = Image.fromarray(picture(29, 23))
for name, subsampling in {"444": 0, "422": 1, "420": 2}.items():
    decoded(f"rgb-{name}.jpg", saved(base, "JPEG", quality=85, subsampling=subsampling))
    decoded(f"rgb-{name}-progressive.jpg", saved(base, "JPEG", quality=60, subsampling=subsampling, progressive=True))
square = Image.fromarray(picture(64, 32))
decoded("rgb-440.jpg", patched_sampling(saved(square, "JPEG", subsampling=1), 0x21, 0x12))
decoded("rgb-411.jpg", patched_sampling(saved(square, "JPEG", subsampling=2), 0x22, 0x41))
for size in [(1, 1), (2, 3), (5, 1), (1, 9), (8, 8), (17, 16)]:
    tiny = Image.fromarray(picture(*size))
    decoded(f"rgb-{size[0]}x{size[1]}.jpg", saved(tiny, "JPEG", quality=90))
decoded("restart.jpg", saved(base, "JPEG", quality=75, restart_marker_blocks=2))
decoded("grey.jpg", saved(base.convert("L"), "JPEG", quality=80))
decoded("cmyk.jpg", saved(Image.fromarray(picture(21, 18, 4), "CMYK"), "JPEG", quality=85))
decoded("ycck.jpg", as_ycck(saved(Image.fromarray(picture(21, 18, 4), "CMYK"), "JPEG", quality=85)))

# PNG: all colour types and depths, interlaced and not (Pillow writes no interlaced files: these are made by hand).
small = picture(19, 13)


palette = png_chunk(b"PLTE", random.integers(0, 256, 3 * 16, dtype=np.uint8).tobytes())
transparency = png_chunk(b"tRNS", bytes(range(0, 160, 10)))
for color_type, channels, depths in [(0, 1, [1, 2, 4, 8, 16]), (2, 3, [8, 16]), (3, 1, [1, 2, 4, 8]), (4, 2, [8, 16]),
                                     (6, 4, [8, 16])]:
    for depth in depths:
        top = min(1 << depth, 16) if color_type == 3 else 1 << depth
        samples = random.integers(0, top, (13, 19, channels))
        if color_type == 0 and depth == 16:
            samples[:7] //= 256  # Grey of 16 bits is clipped at 255, so half of it must lie below.
        extra = b""
        if color_type == 3:
            extra = palette if depth > 1 else png_chunk(b"PLTE", bytes([200, 10, 30, 5, 90, 250]))
        if color_type == 3 and depth == 8:
            extra += transparency
        decoded(f"png-{color_type}-{depth}.png", png(samples, depth, color_type, extra=extra))
        if depth in (4, 8, 16):
            decoded(f"png-{color_type}-{depth}-interlaced.png", png(samples, depth, color_type, True, extra))

# WebP: lossy, lossless, with alpha, an animation whose first frame is not the whole canvas.
decoded("lossy.webp", saved(base, "WEBP", quality=80))
decoded("lossless.webp", saved(base, "WEBP", lossless=True))
alpha = Image.fromarray(np.dstack([small, random.integers(0, 256, small.shape[:2], dtype=np.uint8)]), "RGBA")
decoded("alpha-lossy.webp", saved(alpha, "WEBP", quality=90))
decoded("alpha-lossless.webp", saved(alpha, "WEBP", lossless=True, exact=True))
frames = [Image.fromarray(picture(24, 20)) for _ in range(3)]
decoded("animated.webp", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True))

# Orientation: all eight, in each format and byte order.
upright = Image.fromarray(picture(11, 7))
for value in range(1, 9):
    order = "<>"[value % 2]
    block = exif(value, order)
    for name, data in {
        f"orientation-{value}.jpg": saved(upright, "JPEG", quality=95, exif=b"Exif\0\0" + block),
        f"orientation-{value}.png": saved(upright, "PNG", exif=block),
        f"orientation-{value}.webp": saved(upright, "WEBP", lossless=True, exif=block),
    }.items():
        store(name, data)
        image = Image.open(io.BytesIO(data))
        assert image.getexif().get(0x0112) == value
        golden(name, ImageOps.exif_transpose(image), operation="orient")

# Resizing: down, up, one axis only, tiny, very tall; whole and from a box (Pillow's, which reads across its edges, and
# torchvision's, which crops first).
source = store("source.png", saved(base, "PNG"))
for name, kernel in FILTERS.items():
    for size in [(16, 16), (50, 34), (29, 10), (11, 23), (29, 23), (1, 1), (3, 40), (28, 24)]:
        golden(source, base.resize(size, kernel), operation="resize", filter=name)
    for box in [(3, 2, 20, 21), (0, 0, 29, 13), (22, 14, 29, 23), (5, 5, 6, 6)]:
        box_text = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
        for size in [(12, 12), (17, 19), (box_text[2], box_text[3])]:
            golden(source, base.resize(size, kernel, box=box), operation="resizeBox", filter=name, box=box_text)
            golden(source, base.crop(box).resize(size, kernel), operation="resizeCrop", filter=name, box=box_text)
for width, height in [(1, 1), (2, 2), (3, 5), (4, 4), (2, 230)]:
    image = Image.fromarray(picture(width, height))
    file = store(f"source-{width}x{height}.png", saved(image, "PNG"))
    for name, kernel in FILTERS.items():
        for size in [(1, 1), (5, 4), (2, 19), (9, 2)]:
            golden(file, image.resize(size, kernel), operation="resize", filter=name)


# As Pillow 13 orders the passes: rows first where the height shrinks by more than twice what the width does.
for name, kernel in FILTERS.items():
    for width, height in [(28, 20), (27, 20), (29, 22), (35, 22), (28, 23), (35, 30), (8, 1), (3, 2), (20, 4)]:
        rows_first = base.height - height > max(0, 2 * (base.width - width))
        middle = base.resize((base.width, height) if rows_first else (width, base.height), kernel)
        golden(source, middle.resize((width, height), kernel), blob="golden-more.bin", operation="resizePillow13",
               filter=name)


# Preprocessing, restated from torchvision and open_clip.
def shortest(image, size, kernel, half_to_even):
    width, height = image.size
    short, long = sorted((width, height))
    scaled = int(size * long / short)
    image = image.resize((size, scaled) if width <= height else (scaled, size), kernel)
    left, top = (int(round((side - size) / 2.0)) if half_to_even else (side - size) // 2 for side in image.size)
    return image.crop((left, top, left + size, top + size))


def longest(image, size, kernel, fill=10):
    ratio = max(image.height / size, image.width / size)
    image = image.resize(tuple(round(side / ratio) for side in image.size), kernel)
    left, top = (size - image.width) // 2, (size - image.height) // 2
    border = (left, top, size - image.width - left, size - image.height - top)
    channel_count = len(image.getbands())
    padded = ImageOps.expand(image, border, fill=(fill,) * channel_count if channel_count > 1 else fill)
    if image.mode == "P":
        padded.putpalette(image.getpalette())
    return padded


for size in (8, 11, 14, 23, 26):
    for name, kernel in FILTERS.items():
        golden(source, base.resize((size, size), kernel), operation="squash", filter=name)
        golden(source, shortest(base, size, kernel, True), operation="shortestHalfToEven", filter=name)
        golden(source, shortest(base, size, kernel, False), operation="shortestDown", filter=name)
        golden(source, longest(base, size, kernel), operation="longest", filter=name)

# Pictures of other modes, resized before they are converted to RGB.
native = ["cmyk.jpg", "ycck.jpg", "grey.jpg", "png-0-1.png", "png-0-4.png", "png-0-16.png", "png-0-16-interlaced.png",
          "png-2-16.png", "png-3-1.png", "png-3-8.png", "png-3-4-interlaced.png", "png-4-8.png", "png-4-16.png",
          "png-6-8.png", "png-6-16-interlaced.png", "alpha-lossy.webp", "alpha-lossless.webp", "lossy.webp",
          "animated.webp"]
rgba = alpha.resize((23, 17), Image.Resampling.NEAREST)
native.append(store("rgba-orientation-6.png", saved(rgba, "PNG", exif=exif(6, "<"))))
indexed = rgba.convert("RGB").quantize(40)
native.append(store("palette-orientation-7.png", saved(indexed, "PNG", exif=exif(7, ">"), transparency=3)))
for file in native:
    image = ImageOps.exif_transpose(Image.open(out / file))
    for size, names in {6: ["bicubic", "bilinear"], 13: ["bicubic"], 20: ["bilinear"]}.items():
        for name in names:
            kernel = FILTERS[name]
            for operation, result in {
                "nativeSquash": image.resize((size, size), kernel),
                "nativeShortest": shortest(image, size, kernel, True),
                "nativeLongest": longest(image, size, kernel, 2),
            }.items():
                golden(file, result, blob="golden-more.bin", operation=operation, filter=name)

# Colour, as torchvision's functions on Pillow images.
def hue(image, share):
    h, s, v = image.convert("HSV").split()
    array = np.array(h, dtype=np.uint8)
    with np.errstate(over="ignore"):
        array += np.uint8(int(share * 255) % 256)
    return Image.merge("HSV", (Image.fromarray(array, "L"), s, v)).convert("RGB")


for factor in (0.0, 0.4, 1.7, 3.0):
    golden(source, ImageEnhance.Brightness(base).enhance(factor), operation="brightness", amount=factor)
    golden(source, ImageEnhance.Contrast(base).enhance(factor), operation="contrast", amount=factor)
    golden(source, ImageEnhance.Color(base).enhance(factor), operation="saturation", amount=factor)
for share in (-0.5, -0.2, 0.0, 0.1, 0.5):
    golden(source, hue(base, share), operation="hue", amount=share)

# JPEG large enough that the crop drops whole blocks: every chroma layout, restart markers, grey, progressive; wide, tall.
for width, height, shape in [(224, 96, "wide"), (96, 224, "tall")]:
    large = Image.fromarray(picture(width, height))
    for name, data in {
        "444": saved(large, "JPEG", quality=50, subsampling=0),
        "422": saved(large, "JPEG", quality=50, subsampling=1),
        "420": saved(large, "JPEG", quality=50, subsampling=2),
        "440": patched_sampling(saved(large, "JPEG", quality=50, subsampling=1), 0x21, 0x12),
        "411": patched_sampling(saved(large, "JPEG", quality=50, subsampling=2), 0x22, 0x41),
        "restart": saved(large, "JPEG", quality=50, restart_marker_blocks=3),
        "progressive": saved(large, "JPEG", quality=50, progressive=True),
        "grey": saved(large.convert("L"), "JPEG", quality=50),
    }.items():
        file = store(f"{shape}-{name}.jpg", data)
        result = shortest(Image.open(io.BytesIO(data)), 31, FILTERS["bicubic"], True)
        golden(file, result, blob="golden-more.bin", operation="cropped", filter="bicubic")

for name, blob in blobs.items():
    (out / name).write_bytes(bytes(blob))
note = {"pillow": PIL.__version__, "libjpeg-turbo": features.version("libjpeg_turbo"),
        "libwebp": features.version("webp"), "numpy": np.__version__, "seed": SEED}
lines = ",\n".join("    " + json.dumps(case) for case in cases)
(out / "golden.json").write_text('{\n  "made": ' + json.dumps(note) + ',\n  "cases": [\n' + lines + "\n  ]\n}\n")
print(f"{len(cases)} cases, {sum(map(len, blobs.values()))} pixel bytes in {out}")
