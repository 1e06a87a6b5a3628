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
import random
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

SEED = 11
MERGE_COUNT = 1500
LENGTH = 77

SUBJECTS = ["a dog", "two dogs", "A Young Girl", "the old man's cat", "three cyclists", "an orange cat", "THE BAND"]
VERBS = ["jumps over", "is running through", "doesn't like", "they're watching", "I'll photograph", "sits on", "we've seen"]
PLACES = ["a fence", "the surf", "tall grass", "Times Square", "snow", "a red-and-white ramp", "No. 42, 5th Ave."]
ENDS = ["", ".", " .", "!!", "?!", " 2024", " (1/2)", ", 3.14 m", " #sun @home", "...", " -- wow"]
WORDS = """café naïve Ångström ΟΔΥΣΣΕΥΣ ΣΑΣ Σ ΑΣ. İstanbul ISTANBUL ıi ǅ ß ẞ ﬁne oﬃce ﬅ ŉ Ǆ ĳs don't DON'T 'S it'ſ ‘quoted’
“double” «guillemets» ʼn ＡＢＣ１２３！ ｶﾞｷﾞ ﾊﾟﾝ 全角　空白 橙色的猫在阳光下 東京タワー 한국어 각 हिन्दी ไทย עִבְרִית العربية ١٢٣ Ⅳ ½ ² ① 𝒳 𝟙
🙂 👩‍👩‍👧 🏳️‍🌈 👍🏽 🇩🇪 é e\u0301 a\u0345 ᾳ \u0344 \u1100\u1161\u11a8 \u00a0 \u200b \u200d \u2028 \u2029 \u0085 \u0093 \u00ad
&amp; &lt;b&gt; &amp;amp;lt; &eacute; &EACUTE; &notit; &not &AMP &copy &copy; &#65; &#x1F642; &#150; &#0; &#xD800; &#x110000; &#11;
&#65 &#x; &#; & && &nbsp; &NewLine; &hellip; &Jscr; &bne; &acE; &unknown; &SZLIG; &nTILDE; &frac12; &FRAC12; &lt &ltx &ngt;
<b>bold</b> <start_of_text> <end_of_text> <END_OF_TEXT> <end_of_text>a !<end_of_text> <ſtart_of_text> <|startoftext|>
<|endoftext|> <|ENDOFTEXT|> a<|endoftext|>b <|endoftext </w> \x1b[31mred\x1b[0m \x1b[x \x1b \x00 \x07 \x0b \x0c \x1c \x1f \x7f
\ufeff \ufffd \ufffc \ufff9 \u202e \u2066 \u206a \ue000 \U000e0067 \U0001d173 \u3000 \ufe0f \u034f \u0d4d ㍿ ㈱ Å K ſ _under_score_ a_b
http://a.b/c?d=e&f=g C++ 1,000 1e9 ''s 's'm 'll'd x's x'S l'été r\u00e9sum\u00e9 \u2026 — – • ™ ° µ ﷺ ﻼ 々 〇 ー ゛ \uff9e \uffe6""".split(" ")
WORDS = [w for part in WORDS for w in part.split("\n") if w]
RANGES = [(0, 0x7F), (0x61, 0x7A), (0x80, 0x24F), (0x300, 0x377), (0x391, 0x3C9), (0x400, 0x45F), (0x5D0, 0x5EA),
          (0x620, 0x669), (0x900, 0x97F), (0xE01, 0xE4F), (0x1100, 0x11FF), (0x1E00, 0x1FFE), (0x2000, 0x2064),
          (0x2100, 0x218B), (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFAD9), (0xFB00, 0xFB4F),
          (0xFE00, 0xFE6F), (0xFF01, 0xFFEE), (0x1D400, 0x1D7FF), (0x1F300, 0x1F64F), (0x20000, 0x20100)]


def make_texts(count, longest):
    rng = random.Random(SEED)
    texts = ["", " ", "\n\t", "a", "hello world", "a photo of a cat", "it's 2024!!", *WORDS]
    while len(texts) < count:
        kind = len(texts) % 5
        if kind == 0:
            text = f"{rng.choice(SUBJECTS)} {rng.choice(VERBS)} {rng.choice(PLACES)}{rng.choice(ENDS)}"
        elif kind == 1:
            text = rng.choice([" ", "", "\n", "  "]).join(rng.choices(WORDS, k=rng.randint(2, 5)))
        elif kind == 2:
            text = "".join(chr(rng.randint(*rng.choice(RANGES))) for _ in range(rng.randint(1, 16)))
        elif kind == 3:
            one = chr(rng.randint(*rng.choice(RANGES)))
            text = f"{rng.choice(SUBJECTS)} {one}{rng.choice(WORDS)} {rng.choice(PLACES)}{rng.choice(ENDS)}"
        elif rng.random() < 0.8:
            text = " ".join(rng.choices(WORDS + SUBJECTS + VERBS, k=rng.randint(1, 4))) + rng.choice(ENDS)
        else:
            text = rng.choice(WORDS + ["a", "ab", "猫", "'s", "1", "!"]) * rng.randint(20, longest)
        texts.append(text)
    return texts


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
