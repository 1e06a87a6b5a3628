#!/usr/bin/env python3
"""Golden embeddings and gradients of a tiny dual encoder, computed by PyTorch in Double.

Written from the formulas with torch.nn.functional (its attention, layer norm, GELU, convolution and autograd), so that nothing is
shared with the Swift code but the parameter names. Both stems and both activations.

    pip install torch==2.13.0 numpy==2.4.6
    python3 Tests/Peers/encoders_golden.py Tests/EncodersTests/Fixtures

Each output is a safetensors file: the parameters under their names (F32), `input.pixels` (U8), `input.tokens` (I64, 0 behind a
text's end), `output.images`, `output.texts` (F32), `upstream.*` and `gradient.NAME` of sum(upstream * output).
"""
import json
import struct
import sys

import numpy
import torch
import torch.nn.functional as F

SEED = 20261121
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073], dtype=torch.float64)
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711], dtype=torch.float64)
WIDTH, HEAD_WIDTH, LAYERS, HIDDEN, E = 16, 8, 2, 32, 12
SIZE, PATCH, BATCH = 10, 4, 3
TEXT_WIDTH, TEXT_HEADS, TEXT_LAYERS, TEXT_HIDDEN, CONTEXT, VOCABULARY, END = 12, 3, 2, 48, 9, 20, 19


def shapes(stem):
    size = 8 if stem == "convolutional" else SIZE
    grid = size // PATCH
    yield from stem_shapes(stem)
    yield "imageTower.classToken", (WIDTH,)
    yield "imageTower.positions", (grid * grid + 1, WIDTH)
    yield from norm("imageTower.stemNorm", WIDTH)
    for i in range(LAYERS):
        yield from block(f"imageTower.blocks.{i}", WIDTH, HIDDEN)
    yield from norm("imageTower.finalNorm", WIDTH)
    yield "imageTower.projection.weight", (E, WIDTH)
    yield "textTower.tokenEmbedding.weight", (VOCABULARY, TEXT_WIDTH)
    yield "textTower.positions", (CONTEXT, TEXT_WIDTH)
    for i in range(TEXT_LAYERS):
        yield from block(f"textTower.blocks.{i}", TEXT_WIDTH, TEXT_HIDDEN)
    yield from norm("textTower.finalNorm", TEXT_WIDTH)
    yield "textTower.projection.weight", (E, TEXT_WIDTH)
    yield "logitScale", ()


def stem_shapes(stem):
    if stem == "patch":
        yield "imageTower.stem.patch.weight", (WIDTH, PATCH, PATCH, 3)
        return
    channels = 3
    for i, out in enumerate((8, 8)):
        yield f"imageTower.stem.convolutions.{i}.weight", (out, 3, 3, channels)
        yield f"imageTower.stem.convolutions.{i}.bias", (out,)
        channels = out
    yield "imageTower.stem.projection.weight", (WIDTH, channels)
    yield "imageTower.stem.projection.bias", (WIDTH,)


def norm(path, width):
    yield path + ".weight", (width,)
    yield path + ".bias", (width,)


def block(path, width, hidden):
    yield from norm(path + ".attentionNorm", width)
    for part in ("query", "key", "value", "output"):
        yield f"{path}.attention.{part}.weight", (width, width)
        yield f"{path}.attention.{part}.bias", (width,)
    yield from norm(path + ".mlpNorm", width)
    yield path + ".mlp.hidden.weight", (hidden, width)
    yield path + ".mlp.hidden.bias", (hidden,)
    yield path + ".mlp.output.weight", (width, hidden)
    yield path + ".mlp.output.bias", (width,)


class Model:
    def __init__(self, stem, quick):
        self.stem, self.quick = stem, quick
        self.p = {}
        for name, shape in shapes(stem):
            values = torch.randn(shape, dtype=torch.float64) * 0.3
            if name.endswith("orm.weight"):
                values = values + 1
            self.p[name] = values.float().double().requires_grad_(name != "logitScale")

    def activation(self, x):
        return x * torch.sigmoid(1.702 * x) if self.quick else F.gelu(x)

    def linear(self, x, path):
        return F.linear(x, self.p[path + ".weight"], self.p.get(path + ".bias"))

    def norm(self, x, path):
        return F.layer_norm(x, x.shape[-1:], self.p[path + ".weight"], self.p[path + ".bias"], 1e-5)

    def block(self, x, path, heads, causal):
        y = self.norm(x, path + ".attentionNorm")
        split = lambda t: t.reshape(t.shape[0], t.shape[1], heads, -1).transpose(1, 2)
        q, k, v = (split(self.linear(y, f"{path}.attention.{part}")) for part in ("query", "key", "value"))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=causal).transpose(1, 2).reshape(x.shape)
        x = x + self.linear(a, path + ".attention.output")
        return x + self.linear(self.activation(self.linear(self.norm(x, path + ".mlpNorm"), path + ".mlp.hidden")),
                               path + ".mlp.output")

    def images(self, pixels):
        x = ((pixels.double() / 255 - MEAN) / STD).permute(0, 3, 1, 2)
        kernel = lambda name: self.p[name].permute(0, 3, 1, 2)
        if self.stem == "patch":
            x = F.conv2d(x, kernel("imageTower.stem.patch.weight"), stride=PATCH).flatten(2).transpose(1, 2)
        else:
            for i in range(2):
                path = f"imageTower.stem.convolutions.{i}"
                x = self.activation(F.conv2d(x, kernel(path + ".weight"), self.p[path + ".bias"], stride=2, padding=1))
            x = self.linear(x.flatten(2).transpose(1, 2), "imageTower.stem.projection")
        x = torch.cat([self.p["imageTower.classToken"].expand(len(x), 1, -1), x], 1) + self.p["imageTower.positions"]
        x = self.norm(x, "imageTower.stemNorm")
        for i in range(LAYERS):
            x = self.block(x, f"imageTower.blocks.{i}", WIDTH // HEAD_WIDTH, False)
        return F.normalize(self.linear(self.norm(x, "imageTower.finalNorm")[:, 0], "imageTower.projection"), dim=-1)

    def texts(self, tokens):
        x = self.p["textTower.tokenEmbedding.weight"][tokens] + self.p["textTower.positions"]
        for i in range(TEXT_LAYERS):
            x = self.block(x, f"textTower.blocks.{i}", TEXT_HEADS, True)
        x = self.norm(x, "textTower.finalNorm")[torch.arange(len(x)), tokens.argmax(1)]
        return F.normalize(self.linear(x, "textTower.projection"), dim=-1)


def write(path, tensors):
    codes = {"float32": "F32", "uint8": "U8", "int64": "I64"}
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    header, data = {}, b""
    for name in order:
        raw = numpy.ascontiguousarray(tensors[name]).tobytes()
        header[name] = {"dtype": codes[str(tensors[name].dtype)], "shape": list(tensors[name].shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def make(folder, stem, quick):
    torch.manual_seed(SEED)
    model = Model(stem, quick)
    size = 8 if stem == "convolutional" else SIZE
    pixels = torch.randint(0, 256, (BATCH, size, size, 3), dtype=torch.uint8)
    tokens = torch.zeros((4, CONTEXT), dtype=torch.int64)
    for row, length in enumerate((1, 4, CONTEXT, 2)):
        tokens[row, : length - 1] = torch.randint(1, END, (length - 1,))
        tokens[row, length - 1] = END
    images, texts = model.images(pixels), model.texts(tokens)
    upstream = {"images": torch.randn_like(images).float(), "texts": torch.randn_like(texts).float()}
    ((upstream["images"] * images).sum() + (upstream["texts"] * texts).sum()).backward()
    out = {"input.pixels": pixels, "input.tokens": tokens, "output.images": images.detach().float(),
           "output.texts": texts.detach().float(), "upstream.images": upstream["images"],
           "upstream.texts": upstream["texts"]}
    for name, value in model.p.items():
        out[name] = value.detach().float()
        if value.requires_grad:
            out["gradient." + name] = value.grad.float()
    write(f"{folder}/{stem}.safetensors", {name: value.numpy() for name, value in out.items()})


if __name__ == "__main__":
    make(sys.argv[1], "patch", quick=False)
    make(sys.argv[1], "convolutional", quick=True)
