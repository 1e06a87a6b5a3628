#!/usr/bin/env python3
"""Two steps of tokenizer_parity.sh; standard library only.

    tokenizer_compare.py captions FOLDER OUTPUT.json       every caption of the tars below a folder
    tokenizer_compare.py ids PROGRAM PIECES CLIP           compares ids with what the other scripts wrote

PROGRAM is tokenizer_ids.swift, built.
"""

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


def captions(folder):
    for path in sorted(Path(folder).rglob("*.tar")):
        with tarfile.open(path) as tar:
            for member in tar:
                if member.isfile() and member.name.endswith(".json"):
                    content = json.load(tar.extractfile(member))
                    found = content.get("captions") or content.get("caption") or []
                    yield from found if isinstance(found, list) else [found]


def ids(program, folder, cleaning, length, texts):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    output = subprocess.run([program, str(folder), cleaning, str(length)], input=lines, stdout=subprocess.PIPE, text=True,
                            check=True).stdout
    return [json.loads(line) for line in output.splitlines()]


def report(name, cleaning, got, expected, texts):
    wrong = [i for i in range(len(texts)) if i >= len(got) or got[i] != expected[i]]
    print(f"{name:14} {cleaning:22} {len(wrong)} mismatches of {len(texts)}")
    for i in wrong[:3]:
        print(f"    {ascii(texts[i][:80])}")
    return len(wrong)


def compare(program, pieces, clip):
    texts = json.loads((pieces / "texts.json").read_text())
    count = 0
    for case in json.loads((pieces / "cases.json").read_text()):
        expected = [json.loads(line) for line in (pieces / f"expected-{case['expected']}.txt").read_text().splitlines()]
        got = ids(program, pieces / case["folder"], case["cleaning"], case["length"], texts)
        count += report(case["folder"], case["cleaning"], got, expected, texts)
    cases = json.loads((clip / "golden.json").read_text())["cases"]
    texts = [case["text"] for case in cases]
    for files in [["tokenizer.json"], ["vocab.json", "merges.txt"], ["bpe_simple_vocab_16e6.txt"]]:
        with tempfile.TemporaryDirectory() as folder:
            for name in files:
                shutil.copy(clip / name, folder)
            for cleaning in ["openClip", "huggingFaceFast", "huggingFaceSlow"]:
                expected = [case.get(cleaning, case["openClip"]) for case in cases]
                count += report(files[0], cleaning, ids(program, folder, cleaning, 77, texts), expected, texts)
    return count


if sys.argv[1] == "captions":
    Path(sys.argv[3]).write_text(json.dumps(list(captions(sys.argv[2]))))
else:
    sys.exit(1 if compare(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])) else 0)
