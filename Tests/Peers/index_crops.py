"""Random crops of the images of WebDataset shards, and their captions: with 'vlmpipe encode' they become real embeddings of
many more rows than there are images, and text queries, which lie elsewhere in the space than images do.

usage: index_crops.py FOLDER CROPS_PER_IMAGE SHARD.tar...

Writes FOLDER/crops/*.jpg, FOLDER/crops.txt with their paths, and FOLDER/captions.txt with one caption per image.
"""
import io
import pathlib
import random
import sys
import tarfile

from PIL import Image


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    (folder / "crops").mkdir(parents=True, exist_ok=True)
    generator = random.Random(1)
    paths, captions = [], []
    for shard in sys.argv[3:]:
        with tarfile.open(shard) as tar:
            for member in tar:
                data = tar.extractfile(member)
                if member.name.endswith(".txt"):
                    captions.append(data.read().decode().splitlines()[0].strip())
                if not member.name.endswith((".jpg", ".jpeg", ".png")):
                    continue
                image = Image.open(io.BytesIO(data.read())).convert("RGB")
                for number in range(count):
                    # A quarter of the area up to all of it, as training crops and tiles are.
                    scale = generator.uniform(0.25, 1) ** 0.5
                    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
                    left, top = generator.randint(0, image.width - width), generator.randint(0, image.height - height)
                    path = folder / "crops" / f"{pathlib.Path(member.name).stem}-{number}.jpg"
                    image.crop((left, top, left + width, top + height)).save(path, quality=90)
                    paths.append(str(path))
    (folder / "crops.txt").write_text("\n".join(paths) + "\n")
    (folder / "captions.txt").write_text("\n".join(captions) + "\n")
    print(f"{len(paths)} crops, {len(captions)} captions in {folder}")


main()
