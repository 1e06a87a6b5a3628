#!/usr/bin/env python3
"""Golden vectors from the libraries that define the checkpoints: open_clip and transformers (Tests/Peers/setup.sh installs both).

    golden.py make DIR [--images N] [--texts N]   adds golden.safetensors to any checkpoint folder; `vlmpipe model verify` replays it
    golden.py tiny FIXTURES [--only NAME]         writes the tiny random checkpoints of the default tests (Tests/EncodersTests/Fixtures)
    golden.py random NAME DIR                     writes a random checkpoint of a public model's full size
    golden.py names                               lists those names

golden.safetensors holds the inputs, `source.image.N` (the bytes of a picture file) and what becomes of them, `pixels` (U8 [n, S, S, 3]),
`source.text.N` (UTF-8) and `tokens` (I32 [n, L], -1 behind the end), and in F32 what the towers hold at each stage, `image.STAGE` and `text.STAGE`: `stem`, `stemNorm`, `block.N` or `stage.N`, `pooled` (before the last norm;
after a MAP head), `features` (before the projection), `projected`, `embedding`. Images are rows of pixels, then columns, then channels.
"""
import argparse
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # everything comes from the folder

def make(folder, image_count, text_count):
    """Drawn pictures and a few texts through the whole model."""
    from safetensors.torch import save_file

    from golden_inputs import TEXTS, picture_files
    from reference import open_reference

    reference = open_reference(folder)
    texts = TEXTS[:text_count]
    content = reference.golden(picture_files(reference.image_size, image_count), reference.tokenizer()(texts), texts)
    path = os.path.join(folder, "golden.safetensors")
    save_file(content, path)
    os.chmod(path, 0o644)
    print(f"{path}: {image_count} images, {len(texts)} texts")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("make")
    command.add_argument("folder")
    command.add_argument("--images", type=int, default=2)
    command.add_argument("--texts", type=int, default=4)
    command = commands.add_parser("tiny")
    command.add_argument("folder")
    command.add_argument("--only")
    command = commands.add_parser("random")
    command.add_argument("name")
    command.add_argument("folder")
    command.add_argument("--captions", help="file of captions, one a line, that a SigLIP tokenizer is trained on")
    commands.add_parser("names")
    arguments = parser.parse_args()
    if arguments.command == "make":
        make(arguments.folder, max(1, arguments.images), max(1, arguments.texts))
    elif arguments.command == "tiny":
        from tiny_checkpoints import write_all

        write_all(arguments.folder, arguments.only)
    else:
        import random_checkpoints

        if arguments.command == "names":
            print("\n".join(random_checkpoints.NAMES))
        else:
            random_checkpoints.write(arguments.name, arguments.folder, arguments.captions)


if __name__ == "__main__":
    sys.exit(main())
