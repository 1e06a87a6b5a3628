#!/usr/bin/env python3
"""Tiny random CLIP checkpoints of the ViT family in every naming, with the outputs of each stage.

    pip install torch==2.15.0 open_clip_torch==3.3.0 transformers==5.19.0 safetensors==0.8.0 numpy==2.4.6
    python3 Tests/Peers/clip_golden.py Tests/EncodersTests/Fixtures

Each case is a folder as its library writes it (weights, configuration) plus `golden.safetensors`: `input.pixels` (U8), `input.tokens`
(I64, filled up with the case's padding) and, in F32, `image.STAGE` and `text.STAGE`. Weights are rounded to the stored type before
the outputs are computed in F32.

`clip_golden.py --full FOLDER` writes one random ViT-B/32 of full size (16 images, 100 texts) for an ad-hoc comparison.
"""
import json
import os
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

SEED = 20261122
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
CONTEXT, VOCABULARY = 11, 40


def randomise(model, dtype):
    """Weights of trained size: every gain, bias and embedding moved off its neutral start, then rounded to `dtype`."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if name.endswith("logit_scale"):
                continue
            deviation = 0.3 if value.ndim < 2 or "embedding" in name else 1.2 / value[0].numel() ** 0.5
            gain = 1.0 if value.ndim == 1 and name.endswith("weight") else 0.0
            value.copy_(torch.randn_like(value) * deviation + gain)
            value.copy_(value.to(dtype).float())
    return model.eval()


def inputs(size, images, texts, context, vocabulary, end, pad):
    pixels = torch.randint(0, 256, (images, size, size, 3), dtype=torch.uint8)
    tokens = torch.full((texts, context), pad, dtype=torch.int64)
    for row in range(texts):
        length = 2 + (row * 7) % (context - 1)
        tokens[row, : length - 1] = torch.randint(3, vocabulary - 2, (length - 1,))
        tokens[row, length - 1] = end
    return pixels, tokens


def normalised(pixels, mean, std):
    return ((pixels.float() / 255 - torch.tensor(mean)) / torch.tensor(std)).permute(0, 3, 1, 2).contiguous()


class Stages:
    """Outputs of modules, collected by forward hooks."""

    def __init__(self):
        self.found = {}

    def watch(self, name, module, before=False):
        def keep(value):
            self.found[name] = (value[0] if isinstance(value, tuple) else value).detach().float().contiguous()

        if before:
            module.register_forward_pre_hook(lambda _, given: keep(given))
        else:
            module.register_forward_hook(lambda _, __, result: keep(result))

    def finish(self, kind, pooled_rows, projected):
        out = self.found
        out[f"{kind}.pooled"] = out.pop(f"{kind}.last")[torch.arange(len(pooled_rows)), pooled_rows].contiguous()
        out[f"{kind}.projected"] = projected.detach()
        out[f"{kind}.embedding"] = F.normalize(projected.detach(), dim=-1)


def save_golden(folder, pixels, tokens, stages):
    save_file({"input.pixels": pixels, "input.tokens": tokens, **stages.found}, f"{folder}/golden.safetensors")


def open_clip_case(folder, model_cfg, preprocess_cfg, dtype, custom=False, images=2, texts=5, end=None):
    import open_clip

    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(SEED)
    make = open_clip.CustomTextCLIP if custom else open_clip.CLIP
    arguments = {key: value for key, value in model_cfg.items() if key != "custom_text"}
    model = randomise(make(**arguments), dtype)
    text_cfg = model_cfg["text_cfg"]
    vocabulary = text_cfg["vocab_size"]
    end = vocabulary - 1 if end is None else end
    size = model_cfg["vision_cfg"]["image_size"]
    pixels, tokens = inputs(size, images, texts, text_cfg["context_length"], vocabulary, end, 0)
    tower = model.text if custom else model
    stages = Stages()
    stages.watch("image.stem", model.visual.ln_pre, before=True)
    stages.watch("image.stemNorm", model.visual.ln_pre)
    stages.watch("text.stem", tower.transformer, before=True)
    for kind, transformer in (("image", model.visual.transformer), ("text", tower.transformer)):
        for index, block in enumerate(transformer.resblocks[:-1]):
            stages.watch(f"{kind}.block.{index}", block)
        stages.watch(f"{kind}.last", transformer.resblocks[-1])
    with torch.no_grad():
        image = model.encode_image(normalised(pixels, preprocess_cfg["mean"], preprocess_cfg["std"]))
        stages.finish("image", torch.zeros(images, dtype=torch.long), image)
        stages.finish("text", (tokens == end).int().argmax(1), model.encode_text(tokens))
    state = {key: value.to(dtype).contiguous() for key, value in model.state_dict().items() if key != "attn_mask"}
    save_file(state, f"{folder}/open_clip_model.safetensors")
    with open(f"{folder}/open_clip_config.json", "w") as file:
        json.dump({"model_cfg": model_cfg, "preprocess_cfg": preprocess_cfg}, file, indent=1)
        file.write("\n")
    save_golden(folder, pixels, tokens, stages)


def hugging_face_case(folder, vision, text, projection, preprocessor, dtype, end, shard_size):
    import transformers

    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(SEED + 1)
    config = transformers.CLIPConfig(vision_config=vision, text_config=text, projection_dim=projection)
    config._attn_implementation = "eager"
    model = randomise(transformers.CLIPModel(config), dtype)
    pixels, tokens = inputs(vision["image_size"], 2, 5, text["max_position_embeddings"], text["vocab_size"], end, end)
    stages = Stages()
    stages.watch("image.stem", model.vision_model.pre_layrnorm, before=True)
    stages.watch("image.stemNorm", model.vision_model.pre_layrnorm)
    stages.watch("text.stem", model.text_model.embeddings)
    for kind, tower in (("image", model.vision_model), ("text", model.text_model)):
        for index, block in enumerate(tower.encoder.layers[:-1]):
            stages.watch(f"{kind}.block.{index}", block)
        stages.watch(f"{kind}.last", tower.encoder.layers[-1])
    with torch.no_grad():
        given = normalised(pixels, preprocessor["image_mean"], preprocessor["image_std"])
        result = model(input_ids=tokens, pixel_values=given, attention_mask=None)
        image = model.visual_projection(model.vision_model(pixel_values=given).pooler_output)
        words = model.text_projection(model.text_model(input_ids=tokens).pooler_output)
        stages.finish("image", torch.zeros(2, dtype=torch.long), image)
        stages.finish("text", (tokens == end).int().argmax(1), words)
    assert torch.allclose(result.image_embeds, stages.found["image.embedding"], atol=1e-6)
    assert torch.allclose(result.text_embeds, stages.found["text.embedding"], atol=1e-6)
    model.to(dtype).save_pretrained(folder, max_shard_size=shard_size)
    if os.path.exists(f"{folder}/generation_config.json"):
        os.remove(f"{folder}/generation_config.json")
    with open(f"{folder}/preprocessor_config.json", "w") as file:
        json.dump(preprocessor, file, indent=1)
        file.write("\n")
    save_golden(folder, pixels, tokens, stages)


def openai_preprocess(size):
    return {"size": size, "mode": "RGB", "mean": list(MEAN), "std": list(STD), "interpolation": "bicubic",
            "resize_mode": "shortest", "fill_color": 0}


def main(folder):
    # Remainder pixels (18 = 2 * 8 + 2), heads of 8, exact GELU, F32.
    open_clip_case(
        f"{folder}/clip-openclip-gelu-f32",
        {"embed_dim": 20,
         "vision_cfg": {"image_size": 18, "patch_size": 8, "width": 24, "layers": 2, "head_width": 8, "mlp_ratio": 2.0},
         "text_cfg": {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 16, "heads": 2, "layers": 2}},
        openai_preprocess(18), torch.float32)
    # Heads of 13 and 7, truncated hidden width (21 * 2.5 = 52.5), QuickGELU, prefix `text.`, an end id that is not the largest, F16.
    open_clip_case(
        f"{folder}/clip-openclip-custom-quickgelu-f16",
        {"embed_dim": 19, "quick_gelu": True, "custom_text": True,
         "vision_cfg": {"image_size": 15, "patch_size": 5, "width": 26, "layers": 3, "head_width": 13, "mlp_ratio": 2.5},
         "text_cfg": {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 21, "heads": 3, "layers": 2,
                      "mlp_ratio": 2.5, "pool_type": "eos", "eos_id": 2}},
        {**openai_preprocess(15), "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}, torch.float16, custom=True, end=2)
    # The old configuration's wrong eos_token_id 2 (pools at the largest id), sharded, F32.
    hugging_face_case(
        f"{folder}/clip-hf-quickgelu-f32-sharded",
        {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3, "image_size": 16,
         "patch_size": 8, "hidden_act": "quick_gelu"},
        {"hidden_size": 16, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
         "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "hidden_act": "quick_gelu", "bos_token_id": 0,
         "eos_token_id": 2, "pad_token_id": 1},
        20,
        {"do_resize": True, "size": {"shortest_edge": 16}, "resample": 3, "do_center_crop": True,
         "crop_size": {"height": 16, "width": 16}, "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
         "image_mean": list(MEAN), "image_std": list(STD), "do_convert_rgb": True,
         "image_processor_type": "CLIPImageProcessor"}, torch.float32, end=VOCABULARY - 1, shard_size="40KB")
    # Heads of 13, exact GELU, an explicit end id, BF16, the older form of the preprocessor's sizes.
    hugging_face_case(
        f"{folder}/clip-hf-gelu-bf16",
        {"hidden_size": 26, "intermediate_size": 61, "num_hidden_layers": 2, "num_attention_heads": 2, "image_size": 12,
         "patch_size": 4, "hidden_act": "gelu"},
        {"hidden_size": 26, "intermediate_size": 59, "num_hidden_layers": 3, "num_attention_heads": 2,
         "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT, "hidden_act": "gelu", "bos_token_id": 37,
         "eos_token_id": 38, "pad_token_id": 38},
        18,
        {"do_resize": True, "size": 12, "resample": 3, "do_center_crop": True, "crop_size": 12, "do_normalize": True,
         "feature_extractor_type": "CLIPFeatureExtractor", "image_mean": list(MEAN), "image_std": list(STD)},
        torch.bfloat16, end=38, shard_size="1GB")


def full(folder):
    open_clip_case(
        folder,
        {"embed_dim": 512,
         "vision_cfg": {"image_size": 224, "patch_size": 32, "width": 768, "layers": 12},
         "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 512, "heads": 8, "layers": 12}},
        openai_preprocess(224), torch.float32, images=16, texts=100)


if __name__ == "__main__":
    torch.set_num_threads(2)
    if sys.argv[1] == "--full":
        full(sys.argv[2])
    else:
        main(sys.argv[1])
