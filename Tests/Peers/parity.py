#!/usr/bin/env python3
"""One model's parity with the library that defines it, end to end: picture files to embeddings, captions to embeddings.

    parity.py reference FOLDER PICTURES CAPTIONS OUT.npz     what the library computes
    parity.py compare FOLDER PICTURES CAPTIONS OUT.npz TOOL  the same by the tool; prints a row of the table, fails on a bound

PICTURES is a folder with `photos` and `oriented`; CAPTIONS a file of texts, one a line. See parity.sh.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy

EMBEDDING_BOUND, COSINE_BOUND = 1e-5, 0.999999


def pictures(folder, kind):
    return [os.path.join(folder, kind, name) for name in sorted(os.listdir(os.path.join(folder, kind)))]


def texts(path):
    with open(path, encoding="utf-8") as file:
        return file.read().split("\n")[:-1]


def reference(folder, picture_folder, caption_path, output):
    import torch
    from PIL import Image, ImageOps

    from reference import open_reference

    torch.set_num_threads(int(os.environ.get("PARITY_THREADS", "2")))
    model = open_reference(folder)
    result = {}

    def encode_pictures(name, paths, open_picture):
        pixels = [model.pixels(open_picture(Image.open(path))) for path in paths]
        start = time.monotonic()
        batches = [model.image_embeddings(torch.stack(pixels[i:i + 8])) for i in range(0, len(pixels), 8)]
        result[f"{name}.seconds"] = numpy.array(time.monotonic() - start)
        result[f"{name}.pixels"] = torch.stack(pixels).numpy()
        result[f"{name}.embeddings"] = torch.cat(batches).numpy()

    encode_pictures("photos", pictures(picture_folder, "photos"), lambda image: image)
    encode_pictures("stored", pictures(picture_folder, "oriented"), lambda image: image)
    encode_pictures("upright", pictures(picture_folder, "oriented"), ImageOps.exif_transpose)
    tokens = model.tokenizer()(texts(caption_path))
    start = time.monotonic()
    batches = [model.text_embeddings(tokens[i:i + 32]) for i in range(0, len(tokens), 32)]
    result["captions.seconds"] = numpy.array(time.monotonic() - start)
    result["captions.embeddings"] = torch.cat(batches).numpy()
    lengths = model.lengths(tokens)
    result["captions.tokens"] = numpy.array(
        [[*row[:length].tolist(), *[-1] * (len(row) - length)] for row, length in zip(tokens, lengths)], dtype=numpy.int32)
    numpy.savez(output, **result)


def tool_lines(tool, arguments, lines):
    return subprocess.run([tool, "encode", *arguments], input="".join(line + "\n" for line in lines), text=True,
                          check=True, stdout=subprocess.PIPE).stdout


def difference(ours, theirs):
    """Largest difference of a value and smallest cosine of a row; a value that is not a number is infinitely wrong."""
    if ours.shape != theirs.shape or not numpy.isfinite(ours).all():
        return float("inf"), 0.0
    ours, theirs = ours.astype(numpy.float64), theirs.astype(numpy.float64)
    cosines = (ours * theirs).sum(1) / numpy.linalg.norm(ours, axis=1) / numpy.linalg.norm(theirs, axis=1)
    return float(numpy.abs(ours - theirs).max()), float(cosines.min())


def compare(folder, picture_folder, caption_path, output, tool):
    known = numpy.load(output)
    model = ["--model", os.path.join(os.path.abspath(folder), ""), "--quiet"]
    worst, cosine, failures, counts = {}, {}, [], {}
    with tempfile.TemporaryDirectory() as work:
        for name, kind, orient in (("photos", "photos", "none"), ("stored", "oriented", "none"), ("upright", "oriented", "exif")):
            paths = pictures(picture_folder, kind)
            array = os.path.join(work, "array.npy")
            options = [*model, "--images", "-", "--orient", orient, "--output", array]
            tool_lines(tool, [*options, "--pixels"], paths)
            same = (numpy.load(array) == known[f"{name}.pixels"]).all(axis=(1, 2, 3))
            counts[name] = f"{int(same.sum())}/{len(paths)}"
            failures += [f"pixels of {path} ({orient})" for path, is_same in zip(paths, same) if not is_same]
            start = time.monotonic()
            tool_lines(tool, options, paths)
            print(f"# {name}: {len(paths)} pictures, tool {time.monotonic() - start:.1f} s with decoding, library "
                  f"{float(known[name + '.seconds']):.1f} s without", file=sys.stderr)
            worst[name], cosine[name] = difference(numpy.load(array), known[f"{name}.embeddings"])
        captions = texts(caption_path)
        rows = [json.loads(line)["tokens"] for line in tool_lines(tool, [*model, "--texts", "-", "--tokens"], captions).splitlines()]
        theirs = [[int(token) for token in row if token >= 0] for row in known["captions.tokens"]]
        same = [ours == row for ours, row in zip(rows, theirs)]
        counts["captions"] = f"{sum(same)}/{len(captions)}"
        failures += [f"token ids of {text!r}" for text, is_same in zip(captions, same) if not is_same]
        array = os.path.join(work, "array.npy")
        start = time.monotonic()
        tool_lines(tool, [*model, "--texts", "-", "--output", array], captions)
        print(f"# captions: {len(captions)}, tool {time.monotonic() - start:.1f} s, library "
              f"{float(known['captions.seconds']):.1f} s", file=sys.stderr)
        worst["captions"], cosine["captions"] = difference(numpy.load(array), known["captions.embeddings"])
    for name in worst:
        if not (worst[name] <= EMBEDDING_BOUND and cosine[name] >= COSINE_BOUND):
            failures.append(f"embeddings of {name}: {worst[name]:.2e}, cosine {cosine[name]:.7f}")
    images = max(worst[name] for name in ("photos", "stored", "upright"))
    lowest = min(cosine[name] for name in ("photos", "stored", "upright"))
    library = "open_clip" if os.path.exists(os.path.join(folder, "open_clip_config.json")) else "transformers"
    print(f"| {os.path.basename(os.path.normpath(folder)).removeprefix('hf-')} | {library} | {counts['photos']}, {counts['stored']}, "
          f"{counts['upright']} | {images:.1e} | {1 - lowest:.0e} | {counts['captions']} | {worst['captions']:.1e} | "
          f"{1 - cosine['captions']:.0e} | {'MISSED' if failures else 'yes'} |")
    for failure in failures[:20]:
        print(f"# {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    command, arguments = sys.argv[1], sys.argv[2:]
    sys.exit({"reference": reference, "compare": compare}[command](*arguments))
