#!/usr/bin/env python3
"""Golden values of the contrastive loss and of AdamW with clipping, computed by PyTorch in double precision.

Run: loss_golden.py OUTPUT   (the committed output is Tests/TrainingTests/Fixtures/loss_golden.safetensors)
Made with torch 2.13.0, seed 20.
"""
import json
import struct
import sys

import numpy
import torch
import torch.nn.functional as F

torch.manual_seed(20)
tensors = {}


def keep(name, value, dtype=numpy.float32):
    tensors[name] = value.detach().numpy().astype(dtype) if isinstance(value, torch.Tensor) else numpy.asarray(value, dtype)


def loss_case(name, rows, dimension, logit_scale, image_groups, text_groups):
    images = F.normalize(torch.randn(rows, dimension, dtype=torch.float64)).float().double().requires_grad_()
    texts = F.normalize(torch.randn(rows, dimension, dtype=torch.float64)).float().double().requires_grad_()
    scale = torch.tensor(numpy.float32(logit_scale), dtype=torch.float64, requires_grad=True)
    image_groups, text_groups = torch.tensor(image_groups), torch.tensor(text_groups)
    match = (image_groups[:, None] == image_groups) | (text_groups[:, None] == text_groups)
    target = match.double() / match.sum(1, keepdim=True)
    logits = scale.exp() * images @ texts.T
    if bool((match == torch.eye(rows, dtype=torch.bool)).all()):
        # open_clip's ClipLoss.
        labels = torch.arange(rows)
        loss = (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2
    else:
        loss = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
    loss.backward()
    keep(f"{name}/images", images)
    keep(f"{name}/texts", texts)
    keep(f"{name}/logitScale", scale)
    keep(f"{name}/imageGroups", image_groups, numpy.float32)
    keep(f"{name}/textGroups", text_groups, numpy.float32)
    keep(f"{name}/loss", loss)
    keep(f"{name}/imageGradient", images.grad)
    keep(f"{name}/textGradient", texts.grad)
    keep(f"{name}/logitScaleGradient", scale.grad)


loss_case("plain", 5, 7, 2.6593, list(range(5)), list(range(5)))
loss_case("blocks", 130, 9, 4.0, list(range(130)), list(range(130)))
loss_case("grouped", 67, 8, 3.0, [i // 2 if i < 20 else i for i in range(67)], [i % 40 for i in range(67)])

# AdamW with two groups and clipping, as the trainer uses it.
matrix = torch.nn.Parameter(torch.randn(7, 5, dtype=torch.float64).float().double())
bias = torch.nn.Parameter(torch.randn(5, dtype=torch.float64).float().double())
keep("adamw/matrix", matrix)
keep("adamw/bias", bias)
rates = [1e-3, 2e-3, 1.5e-3, 5e-4]
optimizer = torch.optim.AdamW(
    [{"params": [matrix], "weight_decay": 0.2}, {"params": [bias], "weight_decay": 0.0}], betas=(0.9, 0.98), eps=1e-6)
for step, rate in enumerate(rates):
    size = 10.0 if step % 2 == 0 else 0.05
    matrix.grad = (size * torch.randn(7, 5, dtype=torch.float64)).float().double()
    bias.grad = (size * torch.randn(5, dtype=torch.float64)).float().double()
    keep(f"adamw/matrixGradient{step}", matrix.grad)
    keep(f"adamw/biasGradient{step}", bias.grad)
    norm = torch.nn.utils.clip_grad_norm_([matrix, bias], 1.0)
    keep(f"adamw/norm{step}", norm)
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    keep(f"adamw/matrix{step}", matrix)
    keep(f"adamw/bias{step}", bias)

names = sorted(tensors)
header, offset = {"__metadata__": {"torch": torch.__version__, "seed": "20"}}, 0
for name in names:
    data = tensors[name]
    header[name] = {"dtype": "F32", "shape": list(data.shape), "data_offsets": [offset, offset + data.nbytes]}
    offset += data.nbytes
text = json.dumps(header, separators=(",", ":")).encode()
text += b" " * (-len(text) % 8)
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(text)) + text + b"".join(tensors[name].tobytes() for name in names))
