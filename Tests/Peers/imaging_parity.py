#!/usr/bin/env python3
"""Compares the pixels that vlmpipe gives a model with those of open_clip's and transformers' transforms, byte for byte.

    swift build -c release
    .venv/bin/python Tests/Peers/imaging_parity.py FOLDER... [--vlmpipe .build/release/vlmpipe] [--seed 1]

Every picture in the folders and 500 synthetic ones (odd sizes, every mode, sampling and interlacing that the formats
have) go through each recipe; the table on stdout says how many came out identical. Exits with 1 if any other did not.
Pictures that the reference cannot read, and those that only one side reads, are listed by name.

Pillow is to be the release that the recipes name (12, as in requirements.txt): Pillow 13 orders the two passes of
a resize differently, which changes pixels of pictures much taller than wide, or squashed.
"""
import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

import numpy as np
import PIL
import torch
from PIL import Image, ImageOps, features

import imaging_files
from imaging_files import png, png_chunk, saved

Recipe = collections.namedtuple("Recipe", "name family resize_mode interpolation orientation fill")
RECIPES = [
    Recipe("open_clip shortest bicubic", "open_clip", "shortest", "bicubic", "none", 0),
    Recipe("open_clip shortest bilinear", "open_clip", "shortest", "bilinear", "none", 0),
    Recipe("open_clip squash bicubic", "open_clip", "squash", "bicubic", "none", 0),
    Recipe("open_clip longest bicubic", "open_clip", "longest", "bicubic", "none", 0),
    Recipe("open_clip shortest, upright", "open_clip", "shortest", "bicubic", "exif", 0),
    Recipe("HF CLIP", "clip", "shortest", "bicubic", "none", 0),
    Recipe("HF SigLIP", "siglip", "squash", "bicubic", "none", 0),
    Recipe("HF SigLIP 2", "siglip", "squash", "bilinear", "none", 0),
]
FIXTURES = pathlib.Path(__file__).parent.parent / "EncodersTests/Fixtures"


def synthetic(folder, count, seed):
    """Writes the pictures and returns (kind, path) of each."""
    random = np.random.default_rng(seed)

    def rgb(width, height, channels=3):
        return imaging_files.picture(random, width, height, channels)

    def image(width, height, mode):
        return Image.frombytes(mode, (width, height), rgb(width, height, len(mode)).tobytes())

    def jpeg(mode="RGB", **options):
        return lambda w, h: ("jpg", saved(image(w, h, mode), "JPEG", quality=int(random.integers(30, 96)), **options))

    def sampled(subsampling, old, new, width_unit, height_unit):
        def make(width, height):
            width, height = -(-width // width_unit) * width_unit, -(-height // height_unit) * height_unit
            data = saved(image(width, height, "RGB"), "JPEG", subsampling=subsampling)
            return "jpg", imaging_files.patched_sampling(data, old, new)
        return make

    def raw_png(color_type, depth, interlaced=False):
        def make(width, height):
            extra, top = b"", 1 << depth
            if color_type == 3:
                top = int(random.integers(1, top + 1))
                extra = png_chunk(b"PLTE", random.integers(0, 256, 3 * top, dtype=np.uint8).tobytes())
                if random.integers(2):
                    extra += png_chunk(b"tRNS", random.integers(0, 256, top, dtype=np.uint8).tobytes())
            samples = rgb(width, height, {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color_type]).astype(int)
            if color_type == 3:
                samples %= top
            elif depth == 16:
                # Some values below 256, since grey is cut there.
                samples = samples * 257 >> int(random.integers(0, 9))
            else:
                samples >>= 8 - depth
            return "png", png(samples, depth, color_type, interlaced, extra)
        return make

    def webp(mode, **options):
        return lambda w, h: ("webp", saved(image(w, h, mode), "WEBP", **options))

    kinds = {
        "JPEG 4:4:4": jpeg(subsampling=0), "JPEG 4:2:2": jpeg(subsampling=1), "JPEG 4:2:0": jpeg(subsampling=2),
        "JPEG 4:4:0": sampled(1, 0x21, 0x12, 16, 16), "JPEG 4:1:1": sampled(2, 0x22, 0x41, 32, 16),
        "JPEG 4:4:4 progressive": jpeg(subsampling=0, progressive=True),
        "JPEG 4:2:0 progressive": jpeg(subsampling=2, progressive=True),
        "JPEG restart markers": jpeg(restart_marker_blocks=3), "JPEG grey": jpeg("L"), "JPEG CMYK": jpeg("CMYK"),
        "JPEG YCCK": lambda w, h: ("jpg", imaging_files.as_ycck(jpeg("CMYK")(w, h)[1])),
        "JPEG with orientation": lambda w, h: (
            "jpg", saved(image(w, h, "RGB"), "JPEG",
                         exif=b"Exif\0\0" + imaging_files.exif(int(random.integers(2, 9))))),
        "PNG with alpha and orientation": lambda w, h: (
            "png", saved(image(w, h, "RGBA"), "PNG", exif=imaging_files.exif(int(random.integers(2, 9)), ">"))),
        "WebP lossy": webp("RGB", quality=80), "WebP lossless": webp("RGB", lossless=True),
        "WebP lossy with alpha": webp("RGBA", quality=80),
        "WebP lossless with alpha": webp("RGBA", lossless=True, exact=True),
        "WebP animation": lambda w, h: ("webp", saved(
            image(w, h, "RGBA"), "WEBP", save_all=True, append_images=[image(w, h, "RGBA")], lossless=True)),
    }
    for color_type, name, depths in [(0, "grey", [1, 2, 4, 8, 16]), (2, "RGB", [8, 16]), (3, "palette", [1, 2, 4, 8]),
                                     (4, "grey + alpha", [8, 16]), (6, "RGBA", [8, 16])]:
        for depth in depths:
            kinds[f"PNG {name} {depth}"] = raw_png(color_type, depth)
            kinds[f"PNG {name} {depth} interlaced"] = raw_png(color_type, depth, True)
    made = []
    for number in range(count):
        kind = list(kinds)[number % len(kinds)]
        # As many small as large sides; some pictures are very tall or wide.
        width, height = (int(2 ** random.uniform(0, np.log2(400.99))) for _ in "wh")
        ending, data = kinds[kind](width, height)
        path = folder / f"{number:03}-{width}x{height}.{ending}"
        path.write_bytes(data)
        made.append((kind, path))
    return made


def reference(recipe, size):
    """A function from an opened picture to U8 [size, size, 3]."""
    if recipe.family == "open_clip":
        from open_clip.transform import image_transform

        transform = image_transform(
            size, False, (0, 0, 0), (1, 1, 1), recipe.resize_mode, recipe.interpolation, recipe.fill)
        # The last two steps make floats of the bytes that are compared.
        steps = transform.transforms[:-2]

        def pixels(image):
            for step in steps:
                image = step(image)
            return np.asarray(image)
        return pixels
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    resample = {"bicubic": 3, "bilinear": 2}[recipe.interpolation]
    if recipe.family == "clip":
        processor = CLIPImageProcessorPil(
            size={"shortest_edge": size}, crop_size={"height": size, "width": size}, resample=resample)
    else:
        processor = SiglipImageProcessorPil(size={"height": size, "width": size}, resample=resample)

    def pixels(image):
        values = processor(image, do_rescale=False, do_normalize=False, return_tensors="np")["pixel_values"][0]
        return values.astype(np.uint8).transpose(1, 2, 0)
    return pixels


def our_pixels(recipe, size, paths, program):
    """U8 [n, size, size, 3]; black where a picture is refused. The weights in the folder are not read."""
    fixture = {"open_clip": "clip-openclip-gelu-f32", "clip": "clip-hf-gelu-bf16", "siglip": "siglip-hf-tanh-heads-72"}
    with tempfile.TemporaryDirectory() as scratch:
        model = pathlib.Path(scratch) / "model"
        shutil.copytree(FIXTURES / fixture[recipe.family], model)
        if recipe.family == "open_clip":
            change(model / "open_clip_config.json", lambda config: (
                config["model_cfg"]["vision_cfg"].update(image_size=size),
                config["preprocess_cfg"].update(
                    size=[size, size], resize_mode=recipe.resize_mode, interpolation=recipe.interpolation)))
        else:
            change(model / "config.json", lambda config: config["vision_config"].update(image_size=size))
            square = {"height": size, "width": size}
            sizes = {"clip": {"size": {"shortest_edge": size}, "crop_size": square}, "siglip": {"size": square}}
            change(model / "preprocessor_config.json", lambda config: config.update(
                resample={"bicubic": 3, "bilinear": 2}[recipe.interpolation], **sizes[recipe.family]))
        output = pathlib.Path(scratch) / "pixels.npy"
        result = np.zeros((len(paths), size, size, 3), np.uint8)
        left = dict(enumerate(map(str, paths)))
        while left:
            run = subprocess.run(
                [program, "encode", "--images", "-", "--pixels", "--orient", recipe.orientation, "--model", f"{model}/",
                 "--output", str(output), "--quiet"],
                input="\n".join(left.values()) + "\n", text=True, stderr=subprocess.PIPE)
            if run.returncode == 0:
                result[list(left)] = np.load(output)
                break
            # The first picture that is refused is named; the others are asked for again.
            refused = [index for index, path in left.items() if f"{path}: the image cannot be decoded" in run.stderr]
            if len(refused) != 1:
                raise RuntimeError(run.stderr)
            del left[refused[0]]
        return result


def change(path, edit):
    value = json.loads(path.read_text())
    edit(value)
    path.write_text(json.dumps(value))


def compare(recipe, size, files, program):
    """Counts by kind, and the names of pictures that are not identical with what is wrong."""
    counts, notes = collections.defaultdict(collections.Counter), []
    transform = reference(recipe, size)
    ours = our_pixels(recipe, size, [path for _, path in files], program)
    for (kind, path), got in zip(files, ours, strict=True):
        counts[kind]["pictures"] += 1
        try:
            image = Image.open(path)
            image.load()
            if recipe.orientation == "exif":
                image = ImageOps.exif_transpose(image)
            expected = transform(image)
        except Exception as error:
            outcome = "refused by both" if not got.any() else "read by vlmpipe only"
            counts[kind][outcome] += 1
            if got.any():
                notes.append(f"{path.name}: {outcome} ({type(error).__name__}: {error})")
            continue
        if np.array_equal(got, expected):
            counts[kind]["identical"] += 1
        elif not got.any():
            counts[kind]["read by the reference only"] += 1
            notes.append(f"{path.name}: read by the reference only")
        else:
            difference = np.abs(got.astype(int) - expected)
            counts[kind]["different"] += 1
            counts[kind]["largest difference"] = max(counts[kind]["largest difference"], int(difference.max()))
            notes.append(f"{path.name} ({kind}): {(difference > 0).mean():.1%} of the bytes differ, by up to "
                         f"{difference.max()}")
    return counts, notes


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folders", nargs="*", type=pathlib.Path)
    arguments.add_argument("--vlmpipe", default=".build/release/vlmpipe")
    arguments.add_argument("--size", type=int, default=224)
    arguments.add_argument("--count", type=int, default=500, help="synthetic pictures")
    arguments.add_argument("--seed", type=int, default=1)
    options = arguments.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        files = synthetic(pathlib.Path(scratch), options.count, options.seed)
        for folder in options.folders:
            found = sorted(path for path in folder.rglob("*") if path.is_file())
            files += [(f"{path.parent.name}/", path) for path in found if is_picture(path)]
        print(f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, seed {options.seed}")
        columns = ["pictures", "identical", "different", "largest difference", "refused by both",
                   "read by vlmpipe only", "read by the reference only"]
        print("\n| recipe | kind | " + " | ".join(columns) + " |\n|" + " --- |" * (len(columns) + 2))
        failures = 0
        for recipe in RECIPES:
            counts, notes = compare(recipe, options.size, files, options.vlmpipe)
            total = sum(counts.values(), collections.Counter())
            total["largest difference"] = max(count["largest difference"] for count in counts.values())
            odd = {kind: count for kind, count in counts.items() if count["identical"] != count["pictures"]}
            for kind, count in {"all": total, **odd}.items():
                print(f"| {recipe.name} | {kind} | " + " | ".join(str(count[column]) for column in columns) + " |")
            for note in notes:
                print(f"{recipe.name}: {note}", file=sys.stderr)
            failures += total["different"]
    return 1 if failures else 0


def is_picture(path):
    """Whether a file begins like one of the formats that are read."""
    with path.open("rb") as file:
        head = file.read(12)
    return head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (head[:4], head[8:]) == (b"RIFF", b"WEBP")


if __name__ == "__main__":
    sys.exit(main())
