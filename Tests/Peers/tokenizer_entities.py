#!/usr/bin/env python3
"""Writes Sources/Tokenization/CharacterReferenceTable.swift: the named character references of HTML.

The names and code points are the HTML standard's table (section 13.5), read from Python's `html.entities.html5`.
Usage: tokenizer_entities.py OUTPUT_FILE
"""

import sys
from html.entities import html5
from pathlib import Path

entries = []
for name in sorted({n.rstrip(";") for n in html5}):
    value = html5[name + ";"]
    mark = "!" if name in html5 else ":"
    assert name.isascii() and name.isalnum() and (mark == ":" or html5[name] == value)
    entries.append(name + mark + "+".join(f"{ord(c):x}" for c in value))

lines, line = [], ""
for entry in entries:
    if line and len(line) + len(entry) + 1 > 112:
        lines.append(line)
        line = ""
    line += (" " if line else "") + entry
lines.append(line)

text = """/// The named character references of the HTML standard, section 13.5. Written by `Tests/Peers/tokenizer_entities.py`.
enum CharacterReferenceTable {
    /// Entries between white space: a name, `:` when the name needs its semicolon or `!` when it also stands without one,
    /// and one or two hexadecimal code points between `+`.
    static let entries = \"\"\"
"""
text += "".join(f"        {line}\n" for line in lines)
text += '        """\n}\n'
Path(sys.argv[1]).write_text(text, encoding="utf-8")
