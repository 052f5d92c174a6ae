"""Run the networks of LetsTalk's release on the test's weights and inputs, and record their outputs.

    git clone https://github.com/zhang-haojie/LetsTalk release && git -C release checkout 26660f1
    pip install timm einops
    PYTHONPATH=. python experiments/parity/record_letstalk.py release

The release has no license. It is only run, and only the numbers in ``tests/models/release_parity.json`` are kept.
Weights and inputs are those of ``tests/models/test_release_parity.py``.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
TEST = ROOT / "tests/models/test_release_parity.py"


def load_test() -> ModuleType:
    """Load the test module, which contains the formulas of weights and inputs and runs lt_bench's networks."""
    spec = importlib.util.spec_from_file_location("release_parity", TEST)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def theirs(test: ModuleType, variant: str, size: str, patch: int) -> Tensor:
    """Return the output of the release's network."""
    from models import model_cat, model_cat_long  # the release's packages
    from models.audio_proj import AudioProjModel
    from models.lite_cat_long import Lite

    kind = {"short": model_cat.VDT, "memory": model_cat_long.VDT, "linear": Lite}[variant]
    dim, heads = test.SIZES[size]
    channels = 32 if variant == "linear" else 4
    memory = {} if variant == "short" else {"initial_frames": test.MEMORY}
    network = kind(
        input_size=test.SIDE * patch,
        patch_size=patch,
        in_channels=channels,
        hidden_size=dim,
        context_dim=test.AUDIO_DIM,
        depth=test.DEPTH,
        num_heads=heads,
        num_frames=test.FRAMES,
        **memory,
    )
    projector = AudioProjModel(
        5, 12, test.AUDIO_DIM, test.AUDIO_HIDDEN, output_dim=test.AUDIO_DIM, context_tokens=test.AUDIO_TOKENS
    )
    weights = test.release(variant, size, patch)
    network.load_state_dict(weights.networks["ema"])
    projector.load_state_dict(weights.projector)
    given = test.inputs(channels, patch, memory=variant != "short")
    portrait = given["portrait"][:, None].expand(-1, test.FRAMES, -1, -1, -1)
    motion = {"motion": given["motion"]} if "motion" in given else {}
    with torch.no_grad():
        audio = projector(given["audio"])
        return network.eval()(given["latents"], given["timesteps"], cond=portrait, audio_embed=audio, **motion)


def main() -> None:
    """Record the outputs of every case."""
    release = Path(sys.argv[1])
    sys.path.insert(0, str(release))
    test = load_test()
    cases = {}
    with pytest.MonkeyPatch.context() as patch:
        test.shrink(patch)
        for case in test.CASES:
            expected, got = theirs(test, *case), test.ours(*case)
            difference, value = (expected - got).abs().max().item(), expected.abs().max().item()
            name = f"{case[0]} {case[1]}/{case[2]}"
            cases[name] = {**test.summary(expected), "largest_value": value, "largest_difference": difference}
            print(f"{name:12} largest difference {difference:.2e} of {value:.3f}: {difference / value:.1e}")
    commit = subprocess.run(["git", "-C", release, "rev-parse", "HEAD"], capture_output=True, text=True, check=False)
    document = {"release": commit.stdout.strip() or None, "torch": torch.__version__, "cases": cases}
    test.RECORDED.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
