#!/usr/bin/env python3
"""Writes Tests/TokenizationTests/Fixtures/clip/: what ClipTokenizer must reproduce.

Needs open_clip_torch==3.3.0, ftfy==6.3.1, regex, transformers==4.57.6 (tokenizers 0.22.2). The vocabulary is the first
merges of the one that open_clip ships, in its three file forms; the ids come from open_clip's SimpleTokenizer (ftfy
without its detector of wrongly decoded text), the tokenizers package, and transformers' Python class without ftfy.
Deterministic: seed 11. Usage:

    tokenizer_openai_golden.py [FIXTURES_FOLDER]
    tokenizer_openai_golden.py --full FOLDER [TEXTS.json]    the whole vocabulary, 2,000 texts and those in the file
"""

import functools
import gzip
import json
import sys
import tempfile
import time
from pathlib import Path

import ftfy
import open_clip.tokenizer
from open_clip.tokenizer import SimpleTokenizer, bytes_to_unicode, default_bpe

REPAIR = ftfy.fix_text
sys.modules["ftfy"] = None  # transformers' class then takes its own cleaning
from transformers import CLIPTokenizer, CLIPTokenizerFast  # noqa: E402

from tokenizer_texts import make_texts  # noqa: E402

MERGE_COUNT = 1500
LENGTH = 77

def write_vocabulary(folder, count):
    lines = gzip.open(default_bpe()).read().decode("utf-8").split("\n")
    merges = lines[1:49152 - 256 - 2 + 1][:count]
    symbols = list(bytes_to_unicode().values())
    tokens = symbols + [s + "</w>" for s in symbols] + ["".join(m.split()) for m in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    ids = {t: i for i, t in enumerate(tokens)}
    # No newline at the end: SimpleTokenizer would read one more, empty, merge.
    (folder / "bpe_simple_vocab_16e6.txt").write_text("\n".join([lines[0], *merges]), encoding="utf-8")
    (folder / "vocab.json").write_text(json.dumps(ids, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")
    files = str(folder / "vocab.json"), str(folder / "merges.txt")
    fast = CLIPTokenizerFast(*files)
    text = fast.backend_tokenizer.to_str(pretty=False)
    (folder / "tokenizer.json").write_text(text, encoding="utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / "bpe.txt.gz"
        path.write_bytes(gzip.compress((folder / "bpe_simple_vocab_16e6.txt").read_bytes()))
        simple = SimpleTokenizer(str(path))
    return simple, fast, CLIPTokenizer(*files)


def open_clip_ids(simple, text, **options):
    open_clip.tokenizer.ftfy.fix_text = functools.partial(REPAIR, **options)
    ids = [simple.sot_token_id, *simple.encode(text), simple.eot_token_id]
    return ids if len(ids) <= LENGTH else ids[:LENGTH - 1] + [simple.eot_token_id]


def hugging_face_ids(tokenizer, text):
    return tokenizer(text, truncation=True, max_length=LENGTH)["input_ids"]


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--full"]:
        folder = Path(arguments[1])
        folder.mkdir(parents=True, exist_ok=True)
        simple, fast, slow = write_vocabulary(folder, None)
        texts = make_texts(2000, 3000)
        if len(arguments) > 2:
            texts += json.loads(Path(arguments[2]).read_text(encoding="utf-8"))
        with open(folder / "golden.json", "w", encoding="utf-8") as file:
            start = time.perf_counter()
            whole = [open_clip_ids(simple, text) for text in texts]
            print(f"open_clip: {len(texts)} texts in {time.perf_counter() - start:.2f} s", file=sys.stderr)
            cases = [{"text": text, "openClip": open_clip_ids(simple, text, fix_encoding=False), "openClipWhole": ids,
                      "huggingFaceFast": hugging_face_ids(fast, text), "huggingFaceSlow": hugging_face_ids(slow, text)}
                     for text, ids in zip(texts, whole)]
            json.dump({"cases": cases}, file)
        return
    default = Path(__file__).resolve().parents[1] / "TokenizationTests" / "Fixtures"
    folder = Path(arguments[0] if arguments else default) / "clip"
    folder.mkdir(parents=True, exist_ok=True)
    simple, fast, slow = write_vocabulary(folder, MERGE_COUNT)
    cases = []
    for text in make_texts(620, 60):
        ids = open_clip_ids(simple, text, fix_encoding=False)
        case = {"text": text, "openClip": ids}
        for name, tokenizer in [("huggingFaceFast", fast), ("huggingFaceSlow", slow)]:
            other = hugging_face_ids(tokenizer, text)
            if other != ids:
                case[name] = other
        cases.append(case)
    rows = ",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases)
    (folder / "golden.json").write_text('{"cases":[\n' + rows + "\n]}\n", encoding="utf-8")


main()
