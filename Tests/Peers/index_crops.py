"""Random crops of the images of WebDataset shards, as a model of MODEL_SIDE pixels sees them, and their captions: with 'vlmpipe
encode' they become real embeddings of many more rows than there are images, and text queries, which lie elsewhere in the
space than images do.

usage: index_crops.py crops FOLDER CROPS_PER_IMAGE MODEL_SIDE PIECE PIECES SHARD.tar...
       index_crops.py captions FOLDER SHARD.tar...
       index_crops.py join FOLDER PIECES

`crops` writes FOLDER/crops/*.jpg and FOLDER/crops.txt with their paths for every PIECES-th image, from PIECE on; a crop depends on
its image's name and its number alone. `captions` writes FOLDER/captions.txt, a caption per image. `join` makes rows.npy of
the files rows-0.npy to rows-(PIECES - 1).npy and removes them.
"""
import io
import pathlib
import random
import sys
import tarfile

import numpy as np


def members(shards, endings):
    for shard in shards:
        with tarfile.open(shard) as tar:
            for member in tar:
                if member.name.endswith(endings):
                    yield member.name, tar.extractfile(member).read()


def crops(folder, count, side, piece, pieces, shards):
    from PIL import Image

    (folder / "crops").mkdir(parents=True, exist_ok=True)
    paths = []
    for number, (name, data) in enumerate(members(shards, (".jpg", ".jpeg", ".png"))):
        if number % pieces != piece:
            continue
        image = Image.open(io.BytesIO(data)).convert("RGB")
        generator = random.Random(name)
        for crop in range(count):
            # A sixteenth of the area up to all of it, as training crops and tiles are.
            scale = generator.uniform(1 / 16, 1) ** 0.5
            width, height = image.width * scale, image.height * scale
            left, top = generator.uniform(0, image.width - width), generator.uniform(0, image.height - height)
            path = folder / "crops" / f"{pathlib.Path(name).stem}-{crop}.jpg"
            box = (left, top, left + width, top + height)
            image.resize((side, side), Image.Resampling.BICUBIC, box).save(path, quality=95, subsampling=0)
            paths.append(str(path))
    (folder / "crops.txt").write_text("\n".join(paths) + "\n")


def captions(folder, shards):
    lines = [data.decode().splitlines()[0].strip() for _, data in members(shards, ".txt")]
    (folder / "captions.txt").write_text("\n".join(lines) + "\n")


def join(folder, pieces):
    paths = [folder / f"rows-{piece}.npy" for piece in range(pieces)]
    parts = [np.load(path, mmap_mode="r") for path in paths]
    rows = np.lib.format.open_memmap(folder / "rows.npy", mode="w+", dtype="<f4",
                                     shape=(sum(len(part) for part in parts), parts[0].shape[1]))
    np.concatenate(parts, out=rows)
    rows.flush()
    for path in paths:
        path.unlink()
    print(f"{rows.shape[0]} x {rows.shape[1]} in {folder / 'rows.npy'}")


def main():
    action, folder, rest = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
    folder.mkdir(parents=True, exist_ok=True)
    if action == "crops":
        crops(folder, *(int(number) for number in rest[:4]), rest[4:])
    elif action == "captions":
        captions(folder, rest)
    else:
        join(folder, int(rest[0]))


main()
