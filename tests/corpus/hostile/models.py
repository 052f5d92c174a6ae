"""Model files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.entry import Entry, Make, written
from hostile.tensors import HEADERS, safetensors, tensor_entry


def _model(change: Callable[[dict[str, Any]], Any]) -> Make:
    """The fixture's model with another card."""

    def write(path: Path) -> None:
        from safetensors import safe_open
        from safetensors.numpy import load_file, save_file

        source = "fixtures/model.safetensors"
        with safe_open(source, framework="np") as file:
            card = json.loads(file.metadata()["lt_bench"])
        change(card)
        save_file(load_file(source), path, metadata={"lt_bench": json.dumps(card)})

    return write


def _raw_card(text: str) -> Make:
    return written(safetensors({"__metadata__": {"lt_bench": text}} | tensor_entry([1], [0, 4]), bytes(4)))


CARDS: dict[str, tuple[Make, str]] = {
    "of a newer version": (_model(lambda c: c.update(version=2)), "version"),
    "whose card is deep": (_raw_card("[" * 50_000), ""),
    "whose card is no JSON": (_raw_card("{"), "JSON"),
    "of something else": (_raw_card("{}"), "format"),
    "with an unknown key": (_model(lambda c: c.update(evil=1)), "evil"),
    "of latents as large as a city": (_model(lambda c: c.update(latent_shape=[32, 200_000, 200_000])), ""),
    "of latents of 0 channels": (_model(lambda c: c.update(latent_shape=[0, 0, 0])), ""),
    "of negative latents": (_model(lambda c: c.update(latent_shape=[-3, -4, -4])), ""),
    "of 10^9 audio tokens": (_model(lambda c: c["config"]["model"].update(audio_tokens=10**9)), ""),
    "of 10^9 frames": (_model(lambda c: c["config"]["model"].update(frames=10**9)), ""),
    "of a layer of 10^12 features": (_model(lambda c: c.update(speech_shape=[1, 10**12])), ""),
    "whose plugin is named": (
        _model(
            lambda c: c["config"]["model"].update(
                plugins=["fixtures/evil.py"], fusion={"portrait": "evil", "audio": "evil"}
            )
        ),
        "plugin",
    ),
    "whose codec leads out": (_model(lambda c: c.update(codec="kl:../outside")), ""),
    "of another codec": (_model(lambda c: c.update(codec_hash="0" * 64)), "codec"),
    "of resolution 10^9": (_model(lambda c: c.update(resolution=10**9)), ""),
    "of a scaling of NaN": (_model(lambda c: c["scaling"].update(mean=[float("nan")] * 32)), ""),
    "of 10^12 sampling steps": (_model(lambda c: c["config"]["sampling"].update(steps=10**12)), ""),
}

MODELS = tuple(
    Entry(f"model {name}", "model", make, file="model.safetensors") for name, make in HEADERS.items()
) + tuple(
    Entry(f"model {name}", "model", make, (2,), says, "model.safetensors") for name, (make, says) in CARDS.items()
)
