"""Towers of vlmpipe beside PyTorch (eager, compiled), ONNX Runtime (Float32, dynamic int8) and OpenVINO (Float32), with random
weights of the same shapes, alternating, medians.

usage: speed.py BENCH FOLDER [--models ...] [--captions DATA] [--only PEER...] [--outliers] [--rounds 3] [--seconds 4] [--threads 2]
Prints items per second by the wall clock and by processor time, and their ratios; the second kind holds on a busy machine
too. Items are images, or texts: the same ones on both sides, without padding on ours and padded to 77 tokens, as open_clip
takes them, on theirs. --outliers gives our towers norms with six gains 30 times larger than the rest. DATA is a folder of
WebDataset tars with captions (`captions` of each JSON member, or the .txt member): the first thousand are taken; without it
texts of the same lengths as captions are made up. A peer that cannot be had here is named with the reason.
"""
import argparse
import json
import os
import statistics
import subprocess
import tarfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("bench")
parser.add_argument("folder")
parser.add_argument("--models", nargs="*", default=["ViT-B-32", "ViT-B-16", "ViT-L-14", "ViT-B-32-text"])
parser.add_argument("--captions", help="a folder of tars whose captions are the texts")
parser.add_argument("--peers", nargs="*", default=["torch compiled", "openvino fp32"], help="of those that take long to prepare")
parser.add_argument("--only", nargs="*", help="these peers alone, for example 'onnxruntime int8'")
parser.add_argument("--outliers", action="store_true", help="our towers with norms that need care in int8")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", type=float, default=4)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(options.threads)
# Threads that wait must not burn the time that is compared.
os.environ["OMP_WAIT_POLICY"] = "passive"
os.environ["KMP_BLOCKTIME"] = "0"

import onnxruntime  # noqa: E402
import open_clip  # noqa: E402
import torch  # noqa: E402
from onnxruntime.quantization import QuantType, quantize_dynamic  # noqa: E402
from onnxruntime.quantization.shape_inference import quant_pre_process  # noqa: E402

torch.set_num_threads(options.threads)
BATCHES = {"ViT-B-32": 32, "ViT-B-16": 8, "ViT-L-14": 4, "ViT-B-32-text": 32}


class TextTower(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, tokens):
        return self.model.encode_text(tokens)


def captions():
    """The first thousand captions below options.captions."""
    found = []
    for folder, _, names in sorted(os.walk(options.captions)):
        for name in sorted(names):
            if not name.endswith(".tar"):
                continue
            with tarfile.open(os.path.join(folder, name)) as archive:
                for member in archive:
                    if member.name.endswith(".json"):
                        found += json.load(archive.extractfile(member)).get("captions", [])
                    if len(found) >= 1000:
                        return found[:1000]
    raise SystemExit(f"{options.captions}: {len(found)} captions found, 1000 wanted")


def token_rows(batch):
    """Token ids [texts, 77], zero behind the end token."""
    if options.captions:
        return open_clip.get_tokenizer("ViT-B-32")(captions())
    tokens = torch.randint(1, 49000, (batch, 77))
    for row in range(batch):
        tokens[row, 5 + row * 7 % 20 - 1] = 49407
        tokens[row, 5 + row * 7 % 20 :] = 0
    return tokens


def tower(name):
    """The module, and inputs of a good batch size that are taken in turn."""
    is_text = name.endswith("-text")
    model = open_clip.create_model(name.removesuffix("-text"), pretrained=None).eval()
    batch = BATCHES[name]
    if is_text:
        rows = token_rows(batch)
        with open(os.path.join(options.folder, "tokens.txt"), "w") as file:
            for row in rows.tolist():
                file.write(" ".join(map(str, row[: row.index(49407) + 1])) + "\n")
        whole = rows.shape[0] // batch * batch
        return TextTower(model).eval(), list(rows[:whole].split(batch))
    return model.visual, [torch.randn(batch, 3, 224, 224)]


def session(path):
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])


def onnx_files(name, module, example):
    """Float32 and dynamically quantised ONNX files; made once."""
    stem = os.path.join(options.folder, name)
    plain, small = stem + ".onnx", stem + ".int8.onnx"
    if not os.path.exists(small):
        torch.onnx.export(module, (example,), plain, input_names=["x"], dynamo=True, external_data=True, verbose=False)
        prepared = stem + ".prepared.onnx"
        quant_pre_process(plain, prepared, skip_symbolic_shape=True, save_as_external_data=True)
        quantize_dynamic(prepared, small, weight_type=QuantType.QInt8, per_channel=True, use_external_data_format=True)
    return plain, small


def compiled(module):
    return torch.compile(module)


def openvino(path):
    import openvino as ov

    # Without the hint it computes in BF16 where the processor can.
    model = ov.Core().compile_model(
        path, "CPU",
        {"INFERENCE_NUM_THREADS": options.threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    request = model.create_infer_request()
    return lambda x: request.infer([x.numpy()])


def rate(run, inputs):
    """Items per second, and per second of processor time, of calls that take `options.seconds` together."""
    count, calls, start, processor = 0, 0, time.perf_counter(), time.process_time()
    while calls == 0 or time.perf_counter() - start < options.seconds:
        run(inputs[calls % len(inputs)])
        calls += 1
        count += inputs[0].shape[0]
    return count / (time.perf_counter() - start), count / (time.process_time() - processor)


def ours(name):
    texts = ["--tokens", os.path.join(options.folder, "tokens.txt")] if name.endswith("-text") else []
    texts += ["--outliers"] if options.outliers else []
    text = subprocess.run(
        [options.bench, "towers", name, "--threads", str(options.threads), "--seconds", str(options.seconds / 3), *texts],
        check=True, capture_output=True, text=True).stdout
    return {result["precision"]: result for result in json.loads(text)}


def main():
    print(f"{options.threads} threads, torch {torch.__version__}, onnxruntime {onnxruntime.__version__}, "
          f"medians of {options.rounds}")
    for name in options.models:
        module, inputs = tower(name)
        plain, small = onnx_files(name, module, inputs[0])
        peers = {"torch eager": lambda: module}
        for label, path in (("onnxruntime fp32", plain), ("onnxruntime int8", small)):
            def runner(path=path):
                made = session(path)
                return lambda x: made.run(None, {made.get_inputs()[0].name: x.numpy()})
            peers[label] = runner
        peers["torch compiled"] = lambda: compiled(module)
        peers["openvino fp32"] = lambda: openvino(plain)
        rates, processor, runs = {}, {}, {}
        print(name)
        with torch.inference_mode():
            for label, make in peers.items():
                if label in ("torch compiled", "openvino fp32") and label not in options.peers:
                    continue
                if options.only is not None and label not in options.only:
                    continue
                try:
                    run = make()
                    run(inputs[0])
                    runs[label] = run
                except Exception as error:  # noqa: BLE001
                    print(f"  no {label}: {type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}")
            for _ in range(options.rounds):
                for label, run in runs.items():
                    wall, busy = rate(run, inputs)
                    rates.setdefault(label, []).append(wall)
                    processor.setdefault(label, []).append(busy)
                for precision, result in ours(name).items():
                    rates.setdefault(f"vlmpipe {precision}", []).append(result["itemsPerSecond"])
                    processor.setdefault(f"vlmpipe {precision}", []).append(result["itemsPerCPUSecond"])
                    rates.setdefault(f"share {precision}", []).append(result["share"])
                    if "millisecondsPerQuery" in result:
                        rates.setdefault(f"ms per query {precision}", []).append(result["millisecondsPerQuery"])
            if name.endswith("-text"):
                single = inputs[0][:1]
                times = []
                for _ in range(20):
                    start = time.perf_counter()
                    module(single)
                    times.append(1000 * (time.perf_counter() - start))
                rates["ms per query torch eager"] = times
        for title, values in (("items/s or as said", rates), ("items per CPU second", processor)):
            middle = {label: statistics.median(numbers) for label, numbers in values.items()}
            print(f"  {title}: " + ", ".join(f"{label} {value:.2f}" for label, value in middle.items()))
            ratios = [
                f"{precision} / {label} {middle[f'vlmpipe {precision}'] / middle[label]:.2f}"
                for precision in ("fp32", "int8") for label in runs
            ]
            ratios.append(f"int8 / fp32 {middle['vlmpipe int8'] / middle['vlmpipe fp32']:.2f}")
            print("    ratios: " + ", ".join(ratios), flush=True)


main()
