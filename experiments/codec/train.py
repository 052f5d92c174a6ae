"""Train the embedded codec on rendered speakers that no data split contains.

    python experiments/codec/train.py --work codec_frames

The weights go into the package, the held-out figures into ``ae_rendered_<network>.json`` next to this file. The same
command resumes an interrupted training. Deterministic: one thread of the same kind of machine with the same versions
of the libraries gives the same weights.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import torch
from recipe import NETWORKS, Recipe
from report import frames_per_second, held_out_figures, quick_figures
from safetensors.torch import save_file
from training import train

import lt_bench.models.codecs
from lt_bench.files import atomic_path, sha256_file, write_json
from lt_bench.models.codecs.ae_rendered import read_autoencoder
from lt_bench.models.codecs.autoencoder import Autoencoder

HERE = Path(__file__).parent
WEIGHTS = Path(lt_bench.models.codecs.__file__).parent / "weights"


def save(network: Autoencoder, path: Path) -> None:
    """Store the weights in half precision."""
    weights = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(weights, temporary)


def main() -> None:
    """Render, train, store the weights, and measure them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--work", type=Path, required=True, help="folder for rendered frames and checkpoints (3 GB)")
    parser.add_argument("--network", choices=tuple(NETWORKS), default=Recipe().network)
    parser.add_argument("--steps", type=int, default=Recipe().steps)
    parser.add_argument("--weights", type=Path, help="file to write (default: the package's)")
    parser.add_argument("--figures", type=Path, help="file to write (default: next to this script)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    recipe = Recipe(network=arguments.network, steps=arguments.steps)
    path = arguments.weights or WEIGHTS / f"ae_rendered_{recipe.network}.safetensors"
    arguments.work.mkdir(parents=True, exist_ok=True)
    save(train(recipe, arguments.work), path)
    stored = read_autoencoder(path.read_bytes(), NETWORKS[recipe.network])
    report = {
        "data": "synthetic",
        "weights_sha256": sha256_file(path),
        "weights_bytes": path.stat().st_size,
        "parameters": sum(p.numel() for p in stored.parameters()),
        "recipe": dataclasses.asdict(recipe),
        "quick": {str(size): quick_figures(stored, size, arguments.work) for size in (64, 128, 256)},
        "held_out": held_out_figures(stored, arguments.work),
        "frames_per_second_one_thread": frames_per_second(stored),
    }
    write_json(arguments.figures or HERE / f"ae_rendered_{recipe.network}.json", report)
    print(report["held_out"])
    print(f'pin it in lt_bench/models/codecs/ae_rendered.py: WEIGHTS_SHA256 = "{report["weights_sha256"]}"')


if __name__ == "__main__":
    main()
