#!/usr/bin/env python3
"""Writes Tests/TokenizationTests/Fixtures/: what the Tokenization module must reproduce.

Needs `pip install tokenizers==0.23.3` (ids and pre-tokens come from that package). Cleaning and training are done
here once more, by short, slow code of their own, so that neither the vocabulary nor the ids come from the code under
test. Deterministic: seed 7. Usage: tokenizer_golden.py [FIXTURES_FOLDER]
"""

import json
import random
import sys
import unicodedata
from collections import Counter
from pathlib import Path

import tokenizers
from tokenizers import Regex, Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split

SEED = 7
SETTINGS = {"vocabularySize": 900, "minimumPairCount": 2, "minimumHanCount": 2, "maximumTokenByteCount": 24}

# Cleaning ------------------------------------------------------------------------------------------------------------

SPACES = set(map(chr, [*range(0x09, 0x0E), *range(0x1C, 0x21), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x200B,
                       0x2028, 0x2029, 0x202F, 0x205F, 0x3000]))
VARIATION = set(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x180B, 0x180C, 0x180D, 0x180F]))


def clean(text):
    folded = []
    for c in text:
        v = ord(c)
        if 0x2018 <= v <= 0x201B or v == 0x02BC:
            c = "'"
        elif 0x201C <= v <= 0x201F:
            c = '"'
        elif 0xFF01 <= v <= 0xFFEF or 0xFB00 <= v <= 0xFB06:
            c = unicodedata.normalize("NFKC", c)
        folded.extend(c)
    kept, marks = [], 0
    for c in folded:
        if c in SPACES:
            kept.append(" ")
            marks = 0
            continue
        if c in VARIATION or (unicodedata.category(c) in ("Cc", "Cf") and c not in "\u200c\u200d"):
            continue
        for d in c.lower():
            if unicodedata.combining(d):
                marks += 1
                if marks > 30:
                    continue
            else:
                marks = 0
            kept.append(d)
    composed = unicodedata.normalize("NFC", "".join(kept))
    return " ".join(part for part in composed.split(" ") if part)


# Pre-tokens and merges: the tokenizers package -------------------------------------------------------------------------

SCRIPTS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}ー"
LETTER = rf"[\p{{L}}&&[^{SCRIPTS}]]"
JOIN = r"\p{M}\x{200C}\x{200D}"
MARK = rf"[{JOIN}]"
PATTERN = "|".join([
    rf"(?<={LETTER}|{MARK})'(?:s|t|re|ve|m|ll|d)(?!{LETTER}|{MARK})",
    r"\p{Han}",
    rf"(?:[\p{{Hiragana}}&&\p{{L}}])(?:[\p{{Hiragana}}&&\p{{L}}]|ー|{MARK}){{0,63}}",
    rf"(?:[\p{{Katakana}}&&\p{{L}}]|ー)(?:[\p{{Katakana}}&&\p{{L}}]|ー|{MARK}){{0,63}}",
    rf"(?:[\p{{Hangul}}&&\p{{L}}])(?:[\p{{Hangul}}&&\p{{L}}]|{MARK}){{0,63}}",
    rf"{LETTER}(?:{LETTER}|{MARK}){{0,63}}",
    r"\p{N}",
    r"(?:[^\s\p{L}\p{N}\p{Han}]){1,64}",
])
SPLIT = Split(Regex(PATTERN), behavior="removed", invert=True)


def pre_tokens(cleaned):
    return [piece for piece, _ in SPLIT.pre_tokenize_str(cleaned)]


# Training: recount every pair after every merge ------------------------------------------------------------------------

def alphabet():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(0x100 + i) for i, b in enumerate(rest)}


ALPHABET = alphabet()


def symbols_of(word):
    letters = [ALPHABET[b] for b in word.encode()]
    return letters[:-1] + [letters[-1] + "</w>"]


def byte_count(symbol):
    return len(symbol.removesuffix("</w>"))


def is_han(c):
    return unicodedata.name(c, "").startswith("CJK UNIFIED IDEOGRAPH")


def join(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        if tuple(symbols[i:i + 2]) == pair:
            out.append(symbols[i] + symbols[i + 1])
            i += 2
        else:
            out.append(symbols[i])
            i += 1
    return out


def train(captions):
    counts = Counter(p for caption in captions for p in pre_tokens(clean(caption)))
    vocabulary = {s: i for i, s in enumerate(["<pad>", "<start>", "<end>"])}
    for suffix in ("", "</w>"):
        for letter in ALPHABET.values():
            vocabulary[letter + suffix] = len(vocabulary)
    merges = []
    words = {word: symbols_of(word) for word in counts}

    def add(pair):
        merges.append(pair)
        vocabulary.setdefault(pair[0] + pair[1], len(vocabulary))

    limit = len(vocabulary) + (SETTINGS["vocabularySize"] - len(vocabulary)) // 2
    seeds = [w for w in counts if len(w) == 1 and is_han(w) and counts[w] >= SETTINGS["minimumHanCount"]]
    for word in sorted(seeds, key=lambda w: (-counts[w], w.encode())):
        symbols = symbols_of(word)
        if len(vocabulary) + len(symbols) - 1 > limit:
            break
        while len(symbols) > 1:
            pair = (symbols[0], symbols[1])
            if pair not in merges:
                add(pair)
            symbols = [symbols[0] + symbols[1]] + symbols[2:]
    for pair in merges:
        for word in words:
            words[word] = join(words[word], pair)
    while len(vocabulary) < SETTINGS["vocabularySize"]:
        pairs = Counter()
        for word, symbols in words.items():
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += counts[word]
        pairs = {p: c for p, c in pairs.items() if c >= SETTINGS["minimumPairCount"]
                 and byte_count(p[0]) + byte_count(p[1]) <= SETTINGS["maximumTokenByteCount"]}
        if not pairs:
            break
        best = min(pairs, key=lambda p: (-pairs[p], vocabulary[p[0]], vocabulary[p[1]]))
        if best not in merges:
            add(best)
        for word in words:
            words[word] = join(words[word], best)
    return vocabulary, merges


# Texts -----------------------------------------------------------------------------------------------------------------

THINGS = [("cat", "猫"), ("dog", "狗"), ("bird", "鸟"), ("fish", "鱼"), ("car", "汽车"), ("boat", "小船"), ("house", "房子"),
          ("tree", "树"), ("ball", "球"), ("cup", "杯子"), ("Überraschung", "惊喜"), ("naïve façade", "立面")]
COLOURS = [("orange", "橙色"), ("red", "红色"), ("blue", "蓝色"), ("green", "绿色"), ("purple", "紫色"), ("grey", "灰色")]
SETTINGS_OF = [("in the sun", "在阳光下"), ("in the rain", "在雨中"), ("at night", "在夜里"), ("on the grass", "在草地上")]
OTHERS = ["오렌지색 고양이가 햇볕에 앉아 있다", "オレンジ色のネコがひなたでスーパーを見る", "оранжевая кошка на солнце",
          "قطة برتقالية في الشمس", "חתול כתום בשמש", "धूप में नारंगी बिल्ली", "แมวสีส้มกลางแดด", "πορτοκαλί ΓΆΤΑ στον ΉΛΙΟ",
          "mèo cam dưới nắng", "the dog's owner doesn't know they're here; we'll see, I'd say I'm sure you've won",
          "two dogs' balls, 2024 and 1,000 cups!!! (really?) ...", "turuncu kedi İstanbul'da GÜNEŞTE"]


def training_captions():
    captions = []
    for thing, object_ in THINGS:
        for colour, tint in COLOURS:
            for setting, place in SETTINGS_OF:
                captions.append(f"A {colour} {thing} {setting}.")
                captions.append(f"{place}的{tint}{object_}")
    return captions + OTHERS * 2


HOSTILE = [
    "", " ", "\t\n\r\x0b\x0c", "<end>", "<pad><start><end></w>", "cat <end> dog", "Ġ Ċ Ã©", "a\x00b\x1b[31mred\x1b[0m\x7f\x85",
    "\ufeffBOM and \u200bzero\u200bwidth, soft\u00adhyphen, word\u2060joiner", "right\u202eto\u202cleft \u2066isolate\u2069",
    "ＦＵＬＬ　ＷＩＤＴＨ！　ｶﾞｷﾞ ﾊﾟ ￥￦ ｱｲｳｰ ﾡﾢ", "ﬁne ﬂow oﬃce ﬅ", "“curly” ‘quotes’ it’s ‛odd‟", "e\u0301 cafe\u0301 ñ n\u0303 a\u030a\u0301",
    "a" + "\u0301" * 100 + "b", "\u0301\u0302 leading marks", "각 \u1100\u1161\u11a8 \u1112\u1161\u11ab", "Å Å Ω Ω K K",
    "İI ıi ǅ ẞß ΣΑΣ ΟΔΟΣ", "🙂🙂🏽 👨‍👩‍👧‍👦 ❤️❤ 🇩🇪 1️⃣", "🏴\U000e0067\U000e0062\U000e007f", "夾\U000e0100 㐂 𠮷野家 々〇〡⺀⼀",
    "日本語のテキスト、スーパーマーケット。らーめん ー ーア あー", "한국어 テスト中文English混排123四五六", "abcabcabc" * 40, "あ" * 200, "漢" * 200,
    "!" * 300, "1" * 100, "' 's 't 'tis dog's dogs' rock'n'roll o'clock can't've she'll'd 'll é's 猫's 7's",
    "à́'s x\u200d's", "ไม่\u200bมี นี่", "می\u200cخواهم", "क्‍ष श्री", "\ufffd\ufffe\U0010ffff \ue000", "x" * 500, "ſ'ſ 'S 'T DON'T",
    "½ ² ⅷ ① ٣ ४ ५६", "a\u2028b\u2029c\u00a0d\u3000e\u1680f", "--- == __init__ a_b a-b a/b \\ \"q\" \\u0041 &amp; &lt;",
    "\U0001f9d1\u200d\U0001f52c scientist", "ㄱㄴㅏ ㈀ ㉠ ㌀ 🈀 ゟ ヿ ㇰ", "ỗ Ỗ Ự ự", "\u0958 \u0929 \u09dc \ufb2a", "\u0344 \u0374 \u037e \u0387 \u2126",
]


def random_texts(rng, count):
    alphabets = ["abcdefghij ABC '.,!?-", "的一是在不了有和人这猫狗，。", "あいうアイウーカガ", "가나다라 각난", "éèüßñÇİ ", "àệ́̂",
                 "абвгдЖЗИ ", "🙂🐱🌞‍️", "0123456789 ½²", "\u200b\u200d\u00ad\u3000\t\x01", "<>/w end start pad", "कखगािी्"]
    texts = []
    for _ in range(count):
        text = ""
        for _ in range(rng.randint(1, 6)):
            source = rng.choice(alphabets)
            text += "".join(rng.choice(source) for _ in range(rng.randint(1, 8)))
        texts.append(text)
    return texts


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent / "TokenizationTests" / "Fixtures")
    rng = random.Random(SEED)
    captions = training_captions()
    vocabulary, merges = train(captions)
    model = BPE(vocabulary, merges, end_of_word_suffix="</w>")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = Sequence([SPLIT, ByteLevel(add_prefix_space=False, use_regex=False)])
    cases = []
    for text in captions[::9] + OTHERS + HOSTILE + random_texts(rng, 250):
        cleaned = clean(text)
        cases.append({"text": text, "cleaned": cleaned, "preTokens": pre_tokens(cleaned), "ids": tokenizer.encode(cleaned).ids})
    golden = {"madeBy": "Tests/Peers/tokenizer_golden.py", "tokenizers": tokenizers.__version__, "seed": SEED,
              "unicode": unicodedata.unidata_version, "settings": SETTINGS, "captions": captions}
    folder.mkdir(parents=True, exist_ok=True)
    head = json.dumps(golden)[:-1]
    rows = ",\n".join(json.dumps(case) for case in cases)
    (folder / "golden.json").write_text(f'{head}, "cases": [\n{rows}\n]}}\n')
    lines = ",\n".join(f"  {json.dumps(token, ensure_ascii=False)}: {index}" for token, index in vocabulary.items())
    (folder / "vocab.json").write_text("{\n" + lines + "\n}\n", encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges), encoding="utf-8")
    print(f"{len(vocabulary)} tokens, {len(merges)} merges, {len(cases)} cases")


if __name__ == "__main__":
    main()
