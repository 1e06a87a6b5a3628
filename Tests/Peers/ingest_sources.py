"""Writes sources to ingest, and times ingest beside webdataset's and img2dataset-like readers on the same files.

    ingest_sources.py make DIR [--scale 1.0] [--only photos,tars,table]
    ingest_sources.py time DIR [--vlmpipe PATH] [--rounds 3]

`make` with scale 1 writes 200,000 photos in nested folders, 2,000,000 tiny samples in 200 tars and a table of 500,000
rows. The photos are a few hundred drawn JPEG files with a comment of their own each, so that no two files are equal.
Everything follows from the numbers of the files; nothing is random. Needs Pillow and numpy; `time` uses webdataset too
if it is installed (Tests/Peers/setup.sh).
"""

import argparse, io, json, os, subprocess, sys, tarfile, tempfile, time

PHOTOS, TARS, PER_TAR, ROWS = 200_000, 200, 10_000, 500_000


def drawn(count, side):
    """JPEG files of smooth colour fields with some noise: they compress and decode like photographs."""
    import numpy as np
    from PIL import Image

    files = []
    for number in range(count):
        generator = np.random.default_rng(number)
        coarse = generator.integers(0, 255, (6, 8, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((side, side * 3 // 4), Image.BICUBIC)
        noisy = np.asarray(image, dtype=np.int16) + generator.integers(-8, 9, (side * 3 // 4, side, 1))
        target = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(target, "JPEG", quality=85)
        files.append(target.getvalue())
    return files


def marked(jpeg, number):
    """The same picture as a file of its own: with a comment segment behind the start of image."""
    text = b"photo %d" % number
    return jpeg[:2] + b"\xff\xfe" + (len(text) + 2).to_bytes(2, "big") + text + jpeg[2:]


def make_photos(directory, count):
    pictures = drawn(200, 320)
    for number in range(count):
        folder = f"{directory}/photos/{number // 20_000:02d}/{number // 500 % 40:02d} trip"
        if number % 500 == 0:
            os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/IMG_{number:06d}.jpg", "wb") as file:
            file.write(marked(pictures[number % len(pictures)], number))
        if number % 10 == 0:
            with open(f"{folder}/IMG_{number:06d}.txt", "w") as file:
                file.write(f"picture number {number}\n")


def make_tars(directory, count, per_tar):
    pictures = drawn(50, 32)
    os.makedirs(f"{directory}/tars", exist_ok=True)
    for shard in range(count):
        with tarfile.open(f"{directory}/tars/{shard:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for index in range(per_tar):
                number = shard * per_tar + index
                fields = {"caption": f"tiny {number}", "similarity": number % 1000 / 1000, "url": f"https://x.org/{number}"}
                for suffix, data in (
                    ("jpg", marked(pictures[number % len(pictures)], number)),
                    ("json", json.dumps(fields).encode()),
                ):
                    member = tarfile.TarInfo(f"{number:09d}.{suffix}")
                    member.size = len(data)
                    tar.addfile(member, io.BytesIO(data))
        # What img2dataset leaves beside its shards.
        with open(f"{directory}/tars/{shard:05d}_stats.json", "w") as file:
            json.dump({"count": per_tar}, file)


def make_table(directory, count):
    os.makedirs(f"{directory}/table/images", exist_ok=True)
    pictures = drawn(100, 64)
    for number, picture in enumerate(pictures):
        with open(f"{directory}/table/images/{number}.jpg", "wb") as file:
            file.write(picture)
    with open(f"{directory}/table/list.csv", "w", encoding="latin-1", newline="") as file:
        file.write("sku;image;title;price;colour\r\n")
        for number in range(count):
            file.write(f'S{number:06d};images/{number % len(pictures)}.jpg;"Möbel ""{number}"", gut";{number % 97}.5;grün\r\n')


def run(vlmpipe, workspace, *arguments):
    start = time.monotonic()
    process = subprocess.Popen([vlmpipe, "ingest", *arguments, "--workspace", workspace, "--quiet"], stdout=subprocess.PIPE)
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"ingest {arguments} failed with status {status}:\n{output}")
    seconds = time.monotonic() - start
    print(f"  {seconds:8.2f} s, peak {usage.ru_maxrss / 1024:6.0f} MB resident: {output.splitlines()[0]}", flush=True)
    return seconds


def time_webdataset(directory):
    try:
        import webdataset
    except ImportError:
        print("  webdataset is not installed; no peer for tars")
        return None
    names = sorted(f"{directory}/tars/{name}" for name in os.listdir(f"{directory}/tars") if name.endswith(".tar"))
    start = time.monotonic()
    count = sum(1 for _ in webdataset.WebDataset(names, shardshuffle=False).decode("pil"))
    seconds = time.monotonic() - start
    print(f"  webdataset + Pillow, one process: {count} samples, {seconds:.2f} s, {count / seconds:,.0f}/s", flush=True)
    return seconds


def measure(directory, vlmpipe, rounds):
    for name, source, checks in (
        ("photos in folders", "photos", ("none", "headers", "decode")),
        ("tiny samples in tars", "tars", ("none", "headers", "decode")),
        ("rows of a table", "table/list.csv", ("headers",)),
    ):
        if not os.path.exists(f"{directory}/{source}"):
            continue
        for check in checks:
            print(f"{name}, --check {check}: first and second ingest")
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as workspace:
                    run(vlmpipe, workspace, f"{directory}/{source}", "--check", check)
                    run(vlmpipe, workspace, f"{directory}/{source}", "--check", check)
    if os.path.exists(f"{directory}/photos"):
        print("a renamed folder: first ingest, renamed, renamed back")
        with tempfile.TemporaryDirectory() as workspace:
            run(vlmpipe, workspace, f"{directory}/photos")
            for old, new in (("00", "renamed"), ("renamed", "00")):
                os.rename(f"{directory}/photos/{old}", f"{directory}/photos/{new}")
                run(vlmpipe, workspace, f"{directory}/photos")
    if os.path.exists(f"{directory}/tars"):
        time_webdataset(directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("make", "time"))
    parser.add_argument("directory")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default="photos,tars,table")
    parser.add_argument("--vlmpipe", default=os.environ.get("VLMPIPE", ".build/release/vlmpipe"))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.action == "time":
        measure(arguments.directory, arguments.vlmpipe, arguments.rounds)
        return
    parts = arguments.only.split(",")
    if "photos" in parts:
        make_photos(arguments.directory, round(PHOTOS * arguments.scale))
    if "tars" in parts:
        make_tars(arguments.directory, max(1, round(TARS * arguments.scale)), PER_TAR)
    if "table" in parts:
        make_table(arguments.directory, round(ROWS * arguments.scale))


main()
