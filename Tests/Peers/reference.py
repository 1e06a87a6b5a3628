"""A checkpoint folder opened by the library that defines it: its preprocessing, its tokenizer, its towers, stage by stage.

`open_clip_config.json` in the folder makes it an open_clip model, `config.json` one of transformers. Computes in F32 on the CPU.
"""
import io
import json
import os
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file

SIGLIP_PADDING = {"siglip": 1, "siglip2": 0}


def read_json(folder, name):
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return {}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


@contextmanager
def timm_keywords(keywords):
    """open_clip 3.3 has no `timm_model_kwargs` yet: adds them to the one model created inside."""
    import timm

    create = timm.create_model
    timm.create_model = lambda *given, **named: create(*given, **{**named, **keywords})
    try:
        yield
    finally:
        timm.create_model = create


def build_open_clip(model_cfg):
    """The model that a `model_cfg` describes, with fresh weights."""
    import open_clip

    arguments = {key: value for key, value in model_cfg.items() if key != "custom_text"}
    arguments["vision_cfg"] = dict(arguments["vision_cfg"])
    keywords = arguments["vision_cfg"].pop("timm_model_kwargs", {})
    keywords = {key: tuple(value) if isinstance(value, list) else value for key, value in keywords.items()}
    make = open_clip.CustomTextCLIP if model_cfg.get("custom_text") else open_clip.CLIP
    with timm_keywords(keywords):
        return make(**arguments).eval()


class Stages:
    """Outputs of modules, collected by hooks while it is open, as rows of channels."""

    def __init__(self):
        self.found = {}
        self.hooks = []

    def watch(self, name, module, before=False, channels_first=False):
        def keep(value):
            value = value[0] if isinstance(value, tuple) else value
            value = value.detach().float()
            if channels_first:
                value = value.flatten(2).transpose(1, 2)
            self.found[name] = value.contiguous().clone()

        if before:
            self.hooks.append(module.register_forward_pre_hook(lambda _, given: keep(given[0])))
        else:
            self.hooks.append(module.register_forward_hook(lambda _, __, result: keep(result)))

    def watch_blocks(self, blocks):
        for index, block in enumerate(blocks):
            self.watch(f"block.{index}", block)
        self.last = f"block.{len(blocks) - 1}"

    def pool(self, rows, name=None):
        """The row of each sequence that a tower pools, from a stage (the last block)."""
        value = self.found[name or self.last]
        return value[torch.arange(len(value)), rows].contiguous()

    def close(self, projected):
        for hook in self.hooks:
            hook.remove()
        self.found["projected"] = projected.detach().contiguous()
        self.found["embedding"] = F.normalize(projected.detach(), dim=-1)
        return self.found


class Reference:
    """What the two libraries have in common."""

    image_size: int
    context_length: int
    vocabulary_size: int
    pad: int
    end: int

    def normalised(self, pixels):
        """U8 [n, S, S, 3] as the tower's F32 [n, 3, S, S]: torchvision's ToTensor and Normalize."""
        scaled = pixels.permute(0, 3, 1, 2).contiguous().float().div(255)
        return (scaled - torch.tensor(self.mean).view(3, 1, 1)) / torch.tensor(self.std).view(3, 1, 1)

    def padded(self, rows):
        """Rows that end with their end token, filled up to the context length."""
        filled = torch.full((len(rows), self.context_length), self.pad, dtype=torch.int64)
        for index, row in enumerate(rows):
            filled[index, : len(row)] = torch.as_tensor(row)
        return filled

    def lengths(self, tokens):
        return (tokens == self.end).int().argmax(1) + 1

    def pooled_rows(self, tokens):
        return self.lengths(tokens) - 1 if self.is_causal else torch.full((len(tokens),), tokens.shape[1] - 1)

    def golden(self, files, tokens, texts=()):
        """The content of golden.safetensors for picture files and token rows, the latter of `texts` if given."""
        pixels = torch.stack([self.pixels(Image.open(io.BytesIO(file))) for file in files])
        unpadded = tokens.to(torch.int32).clone()
        for row, length in enumerate(self.lengths(tokens)):
            unpadded[row, length:] = -1
        content = {"pixels": pixels, "tokens": unpadded}
        for kind, sources in (("image", files), ("text", [text.encode() for text in texts])):
            for index, source in enumerate(sources):
                content[f"source.{kind}.{index}"] = torch.frombuffer(bytearray(source), dtype=torch.uint8)
        with torch.no_grad():
            content.update({f"image.{name}": value for name, value in self.image_stages(pixels).items()})
            content.update({f"text.{name}": value for name, value in self.text_stages(tokens).items()})
        return content

    def image_embeddings(self, pixels):
        with torch.no_grad():
            return F.normalize(self.encode_image(self.normalised(pixels)), dim=-1)

    def text_embeddings(self, tokens):
        with torch.no_grad():
            return F.normalize(self.encode_text(tokens), dim=-1)


class OpenClipReference(Reference):
    """A model of open_clip."""

    def __init__(self, folder=None, config=None, model=None):
        config = config or read_json(folder, "open_clip_config.json")
        self.folder = folder
        self.model_cfg, preprocess = config["model_cfg"], config.get("preprocess_cfg", {})
        self.model = model or build_open_clip(self.model_cfg)
        if model is None:
            names = ["open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "model.safetensors"]
            name = next(name for name in names if os.path.exists(os.path.join(folder, name)))
            state = {key: value.float() for key, value in load_file(os.path.join(folder, name)).items()}
            missing, unused = self.model.load_state_dict(state, strict=False)
            if unused or [key for key in missing if not key.endswith(("num_batches_tracked", "attn_mask"))]:
                raise SystemExit(f"{folder}: missing {missing}, unused {unused}")
        self.model.eval()
        text = self.model_cfg["text_cfg"]
        self.text = self.model.text if self.model_cfg.get("custom_text") else self.model
        self.image_size = self.model_cfg["vision_cfg"]["image_size"]
        self.context_length = text.get("context_length", 77)
        self.vocabulary_size = text.get("vocab_size", 49408)
        self.is_causal = not text.get("no_causal_mask", False)
        tokenizer_name = text.get("hf_tokenizer_name") or ""
        if self.is_causal:
            self.pad = text.get("pad_id", 0)
            self.end = text.get("eos_id", 2) if text.get("pool_type") == "eos" else self.vocabulary_size - 1
        else:
            self.pad, self.end = SIGLIP_PADDING["siglip2" if "SigLIP2" in tokenizer_name else "siglip"], 1
        from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD
        from open_clip.transform import PreprocessCfg, image_transform_v2

        self.mean = preprocess.get("mean") or OPENAI_DATASET_MEAN
        self.std = preprocess.get("std") or OPENAI_DATASET_STD
        transform = image_transform_v2(PreprocessCfg(**{"size": self.image_size, **preprocess}), is_train=False)
        self.transform = transform.transforms[:-2]  # up to ToTensor and Normalize
        self.encode_image, self.encode_text = self.model.encode_image, self.model.encode_text

    def pixels(self, image):
        """U8 [S, S, 3] of an opened picture."""
        import numpy

        for step in self.transform:
            image = step(image)
        return torch.from_numpy(numpy.array(image))

    def tokenizer(self):
        """Texts to padded token rows."""
        text = self.model_cfg["text_cfg"]
        if text.get("hf_tokenizer_name"):
            from open_clip.tokenizer import HFTokenizer

            return HFTokenizer(self.folder, context_length=self.context_length, **(text.get("tokenizer_kwargs") or {}))
        from open_clip.tokenizer import SimpleTokenizer

        return SimpleTokenizer(context_length=self.context_length, **(text.get("tokenizer_kwargs") or {}))

    def image_stages(self, pixels):
        visual, stages = self.model.visual, Stages()
        if hasattr(visual, "attnpool"):
            finish = self._watch_resnet(visual, stages)
        elif not hasattr(visual, "trunk"):
            stages.watch("stem", visual.ln_pre, before=True)
            stages.watch("stemNorm", visual.ln_pre)
            stages.watch_blocks(visual.transformer.resblocks)
            stages.watch("normed", visual.ln_post)

            def finish():
                stages.found["pooled"] = stages.pool(0)
                stages.found["features"] = stages.found.pop("normed")[:, 0].contiguous()
        elif hasattr(visual.trunk, "stages"):
            stages.watch("stem", visual.trunk.stem, channels_first=True)
            for index, stage in enumerate(visual.trunk.stages):
                stages.watch(f"stage.{index}", stage, channels_first=True)
            stages.watch("features", visual.trunk)

            def finish():
                stages.found["pooled"] = stages.found[f"stage.{len(visual.trunk.stages) - 1}"].mean(1)
        else:
            trunk = visual.trunk
            stages.watch("stem", trunk.blocks[0], before=True)
            stages.watch_blocks(trunk.blocks)
            stages.watch("normed", trunk.norm)
            if trunk.attn_pool is not None:
                stages.watch("pooled", trunk.attn_pool)

            def finish():
                normed = stages.found.pop("normed")
                if trunk.attn_pool is None:
                    stages.found["pooled"] = stages.pool(0)
                    stages.found["features"] = normed[:, 0].contiguous()
        projected = self.encode_image(self.normalised(pixels))
        finish()
        return stages.close(projected)

    @staticmethod
    def _watch_resnet(visual, stages):
        stages.watch("stem", visual.avgpool, channels_first=True)
        for index in range(4):
            stages.watch(f"stage.{index}", getattr(visual, f"layer{index + 1}"), channels_first=True)
        grid = {}
        stages.hooks.append(visual.attnpool.register_forward_pre_hook(lambda _, given: grid.update(value=given[0])))

        def finish():
            # The last projection as the identity leaves the attention's output.
            last = visual.attnpool.c_proj
            width = last.in_features
            visual.attnpool.c_proj = torch.nn.Linear(width, width)
            with torch.no_grad():
                visual.attnpool.c_proj.weight.copy_(torch.eye(width))
                visual.attnpool.c_proj.bias.zero_()
            stages.found["pooled"] = visual.attnpool(grid["value"]).detach().contiguous()
            visual.attnpool.c_proj = last

        return finish

    def text_stages(self, tokens):
        stages = Stages()
        stages.watch("stem", self.text.transformer, before=True)
        stages.watch_blocks(self.text.transformer.resblocks)
        stages.watch("normed", self.text.ln_final)
        projected = self.encode_text(tokens)
        rows = self.pooled_rows(tokens)
        stages.found["pooled"] = stages.pool(rows)
        stages.found["features"] = stages.pool(rows, "normed")
        stages.found.pop("normed")
        return stages.close(projected)


class TransformersReference(Reference):
    """A `CLIPModel` or `SiglipModel` of transformers."""

    def __init__(self, folder, model=None):
        import transformers

        self.folder = folder
        config = read_json(folder, "config.json")
        self.is_causal = config["model_type"] == "clip"
        kind = transformers.CLIPModel if self.is_causal else transformers.SiglipModel
        self.model = model or kind.from_pretrained(folder, dtype=torch.float32)
        self.model.eval()
        vision, text = self.model.config.vision_config, self.model.config.text_config
        self.image_size, self.context_length = vision.image_size, text.max_position_embeddings
        self.vocabulary_size = text.vocab_size
        if self.is_causal:
            self.end = text.vocab_size - 1 if text.eos_token_id == 2 else text.eos_token_id
            self.pad = self.end
        else:
            tokenizer = read_json(folder, "tokenizer_config.json")
            self.pad = SIGLIP_PADDING["siglip2" if tokenizer.get("pad_token") == "<pad>" else "siglip"]
            self.end = 1
        preprocessor = read_json(folder, "preprocessor_config.json")
        self.mean, self.std = preprocessor["image_mean"], preprocessor["image_std"]
        self.processor = None

    def pixels(self, image):
        """U8 [S, S, 3] of an opened picture, by the processor that works with Pillow."""
        if self.processor is None:
            from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
            from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

            kind = CLIPImageProcessorPil if self.is_causal else SiglipImageProcessorPil
            self.processor = kind.from_pretrained(self.folder)
        value = self.processor(image, do_rescale=False, do_normalize=False, return_tensors="pt")["pixel_values"][0]
        return value.to(torch.uint8).permute(1, 2, 0).contiguous()

    def tokenizer(self):
        """Texts to padded token rows."""
        import transformers

        tokenizer = transformers.AutoTokenizer.from_pretrained(self.folder)

        def encode(texts):
            return tokenizer(
                texts, padding="max_length", truncation=True, max_length=self.context_length, return_tensors="pt"
            )["input_ids"]

        return encode

    def encode_image(self, pixels):
        pooled = self.model.vision_model(pixel_values=pixels).pooler_output
        return self.model.visual_projection(pooled) if self.is_causal else pooled

    def encode_text(self, tokens):
        pooled = self.model.text_model(input_ids=tokens).pooler_output
        return self.model.text_projection(pooled) if self.is_causal else pooled

    def image_stages(self, pixels):
        tower, stages = self.model.vision_model, Stages()
        if self.is_causal:
            stages.watch("stem", tower.pre_layrnorm, before=True)
            stages.watch("stemNorm", tower.pre_layrnorm)
            stages.watch("features", tower.post_layernorm)
        else:
            stages.watch("stem", tower.embeddings)
            stages.watch("pooled", tower.head)
        stages.watch_blocks(tower.encoder.layers)
        projected = self.encode_image(self.normalised(pixels))
        if self.is_causal:
            stages.found["pooled"] = stages.pool(0)
        return stages.close(projected)

    def text_stages(self, tokens):
        tower, stages = self.model.text_model, Stages()
        stages.watch("stem", tower.embeddings)
        stages.watch_blocks(tower.encoder.layers)
        stages.watch("normed", tower.final_layer_norm)
        projected = self.encode_text(tokens)
        rows = self.pooled_rows(tokens)
        stages.found["pooled"] = stages.pool(rows)
        stages.found["features"] = stages.pool(rows, "normed")
        stages.found.pop("normed")
        return stages.close(projected)


def open_reference(folder):
    """The library's view of a checkpoint folder."""
    if os.path.exists(os.path.join(folder, "open_clip_config.json")):
        return OpenClipReference(folder)
    if os.path.exists(os.path.join(folder, "config.json")):
        return TransformersReference(folder)
    raise SystemExit(f"{folder}: no open_clip_config.json and no config.json; name a checkpoint's folder")
