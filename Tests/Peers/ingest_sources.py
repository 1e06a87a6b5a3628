"""Writes sources to ingest, and times ingest beside webdataset's and img2dataset's readers on the same files.

    ingest_sources.py make DIR [--scale 1.0] [--only photos,packed,tars,table]
    ingest_sources.py time DIR [--vlmpipe PATH] [--rounds 3] [--only photos,packed,tars,table]

`make` with scale 1 writes 200,000 photos in nested folders, 20,000 of them in 20 tars too, 2,000,000 tiny samples in 200
tars, and a table of 500,000 rows twice: as Latin-1 with semicolons, and as UTF-8 with commas, which img2dataset reads. The
photos are a few hundred drawn JPEG files with a comment of their own each, so that no two files are equal. Everything
follows from the numbers of the files; nothing is random.

Needs the packages of ingest_requirements.txt; ingest_speed.sh makes an environment with them and runs both actions.
Everything runs on two threads or in two processes, one after the other, on files in the page cache as far as they fit.
"""

import argparse, io, json, multiprocessing, os, statistics, subprocess, sys, tarfile, tempfile, time

PHOTOS, PACKED, TARS, PER_TAR, ROWS = 200_000, 20_000, 200, 10_000, 500_000
PARTS = "photos,packed,tars,table"


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


def make_packed(directory, count):
    pictures = drawn(200, 320)
    os.makedirs(f"{directory}/packed", exist_ok=True)
    for start in range(0, count, 1000):
        with tarfile.open(f"{directory}/packed/{start // 1000:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for number in range(start, start + 1000):
                add(tar, f"{number:09d}.jpg", marked(pictures[number % len(pictures)], number))
                add(tar, f"{number:09d}.txt", f"picture number {number}".encode())


def add(tar, name, data):
    member = tarfile.TarInfo(name)
    member.size = len(data)
    tar.addfile(member, io.BytesIO(data))


def make_tars(directory, count, per_tar):
    pictures = drawn(50, 32)
    os.makedirs(f"{directory}/tars", exist_ok=True)
    for shard in range(count):
        with tarfile.open(f"{directory}/tars/{shard:05d}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
            for index in range(per_tar):
                number = shard * per_tar + index
                fields = {"caption": f"tiny {number}", "similarity": number % 1000 / 1000, "url": f"https://x.org/{number}"}
                add(tar, f"{number:09d}.jpg", marked(pictures[number % len(pictures)], number))
                add(tar, f"{number:09d}.json", json.dumps(fields).encode())
        # What img2dataset leaves beside its shards.
        with open(f"{directory}/tars/{shard:05d}_stats.json", "w") as file:
            json.dump({"count": per_tar}, file)


def make_table(directory, count):
    os.makedirs(f"{directory}/table/images", exist_ok=True)
    pictures = drawn(100, 64)
    for number, picture in enumerate(pictures):
        with open(f"{directory}/table/images/{number}.jpg", "wb") as file:
            file.write(picture)
    for name, encoding, comma in (("list", "latin-1", ";"), ("plain", "utf-8", ",")):
        with open(f"{directory}/table/{name}.csv", "w", encoding=encoding, newline="") as file:
            file.write(comma.join(("sku", "image", "title", "price", "colour")) + "\r\n")
            for number in range(count):
                title = f'"Möbel ""{number}"", gut"'
                cells = (f"S{number:06d}", f"images/{number % len(pictures)}.jpg", title, f"{number % 97}.5", "grün")
                file.write(comma.join(cells) + "\r\n")


def ingest(vlmpipe, workspace, *arguments):
    """Seconds and peak resident megabytes of one ingest on two threads."""
    command = [vlmpipe, "ingest", *arguments, "--workspace", workspace, "--quiet", "--threads", "2"]
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status:
        sys.exit(f"ingest {arguments} failed with status {status}:\n{output}")
    return seconds, usage.ru_maxrss / 1024, output.splitlines()[0].split(";")[0]


def read_shards(names, decodes, queue):
    import webdataset

    pairs = webdataset.WebDataset(names, shardshuffle=False)
    queue.put(sum(1 for _ in (pairs.decode("pil") if decodes else pairs)))


def webdataset_seconds(folder, decodes):
    """Two processes, each with every other shard."""
    names = sorted(f"{folder}/{name}" for name in os.listdir(folder) if name.endswith(".tar"))
    queue = multiprocessing.Queue()
    start = time.monotonic()
    workers = [multiprocessing.Process(target=read_shards, args=(names[part::2], decodes, queue)) for part in range(2)]
    for worker in workers:
        worker.start()
    count = sum(queue.get() for _ in workers)
    for worker in workers:
        worker.join()
    return time.monotonic() - start, count


def img2dataset_seconds(path):
    """The table cut into its shards of 10,000 rows, each read as a worker does before it downloads."""
    from img2dataset.reader import Reader
    import pandas, pyarrow

    start, count = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(path, "csv", "image", "title", None, None, ["sku", "price", "colour"], 10_000, set(), folder)
        for _, shard_path in reader:
            with reader.fs.open(shard_path, "rb") as file:
                frame = pyarrow.ipc.open_file(file).read_pandas()
            count += len(list(frame[reader.column_list].itertuples(index=False, name=None)))
    return time.monotonic() - start, count


def report(what, seconds, count, note=""):
    middle = statistics.median(seconds)
    print(f"| {what} | {middle:.2f} | {count / middle:,.0f} | {note} |", flush=True)
    return middle


def measure(directory, vlmpipe, rounds, parts):
    print("| work | seconds | per second | notes |\n| --- | --- | --- | --- |")
    if "photos" in parts:
        count = sum(name.endswith(".jpg") for _, _, names in os.walk(f"{directory}/photos") for name in names)
        for check in ("none", "headers", "decode"):
            with tempfile.TemporaryDirectory() as workspace:
                times = [ingest(vlmpipe, workspace, f"{directory}/photos", "--check", check) for _ in range(2)]
            for (seconds, memory, said), run in zip(times, ("first", "second")):
                report(f"photos, --check {check}, {run} ingest", [seconds], count, f"{memory:.0f} MB; {said}")
        with tempfile.TemporaryDirectory() as workspace:
            ingest(vlmpipe, workspace, f"{directory}/photos")
            for old, new in (("00", "renamed"), ("renamed", "00")):
                os.rename(f"{directory}/photos/{old}", f"{directory}/photos/{new}")
                seconds, memory, said = ingest(vlmpipe, workspace, f"{directory}/photos")
                report(f"photos, {old}/ is {new}/ now", [seconds], count, f"{memory:.0f} MB; {said}")
    for part, checks in (("packed", ("headers", "decode")), ("tars", ("none", "headers", "decode"))):
        if part not in parts:
            continue
        folder = f"{directory}/{part}"
        ours, theirs, note, count = {check: [] for check in checks}, {}, {}, 0
        for _ in range(rounds):
            for check in checks:
                with tempfile.TemporaryDirectory() as workspace:
                    seconds, memory, said = ingest(vlmpipe, workspace, folder, "--check", check)
                ours[check].append(seconds)
                note[check] = f"{memory:.0f} MB; {said}"
            for decodes in (False, True):
                seconds, count = webdataset_seconds(folder, decodes)
                theirs.setdefault(decodes, []).append(seconds)
        peers = {
            decodes: report(f"{part}, webdataset{' + Pillow' * decodes}", theirs[decodes], count, "two processes")
            for decodes in (False, True)
        }
        for check in checks:
            middle = report(f"{part}, --check {check}", ours[check], count, note[check])
            print(f"| | | | {peers[check == 'decode'] / middle:.2f} times the rate of webdataset |")
    if "table" in parts:
        for name in ("list", "plain"):
            ours, note = [], ""
            for _ in range(rounds):
                with tempfile.TemporaryDirectory() as workspace:
                    path = f"{directory}/table/{name}.csv"
                    arguments = ("--image-column", "image", "--caption-column", "title", "--key-column", "sku")
                    first, memory, note = ingest(vlmpipe, workspace, path, *arguments)
                    second = ingest(vlmpipe, workspace, path, *arguments)[0]
                ours.append(first)
            report(f"table {name}.csv, images checked and hashed", ours, ROWS, f"{memory:.0f} MB; {note}; again {second:.2f} s")
        theirs = [img2dataset_seconds(f"{directory}/table/plain.csv") for _ in range(rounds)]
        report("table plain.csv, img2dataset's reader", [seconds for seconds, _ in theirs], theirs[0][1], "reads the table only")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("make", "time"))
    parser.add_argument("directory")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--only", default=PARTS)
    parser.add_argument("--vlmpipe", default=os.environ.get("VLMPIPE", ".build/release/vlmpipe"))
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    if arguments.action == "time":
        measure(arguments.directory, arguments.vlmpipe, arguments.rounds, parts)
        return
    for part, make in {
        "photos": lambda: make_photos(arguments.directory, round(PHOTOS * arguments.scale)),
        "packed": lambda: make_packed(arguments.directory, round(PACKED * arguments.scale)),
        "tars": lambda: make_tars(arguments.directory, max(1, round(TARS * arguments.scale)), PER_TAR),
        "table": lambda: make_table(arguments.directory, round(ROWS * arguments.scale)),
    }.items():
        if part in parts:
            make()


if __name__ == "__main__":
    main()
