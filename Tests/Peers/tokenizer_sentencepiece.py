#!/usr/bin/env python3
"""Trains sentencepiece vocabularies as SigLIP (unigram, nmt_nfkc) and SigLIP 2 (Gemma's byte pairs) have them, and writes the
ids of the reference libraries for them.

Needs sentencepiece==0.2.3, protobuf, transformers==5.19.0, tokenizers==0.23.3, open_clip_torch==3.3.0, ftfy==6.3.1 (ftfy
runs without its detector of wrongly decoded text). Deterministic: seed 11. Usage:

    tokenizer_sentencepiece.py [FIXTURES_FOLDER]               small vocabularies of made-up texts, 300 texts
    tokenizer_sentencepiece.py --full FOLDER CAPTIONS.json     vocabularies of the captions, their ids and 2,000 more texts

FOLDER/cases.json lists what to compare: a folder with tokenizer files, the cleaning, whether special strings count, the
context length, and the file of expected ids (one JSON array a line). FOLDER/texts.json holds the texts.
"""

import functools
import gzip
import json
import logging
import shutil
import sys
import warnings
from pathlib import Path

import ftfy
import open_clip.tokenizer
import sentencepiece
from tokenizers import AddedToken, Regex, Tokenizer, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram
from transformers import GemmaTokenizer, PreTrainedTokenizerFast, Siglip2Tokenizer, SiglipTokenizer, T5Tokenizer
from transformers.convert_slow_tokenizer import generate_merges, import_protobuf

from tokenizer_texts import make_texts

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)
open_clip.tokenizer.ftfy.fix_text = functools.partial(ftfy.fix_text, fix_encoding=False)
LENGTH = 64


def train(prefix, texts, **options):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_prefix=str(prefix), num_threads=1, minloglevel=2, **options)
    Path(f"{prefix}.vocab").unlink()


def proto(path):
    model = import_protobuf().ModelProto()
    model.ParseFromString(Path(path).read_bytes())
    return model


def make_unigram(folder, texts, size, coverage):
    """spiece.model; the tokenizer.json of transformers 5's T5Tokenizer; that of older converters."""
    for name in ["spiece", "t5", "metaspace"]:
        (folder / name).mkdir(parents=True, exist_ok=True)
    train(folder / "spiece/spiece", texts, model_type="unigram", vocab_size=size, hard_vocab_limit=False,
          normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1, unk_id=2, bos_id=-1, character_coverage=coverage)
    model = folder / "spiece/spiece.model"
    shutil.copy(model, folder / "t5/spiece.model")
    T5Tokenizer.from_pretrained(folder / "t5", extra_ids=0, pad_token="</s>").save_pretrained(folder / "t5")
    (folder / "t5/spiece.model").unlink()
    pieces = proto(model)
    tokenizer = Tokenizer(Unigram([(p.piece, p.score) for p in pieces.pieces], unk_id=2))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(pieces.normalizer_spec.precompiled_charsmap),
        normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "\u2581")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="\u2581", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in ["<pad>", "</s>", "<unk>"]])
    tokenizer.save(str(folder / "metaspace/tokenizer.json"), pretty=False)
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "pad_token": "</s>", "eos_token": "</s>", "unk_token": "<unk>"}
    (folder / "metaspace/tokenizer_config.json").write_text(json.dumps(config))


def make_byte_pairs(folder, texts, size, coverage):
    """tokenizer.model; Gemma's tokenizer.json with merges as arrays; the same with merges as strings."""
    for name in ["gemma-model", "gemma", "gemma-strings"]:
        (folder / name).mkdir(parents=True, exist_ok=True)
    train(folder / "gemma-model/tokenizer", texts, model_type="bpe", vocab_size=size, hard_vocab_limit=False,
          normalization_rule_name="identity", pad_id=0, eos_id=1, bos_id=2, unk_id=3, eos_piece="<eos>", bos_piece="<bos>",
          byte_fallback=True, split_digits=True, add_dummy_prefix=False, remove_extra_whitespaces=False,
          allow_whitespace_only_pieces=True, character_coverage=coverage,
          user_defined_symbols=["<mask>", "\n", "\n\n", "\u2581\u2581", "\u2581\u2581\u2581", "<table>"],
          control_symbols=["<start_of_turn>", "<end_of_turn>"])
    pieces = proto(folder / "gemma-model/tokenizer.model").pieces
    ids = {p.piece: i for i, p in enumerate(pieces)}
    merges = generate_merges(ids, {p.piece: p.score for p in pieces})
    tokenizer = GemmaTokenizer(vocab=ids, merges=merges).backend_tokenizer
    tokenizer.add_tokens([AddedToken(p.piece, normalized=False, special=p.type == 3) for p in pieces if p.type in (3, 4)])
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    tokenizer.enable_padding(length=LENGTH, pad_id=0, pad_token="<pad>")
    text = json.loads(tokenizer.to_str())
    config = {"tokenizer_class": "GemmaTokenizer", "pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>",
              "unk_token": "<unk>"}
    for name in ["gemma", "gemma-strings"]:
        if name == "gemma-strings":
            text["model"]["merges"] = [" ".join(m) for m in text["model"]["merges"]]
        (folder / name / "tokenizer.json").write_text(json.dumps(text, ensure_ascii=name == "gemma-strings"))
        (folder / name / "tokenizer_config.json").write_text(json.dumps(config))


def framed(ids, end):
    return [*ids[:LENGTH - 1], end]


def hugging_face(tokenizer):
    return lambda text: tokenizer(text, truncation=True, max_length=LENGTH, padding=False)["input_ids"]


def of_open_clip(folder):
    tokenizer = open_clip.tokenizer.HFTokenizer(str(folder), context_length=LENGTH, clean="canonicalize")
    pad, end = tokenizer.tokenizer.pad_token_id, tokenizer.tokenizer.eos_token_id

    def ids(text):
        row = tokenizer(text)[0].tolist()
        while len(row) and row[-1] == pad:
            row.pop()
        return row + [end] if pad == end else row
    return ids


def oracles(folder):
    """What is compared: folders of tokenizer files, cleaning, and a function from text to ids."""
    fast = PreTrainedTokenizerFast.from_pretrained(folder / "metaspace")
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "gemma-model/tokenizer.model"))
    yield ["spiece"], "huggingFaceSlow", hugging_face(SiglipTokenizer(str(folder / "spiece/spiece.model")))
    yield ["spiece", "t5"], "openClipCanonicalize", of_open_clip(folder / "t5")
    yield ["spiece", "t5"], "huggingFaceFast", hugging_face(T5Tokenizer.from_pretrained(folder / "t5"))
    yield ["metaspace"], "openClipCanonicalize", of_open_clip(folder / "metaspace")
    yield ["metaspace"], "huggingFaceFast", hugging_face(fast)
    gemma = ["gemma", "gemma-strings"]
    yield gemma, "openClipCanonicalize", of_open_clip(folder / "gemma")
    yield gemma, "huggingFaceFast", hugging_face(GemmaTokenizer.from_pretrained(folder / "gemma", padding_side="right"))
    yield gemma, "huggingFaceLowercase", hugging_face(Siglip2Tokenizer.from_pretrained(folder / "gemma"))
    yield ["gemma-model"], "huggingFaceFast", lambda text: framed(model.encode(text), 1)
    yield ["gemma-model"], "huggingFaceLowercase", lambda text: framed(
        model.encode("".join(c.lower() for c in text)), 1)


def main():
    arguments = sys.argv[1:]
    is_full = arguments[:1] == ["--full"]
    texts = make_texts(2000 if is_full else 300, 3000 if is_full else 60)
    words = [t for t in texts if t.strip() and "\0" not in t and "<" not in t]
    if is_full:
        folder = Path(arguments[1])
        captions = json.loads(Path(arguments[2]).read_text(encoding="utf-8"))
        make_unigram(folder, captions + 3 * words, 7000, 0.9995)
        make_byte_pairs(folder, captions + 3 * words, 9000, 0.999)
        texts = captions + texts
    else:
        default = Path(__file__).resolve().parents[1] / "TokenizationTests" / "Fixtures"
        folder = Path(arguments[0] if arguments else default) / "sentencepiece"
        # Every fifth text is plain English, the next one is of rare words; random characters stay out.
        corpus = [t for i, t in enumerate(make_texts(4000, 20)) if i % 5 < 2 and t.strip() and "\0" not in t and "<" not in t]
        make_unigram(folder, corpus, 1200, 0.98)
        make_byte_pairs(folder, corpus, 1500, 0.98)
    cases = []
    expected = {}
    for number, (folders, cleaning, ids) in enumerate(oracles(folder)):
        rows = [ids(text) for text in texts]
        expected[number] = rows
        cases += [{"folder": name, "cleaning": cleaning, "length": LENGTH, "expected": number} for name in folders]
    if is_full:
        (folder / "texts.json").write_text(json.dumps(texts))
        (folder / "cases.json").write_text(json.dumps(cases))
        for number, rows in expected.items():
            (folder / f"expected-{number}.txt").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return
    golden = {"cases": cases, "texts": texts, "expected": list(expected.values())}
    with open(folder / "golden.json.gz", "wb") as file:
        file.write(gzip.compress(json.dumps(golden, separators=(",", ":")).encode(), mtime=0))
    for path in sorted(folder.glob("*/*")):
        if path.name in ("spiece.model", "tokenizer.json", "tokenizer.model"):
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
            path.unlink()
        elif path.suffix == ".jinja":
            path.unlink()


main()
