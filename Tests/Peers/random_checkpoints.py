"""Checkpoints of public models' full size with random weights: the public weights themselves are not needed to prove arithmetic.

Each folder holds what the real download holds: weights, description, preprocessing and a whole tokenizer.
"""
import json
import os
import shutil

import torch
from safetensors.torch import save_file

SEED = 20261123
OPEN_CLIP = ["ViT-B-32", "ViT-B-16", "ViT-L-14", "RN50", "convnext_base_w", "EVA02-B-16", "ViT-B-16-SigLIP"]
HUGGING_FACE = ["hf-clip-vit-base-patch32", "hf-siglip-base-patch16-224", "hf-siglip2-base-patch16-224"]
NAMES = OPEN_CLIP + HUGGING_FACE
# As OpenAI's own weights of these models were trained.
QUICK_GELU = {"RN50"}


def randomise(model):
    """Weights with the spread of trained ones: gains about 1, biases and positions about a tenth, matrices that keep the size."""
    with torch.no_grad():
        for name, value in list(model.named_parameters()) + list(model.named_buffers()):
            if not value.is_floating_point() or name.endswith(("attn_mask", "periods", "bands")) or ".rope." in name:
                continue
            if name.endswith("logit_scale"):
                value.fill_(4.6)
            elif name.endswith("logit_bias"):
                value.fill_(-12.9)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif value.ndim == 1 and name.endswith(("weight", "gamma")):
                value.normal_(1.0, 0.1)
            elif value.ndim < 2 or value.shape[0] == 1 or "embedding" in name and "patch" not in name:
                value.normal_(0.0, 0.1)
            else:
                value.normal_(0.0, value[0].numel() ** -0.5)
    return model.eval()


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def write_clip_vocabulary(folder):
    """The vocabulary file of the installed open_clip."""
    from open_clip.tokenizer import default_bpe

    shutil.copyfile(default_bpe(), os.path.join(folder, "bpe_simple_vocab_16e6.txt.gz"))


def write_clip_tokenizer(folder):
    """The same vocabulary in the files of transformers."""
    from open_clip.tokenizer import SimpleTokenizer
    from transformers import CLIPTokenizer

    simple = SimpleTokenizer()
    specials = {simple.sot_token_id: "<|startoftext|>", simple.eot_token_id: "<|endoftext|>"}
    vocabulary = {specials.get(number, token): number for token, number in simple.encoder.items()}
    tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[tuple(pair) for pair in simple.bpe_ranks], model_max_length=77)
    tokenizer.save_pretrained(folder)


def train_pieces(folder, captions, **options):
    """A sentencepiece model of the captions; the models' own vocabularies are larger, their towers take any ids."""
    import sentencepiece

    if not captions:
        raise SystemExit("SigLIP tokenizers are trained: name a file of captions with --captions")
    prefix = os.path.join(folder, "spiece")
    sentencepiece.SentencePieceTrainer.train(
        input=captions, model_prefix=prefix, num_threads=1, minloglevel=2, hard_vocab_limit=False, **options)
    os.remove(prefix + ".vocab")
    return prefix + ".model"


def train_unigram(folder, captions):
    """As SigLIP's: <pad>, </s>, <unk>, then pieces; normalised as the C4 vocabulary."""
    return train_pieces(
        folder, captions, model_type="unigram", vocab_size=6000, normalization_rule_name="nmt_nfkc", pad_id=0, eos_id=1,
        unk_id=2, bos_id=-1)


def write_open_clip_siglip_tokenizer(folder, captions):
    """tokenizer.json in the form of T5, padded with the end token, as timm's SigLIP repositories hold it."""
    from transformers import T5Tokenizer

    path = train_unigram(folder, captions)
    T5Tokenizer.from_pretrained(folder, extra_ids=0, pad_token="</s>", model_max_length=64).save_pretrained(folder)
    os.remove(path)


def write_siglip_tokenizer(folder, captions):
    """spiece.model for the Python class of transformers."""
    from transformers import SiglipTokenizer

    SiglipTokenizer(train_unigram(folder, captions)).save_pretrained(folder)


def write_gemma_tokenizer(folder, captions):
    """tokenizer.json as SigLIP 2's: byte pairs with a fall back to bytes, <pad> 0, <eos> 1 behind every text."""
    from tokenizers import AddedToken, processors
    from transformers import GemmaTokenizer
    from transformers.convert_slow_tokenizer import generate_merges, import_protobuf

    path = train_pieces(
        folder, captions, model_type="bpe", vocab_size=8000, normalization_rule_name="identity", pad_id=0, eos_id=1,
        bos_id=2, unk_id=3, pad_piece="<pad>", eos_piece="<eos>", bos_piece="<bos>", byte_fallback=True, split_digits=True,
        add_dummy_prefix=False, remove_extra_whitespaces=False)
    model = import_protobuf().ModelProto()
    with open(path, "rb") as file:
        model.ParseFromString(file.read())
    os.remove(path)
    vocabulary = {piece.piece: number for number, piece in enumerate(model.pieces)}
    merges = generate_merges(vocabulary, {piece.piece: piece.score for piece in model.pieces})
    tokenizer = GemmaTokenizer(vocab=vocabulary, merges=merges)
    backend = tokenizer.backend_tokenizer
    backend.add_tokens([AddedToken(piece, normalized=False, special=True) for piece in ("<pad>", "<eos>", "<bos>", "<unk>")])
    backend.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    backend.save(os.path.join(folder, "tokenizer.json"))
    write_json(folder, "tokenizer_config.json", {
        "tokenizer_class": "GemmaTokenizer", "pad_token": "<pad>", "eos_token": "<eos>", "bos_token": "<bos>",
        "unk_token": "<unk>", "padding_side": "right", "model_max_length": 64})


def write_open_clip(name, folder, captions):
    import open_clip

    from reference import build_open_clip

    model_cfg = open_clip.get_model_config(name)
    if name in QUICK_GELU:
        model_cfg["quick_gelu"] = True
    is_siglip = "SigLIP" in name
    mean, std = ([0.5] * 3, [0.5] * 3) if is_siglip else (
        [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
    preprocess_cfg = {"mean": mean, "std": std, "interpolation": "bicubic", "resize_mode": "squash" if is_siglip else "shortest"}
    model = randomise(build_open_clip(model_cfg))
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, f"{folder}/open_clip_model.safetensors")
    write_json(folder, "open_clip_config.json", {"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg})
    if is_siglip:
        write_open_clip_siglip_tokenizer(folder, captions)
    else:
        write_clip_vocabulary(folder)


def write_hugging_face(name, folder, captions):
    import transformers

    if "clip-vit" in name:
        config = transformers.CLIPConfig(
            text_config={"hidden_act": "quick_gelu"}, vision_config={"hidden_act": "quick_gelu"}, projection_dim=512)
        model = randomise(transformers.CLIPModel(config))
        write_clip_tokenizer(folder)
        processor = transformers.CLIPImageProcessor()
    else:
        is_second = "siglip2" in name
        text = {"vocab_size": 256000} if is_second else {"pad_token_id": 1}
        model = randomise(transformers.SiglipModel(transformers.SiglipConfig(text_config=text)))
        processor = transformers.SiglipImageProcessor(
            image_mean=[0.5] * 3, image_std=[0.5] * 3, resample=2 if is_second else 3)
        if is_second:
            write_gemma_tokenizer(folder, captions)
        else:
            write_siglip_tokenizer(folder, captions)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def write(name, folder, captions=None):
    """Writes one of `NAMES`."""
    if name not in NAMES:
        raise SystemExit(f"{name} is none of {', '.join(NAMES)}")
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(SEED)
    make = write_open_clip if name in OPEN_CLIP else write_hugging_face
    make(name, folder, captions)
    print(f"{folder}: {sum(os.path.getsize(os.path.join(folder, file)) for file in os.listdir(folder)) / 1e6:.0f} MB")
