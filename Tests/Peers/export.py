"""Checks that open_clip or transformers load an exported model strictly and compute what the model computed.

    vlmpipe model export NAME DIR --as open_clip     (or hf)
    OMP_NUM_THREADS=1 python Tests/Peers/export.py FIRST SECOND

FIRST and SECOND are folders of the same model, each a checkpoint or an export for either library. The script makes random
pixels and ids, prints the largest difference of their unit-length embeddings and fails above 1e-5.
"""
import json
import os
import sys

import numpy as np
import torch

BOUND, COUNT, SEED = 1e-5, 3, 7


def towers(folder):
    """Image size, context length, vocabulary size, end id, and the two functions to unit-length embeddings."""
    if os.path.exists(f"{folder}/open_clip_config.json"):
        import open_clip
        from open_clip.factory import load_checkpoint
        with open(f"{folder}/open_clip_config.json", encoding="utf-8") as file:
            config = json.load(file)["model_cfg"]
        custom = config.pop("custom_text", False)
        config["vision_cfg"].setdefault("timm_model_pretrained", False)
        model = (open_clip.CustomTextCLIP if custom else open_clip.CLIP)(**config).eval()
        load_checkpoint(model, f"{folder}/open_clip_model.safetensors", strict=True)
        text = config["text_cfg"]
        return (config["vision_cfg"]["image_size"], text["context_length"], text["vocab_size"], text.get("eos_id"),
                lambda x: model.encode_image(x, normalize=True), lambda x: model.encode_text(x, normalize=True))
    from transformers import AutoModel
    model, info = AutoModel.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    model.eval()
    text = model.config.text_config

    def unit(x):
        x = getattr(x, "pooler_output", x)
        return x / x.norm(dim=-1, keepdim=True)

    return (model.config.vision_config.image_size, text.max_position_embeddings, text.vocab_size, text.eos_token_id,
            lambda x: unit(model.get_image_features(pixel_values=x)), lambda x: unit(model.get_text_features(input_ids=x)))


def main():
    first, second = towers(sys.argv[1]), towers(sys.argv[2])
    assert first[:3] == second[:3], (first[:3], second[:3])
    size, context, vocabulary, _, *_ = first
    end = next((end for end in (first[3], second[3]) if end is not None and end != 2), vocabulary - 1)
    generator = torch.Generator().manual_seed(SEED)
    pixels = torch.randn(COUNT, 3, size, size, generator=generator)
    tokens = torch.randint(3, min(vocabulary - 2, 40000), (COUNT, context), generator=generator)
    tokens[:, context // 2:] = end
    with torch.no_grad():
        differences = [(first[4](pixels) - second[4](pixels)).abs().max().item(),
                       (first[5](tokens) - second[5](tokens)).abs().max().item()]
    print("largest difference: images %.2e, texts %.2e" % tuple(differences))
    if not max(differences) <= BOUND or not np.isfinite(differences).all():
        sys.exit(1)


main()
