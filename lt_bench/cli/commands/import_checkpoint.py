"""Convert a checkpoint of LetsTalk's release, of its short-clip or its memory network, to a model file.

The shapes of the tensors tell which network it is, its size and its patch. No code in the file is run. Options name
what the file does not record: the autoencoder and the speech encoder that it was trained with. Named networks are
pinned by their hash; otherwise generate uses those under their usual names.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from lt_bench.cli.output import add_json_flag, print_json
from lt_bench.cli.parsing import at_least
from lt_bench.cli.plugin_option import add_plugin_flag


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("project", choices=("letstalk",), help="whose checkpoint it is")
    parser.add_argument("file", type=Path, metavar="FILE", help="the checkpoint (.ckpt, .pt)")
    parser.add_argument("--out", required=True, type=Path, metavar="MODEL.safetensors", help="the model file to write")
    parser.add_argument("--preset", choices=("S", "B", "L", "XL"), help="expect this size (default: by its shapes)")
    parser.add_argument(
        "--frames", type=at_least(1), default=16, metavar="N", help="frames of its window (default: 16)"
    )
    parser.add_argument("--codec", metavar="SPEC", help="its autoencoder, as kl:PATH (default: Stable Diffusion's)")
    parser.add_argument(
        "--speech-encoder", metavar="SPEC", help="its speech encoder, as wav2vec2:PATH (default: wav2vec2-base-960h)"
    )
    add_plugin_flag(parser)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Convert the checkpoint and report."""
    from lt_bench.config import to_dict
    from lt_bench.errors import CheckpointError
    from lt_bench.models.release import ImportOptions, import_letstalk
    from lt_bench.plugins import load_plugins

    if arguments.out.suffix != ".safetensors":
        raise CheckpointError(f"--out: expected a file ending in .safetensors, got {arguments.out}")
    load_plugins(arguments.plugin)
    options = ImportOptions(arguments.preset, arguments.frames, arguments.codec, arguments.speech_encoder)
    card = import_letstalk(arguments.file, arguments.out, options)
    model = card.config.model
    if arguments.json:
        report = {
            "model": str(arguments.out),
            "config": to_dict(model),
            "latent": list(card.latent_shape),
            "resolution": card.resolution,
            "weights": card.config.sampling.weights,
            "parameters": card.parameters,
            "codec": card.codec,
            "codec_pinned": bool(card.codec_hash),
            "speech_encoder": card.speech_encoder,
            "speech_encoder_pinned": bool(card.speech_hash),
        }
        print_json(report)
        return 0
    kind = {"softmax": "", "linear": "linear-attention "}[model.family]
    memory = f"with {model.motion_frames} memory frames" if model.motion_frames else "without memory"
    print(
        f"{arguments.out}: {kind}{model.preset}/{model.patch_size} {memory}, {model.frames} frames at "
        f"{card.resolution} px, {card.parameters:,} parameters"
    )
    return 0
