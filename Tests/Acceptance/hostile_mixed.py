"""Mixes hostile images into good shards, and compares what ingest makes of the good samples with and without them.

    hostile_mixed.py make HOSTILE GOOD.tar DIR     writes DIR/good.tar, DIR/mixed.tar, DIR/good/ and DIR/mixed/
    hostile_mixed.py compare CLEAN MIXED           two workspaces; exit status 1 if good samples differ

One hostile file comes after every nine good samples, the good ones repeated under other keys until all hostile ones have
had their place.
"""

import io, os, pathlib, sqlite3, sys, tarfile


def good_members(path):
    with tarfile.open(path) as tar:
        images = [(member.name, tar.extractfile(member).read()) for member in tar if member.name.endswith(".jpg")]
    number = 0
    while True:
        name, data = images[number % len(images)]
        # A comment of its own keeps the digests apart.
        text = b"%d" % number
        yield f"good-{number:06d}.jpg", data[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + data[2:]
        number += 1


def make(hostile, good, directory):
    bad = sorted(path for path in pathlib.Path(hostile).rglob("*") if path.is_file())
    pairs, source = [], good_members(good)
    for number, path in enumerate(bad):
        pairs += [next(source) for _ in range(9)]
        pairs.append((f"bad-{number:06d}.jpg", path.read_bytes()))
    for kind in ("good", "mixed"):
        os.makedirs(f"{directory}/{kind}")
        with tarfile.open(f"{directory}/{kind}.tar", "w") as tar:
            for name, data in pairs:
                if kind == "good" and name.startswith("bad-"):
                    continue
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
                pathlib.Path(f"{directory}/{kind}/{name}").write_bytes(data)
    print(f"{len(bad)} hostile files among {len(pairs) - len(bad)} good ones")


def samples(workspace):
    catalog = sqlite3.connect(f"file:{workspace}/catalog.sqlite?mode=ro", uri=True)
    rows = catalog.execute(
        "SELECT key, byte_count, format, pixel_width, pixel_height, orientation, digest FROM samples "
        "WHERE key LIKE '%good-%'"
    )
    # Keys of folders start with the folder's name, which differs.
    return sorted((key.split("/")[-1], *rest) for key, *rest in rows)


def compare(clean, mixed):
    before, after = samples(clean), samples(mixed)
    if not before or before != after:
        sys.exit(f"{len(before)} good samples alone, {len(after)} among hostile files, or they differ")
    print(f"{len(before)} good samples are the same among hostile files")


if sys.argv[1] == "make":
    make(*sys.argv[2:5])
else:
    compare(*sys.argv[2:4])
