"""The texts on which tokenizers are compared: made from a seed, nasty on purpose. Imported by the scripts beside it."""

import random

SEED = 11

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
