"""Export a prepared clip's picture and sound, so that evaluation needs neither the cache's codec nor the source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from data_prep.material import Material
from lt_bench.config import to_dict
from lt_bench.data.clip import PreparedClip
from lt_bench.data.real_set import real_clip
from lt_bench.files import write_bytes
from lt_bench.media.audio import write_wav
from lt_bench.media.image import write_png
from lt_bench.media.video import write_video

CRF = 12
"""Visually lossless, and the same for every set, since compression moves every distance between videos."""


def export_real(cache: Path, clip: PreparedClip, material: Material) -> dict[str, Any]:
    """Write ``real/<split>/<id>.mp4``, ``.png``, ``.wav`` and, for synthetic clips, ``.truth.safetensors``.

    Returns:
        The clip's entry in the real set's manifest, as a plain document.
    """
    folder = cache / "real" / clip.split
    write_video(folder / f"{clip.id}.mp4", material.frames(), audio=material.audio, crf=CRF)
    write_png(folder / f"{clip.id}.png", material.portrait)
    write_wav(folder / f"{clip.id}.wav", material.audio)
    if clip.truth is not None:
        exact = {"truth": clip.truth, "landmarks": clip.landmarks, "mouth_box": clip.mouth_box}
        tensors = {name: np.ascontiguousarray(value, np.float32) for name, value in exact.items()}
        write_bytes(folder / f"{clip.id}.truth.safetensors", save(tensors))
    return to_dict(real_clip(folder, clip.id, clip.identity, clip.role, material.count, truth=clip.truth is not None))
