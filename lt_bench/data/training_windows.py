"""Random training windows, as a pure function of seed and index."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from lt_bench.data.cache import LatentCache
from lt_bench.data.format import ClipRecord
from lt_bench.data.windows import audio_windows, mouth_mask
from lt_bench.errors import CacheError


class WindowDataset(Dataset[dict[str, Tensor]]):
    """A data set of ``length`` random windows of a split.

    Item ``i`` depends only on ``(seed, i)`` and the cache. To resume exactly, continue with the next index
    (``offset``). Clips are drawn uniformly, then starts uniformly within the clip.

    An item is a dict of
        latents: (F, C, h, w) scaled.
        portrait: (C, h, w) scaled; with ``reference="frame"`` a random frame of the clip outside the window, or any
            frame of a clip that is no longer than the window; with ``"portrait"`` the clip's own portrait.
        motion: (M, C, h, w) scaled; the M frames before the window, oldest first; frames before the clip's start are
            replaced by the portrait.
        audio: (F, 2 * radius + 1, L, D), clamped at the clip's ends.
        mouth: (F, h, w), 1 where the mouth box touches the latent pixel, else 0.
        index: () int64; ``offset`` + i, the window's number.
        clip, start: () int64; position in ``records`` and first frame.

    Raises:
        CacheError: no clip of the split is as long as a window.
    """

    def __init__(
        self,
        cache: LatentCache,
        split: str,
        *,
        frames: int,
        motion_frames: int,
        audio_radius: int,
        length: int,
        seed: int,
        offset: int = 0,
        reference: Literal["frame", "portrait"] = "frame",
    ) -> None:
        self.cache, self.reference = cache, reference
        self.frames, self.motion_frames, self.audio_radius = frames, motion_frames, audio_radius
        self.length, self.seed, self.offset = length, seed, offset
        self.scaling = cache.scaling
        candidates = cache.records(split)
        self.records: tuple[ClipRecord, ...] = tuple(r for r in candidates if r.frames >= frames)
        if not self.records:
            longest = max((r.frames for r in candidates), default=0)
            raise CacheError(
                f"{cache.path}: split '{split}': expected clips of at least {frames} frames, "
                f"got {len(candidates)} clips, the longest of {longest}"
            )

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        if not 0 <= index < self.length:
            raise IndexError(index)
        rng = np.random.default_rng([self.seed, self.offset + index])
        clip = int(rng.integers(len(self.records)))
        record = self.records[clip]
        start = int(rng.integers(record.frames - self.frames + 1))
        portrait = self._portrait_frame(rng, record.frames, start)
        item = self._read(record, start, portrait)
        numbers = {"index": self.offset + index, "clip": clip, "start": start}
        return item | {name: torch.from_numpy(np.array(number)) for name, number in numbers.items()}

    def _portrait_frame(self, rng: np.random.Generator, total: int, start: int) -> int:
        outside = total - self.frames
        if outside == 0:
            return int(rng.integers(total))
        frame = int(rng.integers(outside))
        return frame if frame < start else frame + self.frames

    def _read(self, record: ClipRecord, start: int, portrait_frame: int) -> dict[str, Tensor]:
        file, stop = self.cache.file(record), start + self.frames
        before = max(0, start - self.motion_frames)
        if self.reference == "portrait":
            portrait_raw = file.stored("portrait", 0, self.cache.info.latent_shape[0])[None]
        else:
            portrait_raw = file.stored("latents", portrait_frame, portrait_frame + 1)
        missing = self.motion_frames - (start - before)
        # All frames are scaled together; the portrait replaces motion frames before the clip's start.
        raw = torch.cat([portrait_raw, *[portrait_raw] * missing, file.stored("latents", before, stop)])
        scaled, begin = self.scaling.raw_to_latents(raw.float()), 1 + self.motion_frames
        first = max(0, start - self.audio_radius)
        # Only the features of the windows are read, so clamping happens only at the clip's own ends.
        audio = file.slice("audio", first, min(record.frames, stop + self.audio_radius))
        return {
            "latents": scaled[begin:],
            "portrait": scaled[0],
            "motion": scaled[1:begin],
            "audio": audio_windows(audio, start - first, self.frames, self.audio_radius),
            "mouth": mouth_mask(file.slice("mouth_box", start, stop), *self.cache.info.latent_shape[1:]),
        }
