#!/usr/bin/env python3
"""Training speed of open_clip on Flickr8k at the tower sizes of Pipelines/recipes/flickr8k.yaml.

    Tests/Peers/.venv/bin/python Tests/Peers/train_open_clip.py FLICKR8K_FOLDER [--threads 2] [--steps 12]

FLICKR8K_FOLDER holds train/*.tar. Prints one JSON line: samples per second, median over the steps after two warm-up
steps, data preparation included (images are decoded once beforehand and kept, which favours this peer).
"""
import argparse, glob, io, json, statistics, tarfile, time

import numpy as np
import open_clip
import torch
from PIL import Image


def read(folder, limit):
    images, captions = [], []
    for path in sorted(glob.glob(f"{folder}/train/*.tar")):
        with tarfile.open(path) as tar:
            pending = {}
            for member in tar:
                key, _, extension = member.name.partition(".")
                pending.setdefault(key, {})[extension] = tar.extractfile(member).read()
        for parts in pending.values():
            picture = Image.open(io.BytesIO(parts["jpg"])).convert("RGB").resize((112, 112), Image.BICUBIC)
            images.append(np.asarray(picture))
            captions.append(json.loads(parts["json"])["captions"])
            if len(images) == limit:
                return np.stack(images), captions
    return np.stack(images), captions


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=256)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)

    images, captions = read(arguments.folder, arguments.batch * 4)
    model = open_clip.model.CLIP(
        embed_dim=256,
        vision_cfg=dict(image_size=96, patch_size=16, width=256, layers=6, head_width=64),
        text_cfg=dict(context_length=32, vocab_size=49408, width=256, heads=4, layers=4))
    tokenizer = open_clip.SimpleTokenizer(context_length=32)
    loss_function = open_clip.ClipLoss()
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    plain = [p for p in model.parameters() if p.ndim < 2]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.2}, {"params": plain, "weight_decay": 0.0}],
        lr=1e-3, betas=(0.9, 0.98), eps=1e-6)
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073]).view(1, 3, 1, 1)
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711]).view(1, 3, 1, 1)

    seconds = []
    for step in range(arguments.steps + 2):
        started = time.perf_counter()
        chosen = rng.permutation(len(images))[: arguments.batch]
        y, x = rng.integers(0, 17, 2)
        pixels = images[chosen, y : y + 96, x : x + 96]
        if rng.random() < 0.5:
            pixels = pixels[:, :, ::-1]
        batch = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float().div_(255)
        batch = (batch - mean) / std
        tokens = tokenizer([captions[i][rng.integers(len(captions[i]))] for i in chosen])
        image_features, text_features, scale = model(batch, tokens)
        loss = loss_function(image_features, text_features, scale)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, np.log(100))
        seconds.append(time.perf_counter() - started)
    median = statistics.median(seconds[2:])
    print(json.dumps({
        "peer": f"open_clip {open_clip.__version__}, torch {torch.__version__}", "threads": arguments.threads,
        "batch": arguments.batch, "samplesPerSecond": round(arguments.batch / median, 1), "loss": float(loss)}))


main()
