"""From tars to image vectors: `vlmpipe embed` beside webdataset + Pillow + open_clip, with the same weights, alternating.

usage: embed_speed.py TOOL BENCH DATA FOLDER [--parts flickr8k,photographs,pixels] [--rounds 3] [--threads 2]
Prints images per second (medians of the rounds, without the time to load the model) and their ratios, for

    flickr8k      the 1,000 images of DATA/flickr8k/dev, and our tower alone in the same rounds
    photographs   24 photographs of 12 megapixels that this script makes of DATA/flickr8k/original
    pixels        decode + resample of DATA/flickr8k/original to 224 by itself, a core each

and the largest angle between both sides' vectors. The peer is given the better of two ways, tried first: decoding in the
process of the tower, and in a worker of its own.
"""
import argparse
import glob
import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tarfile
import time

parser = argparse.ArgumentParser()
for name in ("tool", "bench", "data", "folder"):
    parser.add_argument(name)
parser.add_argument("--parts", default="flickr8k,photographs,pixels")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)

import numpy as np  # noqa: E402
import open_clip  # noqa: E402
import torch  # noqa: E402
import webdataset  # noqa: E402
from PIL import Image  # noqa: E402

import random_checkpoints  # noqa: E402
from reference import build_open_clip  # noqa: E402

torch.set_num_threads(options.threads)
MODEL = "ViT-B-32"
BATCH = 64
PHOTOGRAPHS = 24
checkpoint = os.path.join(options.folder, "checkpoint")
workspace = os.path.join(options.folder, "workspace")


def run(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout


def vlmpipe(*arguments):
    return run(options.tool, *arguments, "--workspace", workspace, "--threads", str(options.threads), "--quiet")


def photographs():
    """Photographs of 12 megapixels, with noise as of a sensor, as JPEG of quality 90; made once."""
    path = os.path.join(options.folder, "photographs.tar")
    if os.path.exists(path):
        return path
    random = np.random.default_rng(1)
    source = tarfile.open(glob.glob(f"{options.data}/flickr8k/original/*.tar")[0])
    names = [member for member in source if member.name.endswith(".jpg")][:PHOTOGRAPHS]
    with tarfile.open(path + ".part", "w") as tar:
        for member in names:
            image = Image.open(source.extractfile(member)).convert("RGB")
            size = (4032, 3024) if image.width >= image.height else (3024, 4032)
            pixels = np.asarray(image.resize(size, Image.Resampling.BICUBIC)).astype(np.float32)
            noise = random.normal(0, 4, pixels.shape[:2] + (1,)) + random.normal(0, 2, pixels.shape)
            stream = io.BytesIO()
            Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8)).save(stream, "JPEG", quality=90)
            info = tarfile.TarInfo(os.path.basename(member.name))
            info.size = stream.tell()
            tar.addfile(info, io.BytesIO(stream.getvalue()))
    os.rename(path + ".part", path)
    return path


def ours(dataset, *flags):
    """Images per second, and the profile with the peak of anonymous and shared memory."""
    shutil.rmtree(f"{workspace}/spaces", ignore_errors=True)
    shutil.rmtree(f"{workspace}/runs", ignore_errors=True)
    text = vlmpipe("embed", "--images-only", "--dataset", dataset, "--profile", *flags)
    record = json.load(open(sorted(glob.glob(f"{workspace}/runs/*-embed/run.json"))[-1]))
    seconds = {stage["name"]: stage["seconds"] for stage in record["stages"]}
    text += f"  memory {record['peakMemoryBytes'] / 1e6:.0f} MB\n"
    return record["counts"]["images"] / seconds["embed"], text


def our_vectors():
    output = os.path.join(options.folder, "ours")
    vlmpipe("index", "export", "--to", "npy", "--output", output + ".npy")
    with open(output + ".npy.keys", encoding="utf-8") as file:
        return dict(zip(file.read().splitlines(), np.load(output + ".npy")))


class Peer:
    def __init__(self):
        description = json.load(open(f"{checkpoint}/open_clip_config.json"))
        from safetensors.torch import load_file

        self.model = build_open_clip(description["model_cfg"])
        self.model.load_state_dict(load_file(f"{checkpoint}/open_clip_model.safetensors"))
        self.model.eval()
        settings = description["preprocess_cfg"]
        self.preprocess = open_clip.image_transform(
            224, is_train=False, mean=settings["mean"], std=settings["std"], interpolation=settings["interpolation"],
            resize_mode=settings["resize_mode"])

    def rate(self, tars, workers):
        """Images per second, and the vectors by key."""
        pairs = webdataset.WebDataset(tars, shardshuffle=False).decode("pil").to_tuple("__key__", "jpg")
        pairs = pairs.map_tuple(lambda key: key, self.preprocess).batched(BATCH)
        loader = webdataset.WebLoader(pairs, batch_size=None, num_workers=workers)
        vectors = {}
        start = time.monotonic()
        with torch.inference_mode():
            for keys, pixels in loader:
                if not torch.is_tensor(pixels):
                    pixels = torch.stack(list(pixels))
                features = torch.nn.functional.normalize(self.model.encode_image(pixels), dim=-1)
                vectors.update(zip(keys, features.numpy()))
        return len(vectors) / (time.monotonic() - start), vectors


def line(name, values):
    print(f"{name:44} {statistics.median(values):8.2f} images/s   ({min(values):.2f} to {max(values):.2f})")
    return statistics.median(values)


def towers(tars, dataset, variants, with_tower):
    theirs, rates, tower, profiles, peer = [], {name: [] for name in variants}, [], {}, Peer()
    workers = max((0, 1), key=lambda count: peer.rate(tars, count)[0])
    for _ in range(options.rounds):
        rate, expected = peer.rate(tars, workers)
        theirs.append(rate)
        for name, flags in variants.items():
            rate, profiles[name] = ours(dataset, *flags)
            rates[name].append(rate)
            if not flags:
                mine = our_vectors()
        if with_tower:
            result = json.loads(run(
                options.bench, "towers", MODEL, "--precision", "fp32", "--threads", str(options.threads)))
            tower.append(result[0]["itemsPerSecond"])
    print(f"\n{dataset}: {MODEL}, {options.threads} threads, {options.rounds} rounds")
    base = line(f"webdataset + Pillow + open_clip, {workers} workers", theirs)
    for name in variants:
        median = line(f"vlmpipe embed {name}", rates[name])
        print(f"{'':44} {median / base:8.2f} times the peer")
        if with_tower and not variants[name]:
            alone = line("our tower alone", tower)
            print(f"{'':44} {median / alone:8.3f} of the tower alone")
    for name, text in profiles.items():
        print(f"vlmpipe embed {name}--profile:\n{text}", end="")
    assert mine.keys() == expected.keys(), "both sides embedded other images"
    angles = [1 - float(np.dot(mine[key], expected[key])) for key in mine]
    print(f"largest 1 - cosine between both sides over {len(angles)} images: {max(angles):.1e} (vectors rest in half precision)")


def pixels(tar):
    images = []
    with tarfile.open(tar) as source:
        images = [source.extractfile(member).read() for member in source if member.name.endswith(".jpg")]
    preprocess = open_clip.image_transform(224, is_train=False, interpolation="bicubic", resize_mode="shortest")
    resize, crop = preprocess.transforms[:2]
    rates = {"exact": [], "fast": [], "Pillow": []}
    for _ in range(options.rounds):
        for decode in ("exact", "fast"):
            rates[decode].append(json.loads(
                run(options.bench, "pixels", tar, "--decode", decode, "--passes", "1"))["imagesPerCPUSecond"])
        start = time.process_time()
        for image in images:
            crop(resize(Image.open(io.BytesIO(image)))).convert("RGB")
        rates["Pillow"].append(len(images) / (time.process_time() - start))
    print(f"\ndecode + resample to 224, {len(images)} images of {os.path.basename(tar)}, a core each")
    base = line("Pillow", rates["Pillow"])
    for decode in ("exact", "fast"):
        print(f"{'':44} {line(f'vlmpipe, {decode}', rates[decode]) / base:8.2f} times Pillow")


os.makedirs(options.folder, exist_ok=True)
sys.stdout.reconfigure(line_buffering=True)
if not os.path.exists(f"{checkpoint}/open_clip_config.json"):
    random_checkpoints.write(MODEL, checkpoint)
shutil.rmtree(workspace, ignore_errors=True)
vlmpipe("model", "import", checkpoint, "--name", "b32")
parts = options.parts.split(",")
if "flickr8k" in parts:
    tars = sorted(glob.glob(f"{options.data}/flickr8k/dev/*.tar"))
    vlmpipe("ingest", *tars, "--dataset", "flickr8k", "--no-captions")
    towers(tars, "flickr8k", {"": []}, True)
if "photographs" in parts:
    tars = [photographs()]
    vlmpipe("ingest", *tars, "--dataset", "photographs", "--no-captions")
    variants = {
        "": [], "--decode fast ": ["--decode", "fast"],
        "--precision int8 ": ["--precision", "int8", "--accept-loss"],
        "--decode fast --precision int8 ": ["--decode", "fast", "--precision", "int8", "--accept-loss"],
    }
    towers(tars, "photographs", variants, False)
if "pixels" in parts:
    pixels(sorted(glob.glob(f"{options.data}/flickr8k/original/*.tar"))[0])
    pixels(photographs())
