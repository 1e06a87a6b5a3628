"""What weights stored in 16 bits cost and save: in a warm process (`vlmpipe-bench weights`) and for one query in a fresh process.

usage: weights_speed.py BENCH FOLDER CHECKPOINT TOOL... [--rounds 15]

CHECKPOINT is a folder of F32 weights that `vlmpipe model import` takes, with its tokenizer; FOLDER keeps a workspace with the
model in F32, F16 and BF16. Several TOOLs (an older vlmpipe beside this one) take turns. The standard library is enough.
Prints medians of the wall clock and of processor time, and the peak of anonymous memory, read every millisecond in turns of
their own.
"""
import argparse
import array
import glob
import json
import os
import shutil
import statistics
import struct
import subprocess
import time

parser = argparse.ArgumentParser()
parser.add_argument("bench")
parser.add_argument("folder")
parser.add_argument("checkpoint")
parser.add_argument("tools", nargs="+", metavar="tool")
parser.add_argument("--rounds", type=int, default=15)
options = parser.parse_args()
TYPES = ["F32", "F16", "BF16"]


def narrowed(data, kind):
    """F32 bytes as F16 or BF16, rounded to nearest, ties to even."""
    if kind == "F16":
        return struct.pack(f"<{len(data) // 4}e", *array.array("f", data))
    return array.array("H", [(x + 0x7FFF + (x >> 16 & 1)) >> 16 for x in array.array("I", data)]).tobytes()


def convert(source, target, kind):
    """A safetensors file with its F32 tensors in another type."""
    with open(source, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        entries = sorted(((name, entry) for name, entry in header.items() if name != "__metadata__"),
                         key=lambda item: item[1]["data_offsets"][0])
        end, result = 0, {}
        for name, entry in entries:
            first, last = entry["data_offsets"]
            is_float = entry["dtype"] == "F32"
            size = (last - first) // 2 if is_float else last - first
            result[name] = {
                "dtype": kind if is_float else entry["dtype"], "shape": entry["shape"], "data_offsets": [end, end + size]}
            end += size
        text = json.dumps(result).encode()
        text += b" " * (-len(text) % 8)
        with open(target, "wb") as output:
            output.write(struct.pack("<Q", len(text)) + text)
            for name, entry in entries:
                first, last = entry["data_offsets"]
                for start in range(first, last, 1 << 22):
                    file.seek(8 + length + start)
                    data = file.read(min(1 << 22, last - start))
                    output.write(narrowed(data, kind) if entry["dtype"] == "F32" else data)


def prepare(workspace):
    for kind in TYPES:
        if os.path.isdir(f"{workspace}/models/{kind.lower()}"):
            continue
        source = options.checkpoint
        if kind != "F32":
            source = f"{options.folder}/{kind}"
            shutil.copytree(options.checkpoint, source, dirs_exist_ok=True)
            for path in glob.glob(f"{source}/*.safetensors"):
                os.chmod(path, 0o644)
                convert(f"{options.checkpoint}/{os.path.basename(path)}", path, kind)
        subprocess.run(
            [options.tools[-1], "model", "import", source, "--name", kind.lower(), "--workspace", workspace, "--quiet"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if kind != "F32":
            shutil.rmtree(source)


def query(tool, kind, workspace):
    """Wall and processor seconds of a query in a fresh process."""
    start = time.perf_counter()
    process = subprocess.Popen(command(tool, kind, workspace))
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        raise SystemExit(f"{tool}: exit status {status}")
    return time.perf_counter() - start, usage.ru_utime + usage.ru_stime


def memory(tool, kind, workspace):
    """Peak anonymous megabytes of the same."""
    process = subprocess.Popen(command(tool, kind, workspace))
    peak = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as lines:
                peak = max([peak] + [int(line.split()[1]) for line in lines if line.startswith("RssAnon")])
        except OSError:
            pass
        time.sleep(0.001)
    return peak / 1e3


def command(tool, kind, workspace):
    return [tool, "encode", "--workspace", workspace, "--model", kind.lower(), "--texts", "orange cat in the sun",
            "--output", f"{options.folder}/query.npy", "--quiet"]


workspace = os.path.abspath(options.folder) + "/workspace"
os.makedirs(workspace, exist_ok=True)
prepare(workspace)
runs = {(kind, tool): ([], []) for kind in TYPES for tool in options.tools}
for turn in range(options.rounds):
    for (kind, tool), (times, peaks) in runs.items():
        times.append(query(tool, kind, workspace))
        if turn < 4:
            peaks.append(memory(tool, kind, workspace))
print("one query in a fresh process")
print(f"{'stored':8}{'wall ms':>10}{'cpu ms':>10}{'anon MB':>10}  tool")
for (kind, tool), (times, peaks) in runs.items():
    wall, processor = (statistics.median(column) * 1e3 for column in zip(*times))
    print(f"{kind:8}{wall:10.1f}{processor:10.1f}{max(peaks):10.1f}  {tool}")
results = json.loads(subprocess.run(
    [options.bench, "weights", "--rounds", str(options.rounds)], check=True, capture_output=True).stdout)
print("\none tower in a warm process, one thread")
print(f"{'tower':18}{'stored':8}{'load ms':>10}{'alone ms':>10}{'slice ms':>10}")
for row in results:
    load = row.get("millisecondsToLoad")
    print(f"{row['model']:18}{row['storage']:8}{'' if load is None else f'{load:.1f}':>10}"
          f"{row['millisecondsAlone']:10.2f}{row['millisecondsPerSlice']:10.2f}")
