"""Tiny random checkpoints of every family in every naming, written as their libraries write them, with golden.safetensors.

Each case differs from the others in what people get wrong; the comment above it says in what.
"""
import gzip
import json
import os
import shutil
import tempfile

import torch
from safetensors.torch import save_file

from golden_inputs import TEXTS, picture_files
from reference import OpenClipReference, TransformersReference, build_open_clip

SEED = 20261122
OPENAI = {"mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711]}
HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
CONTEXT, VOCABULARY = 11, 40


def randomise(model, dtype):
    """Weights of trained size: every gain, bias, statistic and embedding moved off its neutral start, then rounded to `dtype`."""
    with torch.no_grad():
        for name, value in list(model.named_parameters()) + list(model.named_buffers()):
            if not value.is_floating_point() or name.endswith(("attn_mask", "periods", "bands")) or ".rope." in name:
                continue
            if name.endswith("logit_scale"):
                value.fill_(2.6592600)
            elif name.endswith("logit_bias"):
                value.fill_(-7.25)
            elif name.endswith("running_var"):
                value.copy_(0.5 + torch.rand_like(value))
            else:
                # A matrix keeps the size of what passes; vectors, embeddings and single rows are of the order of one third.
                is_table = value.ndim < 2 or value.shape[0] == 1 or "embed" in name and "patch" not in name
                fan_in = value[0].numel() if value.ndim > 1 else 1
                deviation = 0.3 if is_table else 1.2 / fan_in ** 0.5
                is_gain = value.ndim == 1 and name.endswith(("weight", "gamma"))
                value.copy_(torch.randn_like(value) * deviation + (1.0 if is_gain else 0.0))
            value.copy_(value.to(dtype).float())
    return model.eval()


def inputs(reference, images, texts):
    """Picture files, and rows of several lengths up to the whole context, ended by the end token."""
    context = reference.context_length
    rows = []
    for row in range(texts):
        length = 2 + (row * 7) % (context - 1)
        rows.append(torch.randint(3, reference.vocabulary_size - 2, (length,)))
        rows[-1][-1] = reference.end
    return picture_files(reference.image_size, images), reference.padded(rows)


def write_json(folder, name, value):
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def open_clip_case(folder, model_cfg, preprocess, dtype, images=1, texts=3, seed=0, tokenizer=None):
    torch.manual_seed(SEED + seed)
    size = model_cfg["vision_cfg"]["image_size"]
    preprocess_cfg = {"size": size, "mode": "RGB", **preprocess, "interpolation": "bicubic",
                      "resize_mode": "squash" if preprocess is HALF else "shortest", "fill_color": 0}
    config = {"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg}
    model = randomise(build_open_clip(model_cfg), dtype)
    reference = OpenClipReference(config=config, model=model)
    state = {key: value.to(dtype) if value.is_floating_point() else value for key, value in model.state_dict().items()}
    save_file({key: value.contiguous() for key, value in state.items()}, f"{folder}/open_clip_model.safetensors")
    write_json(folder, "open_clip_config.json", config)
    if tokenizer:
        golden = reference.golden(picture_files(size, images), tokenizer(TEXTS[:texts]), TEXTS[:texts])
    else:
        golden = reference.golden(*inputs(reference, images, texts))
    save_file(golden, f"{folder}/golden.safetensors")


def transformers_case(
    folder, kind, vision, text, preprocessor, dtype, top=None, shard_size="1GB", pad_token=None, seed=0
):
    import transformers

    torch.manual_seed(SEED + seed)
    make = {"clip": (transformers.CLIPConfig, transformers.CLIPModel),
            "siglip": (transformers.SiglipConfig, transformers.SiglipModel)}[kind]
    config = make[0](vision_config=vision, text_config=text, **(top or {}))
    config._attn_implementation = "eager"
    model = randomise(make[1](config), dtype)
    write_json(folder, "preprocessor_config.json", preprocessor)
    if pad_token:
        write_json(folder, "tokenizer_config.json",
                   {"pad_token": pad_token, "model_max_length": text["max_position_embeddings"],
                    "tokenizer_class": "GemmaTokenizer" if pad_token == "<pad>" else "SiglipTokenizer"})
    with torch.no_grad():
        config.save_pretrained(folder)
        reference = TransformersReference(folder, model=model)
        golden = reference.golden(*inputs(reference, 1, 3))
        padded = torch.where(golden["tokens"] < 0, reference.pad, golden["tokens"]).long()
        whole = model(input_ids=padded, pixel_values=reference.normalised(golden["pixels"]))
        assert torch.allclose(whole.image_embeds, golden["image.embedding"], atol=1e-6)
        assert torch.allclose(whole.text_embeds, golden["text.embedding"], atol=1e-6)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard_size)
    if os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")
    save_file(golden, f"{folder}/golden.safetensors")


def clip_preprocessor(size):
    return {"do_resize": True, "size": {"shortest_edge": size}, "resample": 3, "do_center_crop": True,
            "crop_size": {"height": size, "width": size}, "do_rescale": True, "rescale_factor": 1 / 255,
            "do_normalize": True, "image_mean": OPENAI["mean"], "image_std": OPENAI["std"], "do_convert_rgb": True,
            "image_processor_type": "CLIPImageProcessor"}


def siglip_preprocessor(size, resample):
    return {"do_convert_rgb": None, "do_normalize": True, "do_rescale": True, "do_resize": True,
            "image_mean": HALF["mean"], "image_processor_type": "SiglipImageProcessor", "image_std": HALF["std"],
            "processor_class": "SiglipProcessor", "resample": resample, "rescale_factor": 1 / 255,
            "size": {"height": size, "width": size}}


def text_cfg(width, heads, layers=2, **more):
    return {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": width, "heads": heads, "layers": layers,
            "mlp_ratio": 2.0, **more}


def siglip_text_cfg(width, heads, tokenizer, **more):
    return text_cfg(
        width, heads, hf_tokenizer_name=tokenizer, tokenizer_kwargs={"clean": "canonicalize"}, no_causal_mask=True,
        proj_bias=True, pool_type="last", norm_kwargs={"eps": 1e-06}, **more)


def hf_text(width, heads, hidden, layers=2, **more):
    return {"hidden_size": width, "intermediate_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
            "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, **more}


def hf_vision(width, heads, hidden, size, patch, layers=2, **more):
    return {"hidden_size": width, "intermediate_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
            "image_size": size, "patch_size": patch, **more}


def short_tokenizer(context):
    """open_clip's tokenizer with the short vocabulary of the tokenizer's tests."""
    from open_clip.tokenizer import SimpleTokenizer

    source = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                          "../TokenizationTests/Fixtures/clip/bpe_simple_vocab_16e6.txt")
    with open(source, "rb") as file, tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "vocabulary.txt.gz")
        with gzip.open(path, "wb") as packed:
            packed.write(file.read())
        return SimpleTokenizer(path, context_length=context)


def vit_cases():
    # Texts from their words: the vocabulary of Tests/TokenizationTests/Fixtures/clip, which is not repeated here, F16.
    yield "clip-openclip-words", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 16,
         "vision_cfg": {"image_size": 16, "patch_size": 8, "width": 16, "layers": 2, "head_width": 8, "mlp_ratio": 2.0},
         "text_cfg": {**text_cfg(8, 2), "context_length": 24, "vocab_size": 2014}},
        OPENAI, torch.float16, images=2, texts=5, seed=6, tokenizer=short_tokenizer(24))
    # Remainder pixels (14 = 2 * 6 + 2), heads of 8, exact GELU, the default ratio of the text tower, F32.
    yield "clip-openclip-gelu-f32", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 20,
         "vision_cfg": {"image_size": 14, "patch_size": 6, "width": 16, "layers": 2, "head_width": 8, "mlp_ratio": 2.0},
         "text_cfg": {key: value for key, value in text_cfg(16, 2).items() if key != "mlp_ratio"}},
        OPENAI, torch.float32, images=2, texts=4)
    # Heads of 13 and 7, truncated hidden width (21 * 2.5 = 52.5), QuickGELU, prefix `text.`, an end id that is not the
    # largest, F16.
    yield "clip-openclip-custom-quickgelu-f16", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 19, "quick_gelu": True, "custom_text": True,
         "vision_cfg": {"image_size": 15, "patch_size": 5, "width": 26, "layers": 2, "head_width": 13, "mlp_ratio": 2.5},
         "text_cfg": text_cfg(21, 3, mlp_ratio=2.5, pool_type="eos", eos_id=2)},
        {**OPENAI, "mean": [0.5, 0.5, 0.5]}, torch.float16, seed=1)
    # Heads of 80 (ViT-H) and 88 (ViT-g), BF16.
    yield "clip-openclip-heads-80-88", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 24,
         "vision_cfg": {"image_size": 8, "patch_size": 4, "width": 80, "layers": 1, "head_width": 80, "mlp_ratio": 0.1},
         "text_cfg": text_cfg(88, 1, 1, mlp_ratio=0.1)},
        OPENAI, torch.bfloat16, seed=2)
    # Heads of 104 (ViT-bigG), F16.
    yield "clip-openclip-heads-104", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 16,
         "vision_cfg": {"image_size": 8, "patch_size": 4, "width": 104, "layers": 1, "head_width": 104, "mlp_ratio": 0.1},
         "text_cfg": text_cfg(14, 2, 1)},
        OPENAI, torch.float16, seed=3)
    # The old configuration's wrong eos_token_id 2 (pools at the largest id), sharded, F32.
    yield "clip-hf-quickgelu-f32-sharded", lambda folder: transformers_case(
        folder, "clip", hf_vision(18, 3, 30, 12, 6, layers=1, hidden_act="quick_gelu"),
        hf_text(16, 2, 40, hidden_act="quick_gelu", bos_token_id=0, eos_token_id=2, pad_token_id=1),
        clip_preprocessor(12), torch.float32, top={"projection_dim": 20}, shard_size="16KB", seed=4)
    # Heads of 13, exact GELU, an explicit end id, BF16, the older form of the preprocessor's sizes.
    yield "clip-hf-gelu-bf16", lambda folder: transformers_case(
        folder, "clip", hf_vision(26, 2, 61, 12, 4, hidden_act="gelu"),
        hf_text(18, 2, 59, layers=1, hidden_act="gelu", bos_token_id=37, eos_token_id=38, pad_token_id=38),
        {"do_resize": True, "size": 12, "resample": 3, "do_center_crop": True, "crop_size": 12, "do_normalize": True,
         "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": OPENAI["mean"], "image_std": OPENAI["std"]},
        torch.bfloat16, top={"projection_dim": 18}, seed=5)


def siglip_cases():
    # open_clip's SigLIP: erf in both towers, MAP head, heads of 7 and 9, text padded with 1 and pooled at the last position, F16.
    yield "siglip-openclip-erf", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 14, "init_logit_bias": -10, "custom_text": True,
         "vision_cfg": {"image_size": 14, "timm_model_name": "vit_base_patch16_siglip_224", "timm_model_pretrained": False,
                        "timm_pool": "map", "timm_proj": "none",
                        "timm_model_kwargs": {"img_size": 14, "patch_size": 4, "embed_dim": 14, "depth": 2, "num_heads": 2,
                                              "mlp_ratio": 3.7362}},
         "text_cfg": siglip_text_cfg(18, 2, "timm/ViT-B-16-SigLIP", mlp_ratio=2.3)},
        HALF, torch.float16, seed=10)
    # open_clip's SigLIP 2: tanh in the text tower only, padded with 0, BF16.
    yield "siglip2-openclip-tanh", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 16, "init_logit_bias": -10, "custom_text": True,
         "vision_cfg": {"image_size": 12, "timm_model_name": "vit_base_patch16_siglip_224", "timm_model_pretrained": False,
                        "timm_pool": "map", "timm_proj": "none",
                        "timm_model_kwargs": {"img_size": 12, "patch_size": 4, "embed_dim": 16, "depth": 2, "num_heads": 4}},
         "text_cfg": siglip_text_cfg(16, 2, "timm/ViT-B-16-SigLIP2", act_kwargs={"approximate": "tanh"})},
        HALF, torch.bfloat16, seed=11)
    # transformers' SigLIP: tanh everywhere, heads of 72 as in So400m (image), bicubic, F16.
    yield "siglip-hf-tanh-heads-72", lambda folder: transformers_case(
        folder, "siglip", hf_vision(72, 1, 20, 8, 4, layers=1),
        hf_text(20, 4, 33, pad_token_id=1, bos_token_id=37, eos_token_id=1, projection_size=72),
        siglip_preprocessor(8, 3), torch.float16, pad_token="</s>", seed=12)
    # transformers' SigLIP 2 of fixed resolution: a text head of another width than the text tower (g-opt), bilinear, exact
    # GELU stated, padded with 0 although the configuration's default says 1, F16.
    yield "siglip2-hf-gelu", lambda folder: transformers_case(
        folder, "siglip", hf_vision(18, 3, 31, 12, 4, hidden_act="gelu"),
        hf_text(14, 2, 29, hidden_act="gelu", projection_size=18), siglip_preprocessor(12, 2), torch.float16,
        pad_token="<pad>", seed=13)


def convnet_cases():
    # ConvNeXt, linear head; 45 pixels leave odd sizes at every stage (11, 5, 2, 1), BF16.
    yield "convnext-openclip-linear", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 10,
         "vision_cfg": {"timm_model_name": "convnext_base", "timm_model_pretrained": False, "timm_pool": "",
                        "timm_proj": "linear", "timm_drop": 0.0, "timm_drop_path": 0.1, "image_size": 45,
                        "timm_model_kwargs": {"depths": [1, 2, 1, 1], "dims": [6, 10, 12, 16]}},
         "text_cfg": text_cfg(16, 2, 1)},
        OPENAI, torch.bfloat16, seed=20)
    # ConvNeXt, head of two layers (the _d models), a text tower wider than the embedding, F16.
    yield "convnext-openclip-mlp", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 9,
         "vision_cfg": {"timm_model_name": "convnext_large", "timm_model_pretrained": False, "timm_pool": "",
                        "timm_proj": "mlp", "timm_drop": 0.0, "timm_drop_path": 0.1, "image_size": 40,
                        "timm_model_kwargs": {"depths": [1, 1, 2, 1], "dims": [6, 9, 12, 18]}},
         "text_cfg": text_cfg(15, 3, 1)},
        OPENAI, torch.float16, seed=21)
    # The modified ResNet: two blocks in a stage (with and without a downsampling branch), QuickGELU in the text tower as
    # OpenAI's, several attention heads, F16.
    yield "resnet-openclip-quickgelu", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 12, "quick_gelu": True,
         "vision_cfg": {"image_size": 64, "layers": [1, 2, 1, 1], "width": 2, "head_width": 32, "patch_size": None},
         "text_cfg": text_cfg(16, 2, 1)},
        OPENAI, torch.float16, seed=22)


def eva_cases():
    # EVA02: rotary positions with a reference grid other than the own one, SwiGLU with a norm inside, norm after attention,
    # no key bias, `text.` prefix, BF16.
    yield "eva02-openclip", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 12, "custom_text": True,
         "vision_cfg": {"image_size": 12, "timm_model_name": "eva02_base_patch16_clip_224", "timm_model_pretrained": False,
                        "timm_pool": "token", "timm_proj": None,
                        "timm_model_kwargs": {"img_size": 12, "patch_size": 4, "embed_dim": 16, "depth": 2, "num_heads": 2,
                                              "ref_feat_shape": [4, 4]}},
         "text_cfg": text_cfg(16, 2)},
        OPENAI, torch.bfloat16, seed=30)
    # EVA02 with heads of 12 and a hidden width that 8/3 does not divide, F16.
    yield "eva02-openclip-odd", lambda folder: open_clip_case(
        folder,
        {"embed_dim": 17, "custom_text": True,
         "vision_cfg": {"image_size": 15, "timm_model_name": "eva02_large_patch14_clip_224", "timm_model_pretrained": False,
                        "timm_pool": "token", "timm_proj": None,
                        "timm_model_kwargs": {"img_size": 15, "patch_size": 3, "embed_dim": 24, "depth": 2, "num_heads": 2,
                                              "ref_feat_shape": [16, 16]}},
         "text_cfg": text_cfg(16, 2, 1)},
        OPENAI, torch.float16, seed=31)


def write_all(directory, only=None):
    """Writes every case, or those whose name holds `only`, below `directory`."""
    torch.set_num_threads(1)
    for cases in (vit_cases, siglip_cases, convnet_cases, eva_cases):
        for name, make in cases():
            if only and only not in name:
                continue
            folder = os.path.join(directory, name)
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)
            make(folder)
            for file in os.listdir(folder):
                os.chmod(os.path.join(folder, file), 0o644)
            sizes = [os.path.getsize(os.path.join(folder, file)) for file in os.listdir(folder)]
            if max(sizes) >= 200_000:
                raise SystemExit(f"{name}: a file of {max(sizes)} bytes; fixtures stay below 200 kB")
            print(f"{name}: {sum(sizes)} bytes", flush=True)
