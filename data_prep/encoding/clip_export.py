"""Export a prepared clip's picture and sound, so that evaluation needs neither the cache's codec nor the source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from safetensors.numpy import save

from data_prep.datasets.jobs import Job
from data_prep.encoding.frame_encoder import FrameTaker
from data_prep.extraction.raw_clip import Material
from lt_bench.config import to_dict
from lt_bench.conventions import REAL_SETS
from lt_bench.data.real_set import real_clip
from lt_bench.files import write_bytes
from lt_bench.media.audio import write_wav
from lt_bench.media.image import write_png
from lt_bench.media.video import write_video

CRF = 12
"""Visually lossless, and the same for every set, since compression moves every distance between videos."""


def export_real(
    cache: Path, job: Job, material: Material, frames: Iterator[UInt8[ndarray, "R R 3"]], taker: FrameTaker
) -> dict[str, Any]:
    """Write ``real/<split>/<id>.mp4``, ``.png``, ``.wav`` and, for synthetic clips, ``.truth.safetensors``.

    Returns:
        The clip's entry in the real set's manifest, as a plain document.
    """
    folder, name = cache / REAL_SETS / job.split, material.id
    write_video(folder / f"{name}.mp4", frames, audio=material.audio, crf=CRF)
    write_png(folder / f"{name}.png", taker.portrait)
    write_wav(folder / f"{name}.wav", material.audio)
    if material.truth is not None:
        exact = {"truth": material.truth, "landmarks": material.landmarks, "mouth_box": material.mouth_box}
        tensors = {key: np.ascontiguousarray(value, np.float32) for key, value in exact.items()}
        write_bytes(folder / f"{name}.truth.safetensors", save(tensors))
    truth = material.truth is not None
    return to_dict(real_clip(folder, name, job.identity, job.role, material.count, truth=truth))
