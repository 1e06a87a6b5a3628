"""Makes safetensors files with spoilt headers and records which of them the reference reader accepts.

    OMP_NUM_THREADS=1 python Tests/Peers/safetensors_mutations.py Tests/ByteFormatsTests/Fixtures/safetensors_mutations.json

Needs safetensors (see requirements.txt). The seed is fixed, so the same version of the reference gives the same file.

The output holds the sound files as `bases` ([header text, data byte count], headers as Latin-1 text) and the spoilt ones as
`cases`: [base, announced header length or null for the true one, data byte count, start, removed byte count, inserted
Latin-1 text, 1 if accepted else 0]. The data bytes are zeros.
"""
import json
import random
import struct
import sys

import safetensors

SEED = 20261121
CASE_COUNT = 2000
TYPES = ["BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "I16", "U16", "F16", "BF16",
         "I32", "U32", "F32", "C64", "F64", "I64", "U64", "F4", "F6_E2M3", "F6_E3M2"]
ODD_TYPES = ["f32", "F33", "", "F32 ", "float32", "Q8", "F4_E2M1", "FLOAT", "\\u004632"]
NUMBERS = ["-1", "-0", "1.0", "1e0", "1E2", "0x4", "01", "+1", "18446744073709551615", "18446744073709551616",
           "9223372036854775807", "9223372036854775808", "99999999999999999999999", "4294967296", "null", "true",
           "\"4\"", "[4]", "{}", "1.5", "NaN", "Infinity", ".5", "4.", ""]
FRAGMENTS = ["{", "}", "[", "]", ",", ":", "\"", "\\", " ", "\n", "\t", "\r", "\x00", "\x01", "\x1f", "\x7f", "\x80",
             "\xff", "\xc3\xa9", "\xc3", "\xed\xa0\x80", "\xef\xbb\xbf", "\\u0061", "\\ud83d", "\\ud83d\\ude00",
             "\\udc00", "\\x", "\\/", "\\b", "/**/", "//", "null", "0", "1", "-", ".", "e", "\x0b", "\xc2\xa0",
             "\"a\":1,", ",\"b\":{}", "{}", "[]", "\"__metadata__\":{},", "\"__metadata__\":{\"a\":\"b\"},",
             "\"__metadata__\":{\"a\":1},", "\"__metadata__\":{\"a\":null},", "\"__metadata__\":null,",
             "\"__metadata__\":[],"]


def bases():
    """Sound files: [header, data byte count]."""
    tensors = [
        {},
        {"a": ("F32", [1], 4)},
        {"a": ("F32", [2, 3], 24), "b": ("F16", [4], 8), "c": ("U8", [], 1)},
        {"w": ("BF16", [3, 0], 0), "x": ("I64", [2], 16), "y": ("BOOL", [3], 3)},
        {"f": ("F4", [2, 4], 4), "g": ("F6_E2M3", [4], 3), "h": ("C64", [1], 8)},
        {"\u732b": ("F64", [1, 1, 1, 1, 1, 1, 1, 1], 8), "z z": ("I16", [2], 4)},
    ]
    texts = [None, {"format": "pt"}, None, {}, {"k": "v\"\\\n", "\u00e9": ""}, None]
    found = []
    for index, (entries, metadata) in enumerate(zip(tensors, texts)):
        header, offset = {}, 0
        if metadata is not None:
            header["__metadata__"] = metadata
        for name, (kind, shape, count) in entries.items():
            header[name] = {"dtype": kind, "shape": shape, "data_offsets": [offset, offset + count]}
            offset += count
        text = json.dumps(header, ensure_ascii=index % 2 == 0, separators=(",", ":") if index % 3 else (", ", ": "))
        found.append([text.encode() + b" " * (index % 4), offset])
    return found


def spans(header, kind):
    """Start and end of all tokens of a kind in a header: its texts, or its numbers."""
    found, index = [], 0
    while index < len(header):
        if header[index] == 0x22:
            end = index + 1
            while header[end] != 0x22:
                end += 2 if header[end] == 0x5C else 1
            if kind == "text":
                found.append((index, end + 1))
            index = end + 1
        elif chr(header[index]).isdigit():
            end = index
            while chr(header[end]).isdigit():
                end += 1
            if kind == "number":
                found.append((index, end))
            index = end
        else:
            index += 1
    return found


def members(header):
    """Start and end of all `"name":value` members of the outer object, without the commas."""
    depth, start, found, in_text, index = 0, None, [], False, 0
    while index < len(header):
        byte = chr(header[index])
        if in_text:
            if byte == "\\":
                index += 1
            elif byte == '"':
                in_text = False
        elif byte == '"':
            in_text = True
            if depth == 1 and start is None:
                start = index
        elif byte in "{[":
            depth += 1
        elif byte in "}]":
            depth -= 1
            if depth == 0 and start is not None:
                found.append((start, index))
        elif byte == "," and depth == 1:
            found.append((start, index))
            start = None
        index += 1
    return found


def mutation(random, header, data):
    """One spoilt file: [announced length or None, data byte count, start, removed count, inserted bytes]."""
    def edit(start, end, text, announced=None, count=data):
        return [announced, count, start, end - start, text if isinstance(text, bytes) else text.encode("latin-1")]

    def pick(places):
        return random.choice(places) if places else (len(header), len(header))

    kind = random.randrange(16)
    if kind == 0:  # another byte
        at = random.randrange(len(header))
        return edit(at, at + 1, bytes([random.randrange(256)]))
    if kind == 1:  # a flipped bit
        at = random.randrange(len(header))
        return edit(at, at + 1, bytes([header[at] ^ 1 << random.randrange(8)]))
    if kind == 2:  # bytes missing
        at = random.randrange(len(header))
        return edit(at, min(len(header), at + random.choice([1, 1, 2, 5, 20])), "")
    if kind == 3:  # a fragment put in
        at = random.randrange(len(header) + 1)
        return edit(at, at, random.choice(FRAGMENTS))
    if kind == 4:  # cut
        return edit(random.randrange(len(header)), len(header), "")
    if kind == 5:  # an odd number
        start, end = pick(spans(header, "number"))
        return edit(start, end, random.choice(NUMBERS))
    if kind == 6:  # another number
        start, end = pick(spans(header, "number"))
        value = int(header[start:end] or b"0") + random.choice([-4, -1, 1, 1, 2, 4, 8])
        return edit(start, end, str(value))
    if kind == 7:  # another type
        at = [span for span in spans(header, "text") if header[span[0] + 1:span[1] - 1].decode("utf-8", "replace") in TYPES]
        return edit(*pick(at), "\"" + random.choice(TYPES + ODD_TYPES) + "\"")
    if kind == 8:  # another text
        start, end = pick(spans(header, "text"))
        return edit(start, end, random.choice(["\"a\"", "\"\"", "\"dtype\"", "\"shape\"", "\"__metadata__\"", "a", "1",
                                               "\"" + "x" * 40 + "\"", "\"\\u0061\"", "null", "'a'"]))
    if kind == 9:  # a member twice, or a member moved to the end
        start, end = pick(members(header))
        last = header.rstrip(b" ").rfind(b"}")
        return edit(last, last, b"," + header[start:end] if start < last else b"")
    if kind == 10:  # a member left out
        start, end = pick(members(header))
        return edit(start, min(len(header), end + (header[end:end + 1] == b",")), "")
    if kind == 11:  # another amount of data
        return edit(0, 0, "", count=max(0, data + random.choice([-8, -1, 1, 7, 8, 100])))
    if kind == 12:  # another announced length
        length = len(header) + random.choice([-8, -2, -1, 1, 2, 8, data, data + 1, 100_000_000, 1 << 32, 1 << 62])
        return edit(0, 0, "", announced=max(0, length))
    if kind == 13:  # space before or behind
        at = random.choice([0, len(header)])
        return edit(at, at, random.choice([" ", "   ", "\n", "\t", "\x00", "\x0b", "\r\n  "]))
    if kind == 14:  # deeper, or a field more
        start, end = pick(spans(header, "number"))
        return edit(start, end, random.choice(["[" * 20 + "]" * 20, "[" * 200 + "]" * 200, "1,1", "1,1,1,1,1,1,1,1,1,1",
                                               "4,4,4", "0,0", "1,"]))
    at = header.find(b"\"dtype\"")  # a field of a tensor more
    at = at if at >= 0 else len(header)
    return edit(at, at, random.choice(["\"more\":1,", "\"dtype\":\"F32\",", "\"shape\":[1],", "\"strides\":[1],",
                                       "\"data_offsets\":[0,4],", "\"more\":{\"a\":[1,2,{}]},", " \n\t", "\"\":\"\","]))


def is_accepted(content):
    try:
        safetensors.deserialize(content)
    except safetensors.SafetensorError:
        return False
    return True


def main():
    chance = random.Random(SEED)
    sound = bases()
    for header, data in sound:
        assert is_accepted(struct.pack("<Q", len(header)) + header + bytes(data)), header
    cases = []
    while len(cases) < CASE_COUNT:
        base = chance.randrange(len(sound))
        header, data = sound[base]
        announced, count, start, removed, inserted = mutation(chance, header, data)
        spoilt = header[:start] + inserted + header[start + removed:]
        length = len(spoilt) if announced is None else announced
        accepted = is_accepted(struct.pack("<Q", length) + spoilt + bytes(count))
        cases.append([base, announced, count, start, removed, inserted.decode("latin-1"), int(accepted)])
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write("{\"reference\":\"safetensors " + safetensors.__version__ + "\",\"seed\":" + str(SEED) + ",\n\"bases\":")
        json.dump([[header.decode("latin-1"), data] for header, data in sound], file, separators=(",", ":"))
        file.write(",\n\"cases\":[\n")
        file.write(",\n".join(json.dumps(case, separators=(",", ":")) for case in cases))
        file.write("\n]}\n")
    print(f"{sum(case[-1] for case in cases)} of {len(cases)} accepted by safetensors {safetensors.__version__}")


main()
