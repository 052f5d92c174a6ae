"""Reader of latent caches with their clips, latents and windows."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from lt_bench.conventions import MANIFEST_FILE, REAL_SETS
from lt_bench.data.clip_file import ClipFile
from lt_bench.data.clip_tensors import ClipWindow
from lt_bench.data.format import (
    CACHE_FILE,
    INDEX_FILE,
    JOURNAL_FILE,
    CacheInfo,
    ClipRecord,
    info_from_dict,
    info_to_dict,
)
from lt_bench.data.index import read_index
from lt_bench.errors import CacheError
from lt_bench.files import read_json, sha256_json
from lt_bench.scaling import LatentScaling

OPEN_FILES = 256
OTHER_CACHE = "name a cache of the model's codec and speech encoder in data.cache"


class LatentCache:
    """A complete latent cache.

    Raises:
        CacheError: the folder is not a cache, is incomplete or of another version, or its index is damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        header = self.path / CACHE_FILE
        if not header.is_file():
            raise CacheError(f"{self.path}: expected a latent cache (a folder with {CACHE_FILE}), got none")
        self.info: CacheInfo = info_from_dict(read_json(header), header)
        if not (self.path / INDEX_FILE).is_file():
            state = "a preparation that did not end" if (self.path / JOURNAL_FILE).exists() else "none"
            raise CacheError(
                f"{self.path}: expected {INDEX_FILE}, got {state}; the same lt-bench prepare command ends it"
            )
        self._records = read_index(self.path / INDEX_FILE)
        self._files: OrderedDict[str, ClipFile] = OrderedDict()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> LatentCache:
        """Open a cache folder."""
        return cls(path)

    @property
    def scaling(self) -> LatentScaling:
        """Return the scaling between raw latents and latents."""
        return self.info.scaling

    @property
    def hash(self) -> str:
        """Compute the SHA-256 over ``cache.json`` and every clip's id, split and content."""
        rows = [[r.id, r.identity, r.split, r.role, r.frames, r.sha256] for r in self._records]
        return sha256_json([info_to_dict(self.info), sorted(rows)])

    def records(self, split: str | None = None, role: str | None = None) -> tuple[ClipRecord, ...]:
        """Return the clips sorted by id, optionally of one split or role."""
        return tuple(r for r in self._records if split in (None, r.split) and role in (None, r.role))

    def real_folder(self, split: str) -> Path:
        """Return the folder of a split's real videos, which evaluation reads.

        Raises:
            CacheError: the split was not exported.
        """
        folder = self.path / REAL_SETS / split
        if not (folder / MANIFEST_FILE).is_file():
            raise CacheError(f"{folder}: expected a real set (manifest.json) for split '{split}', got none")
        return folder

    def require(
        self,
        codec_hash: str | None = None,
        speech_hash: str | None = None,
        latent_shape: tuple[int, ...] | None = None,
    ) -> None:
        """Check that the cache matches the requirements of a model or a codec.

        Raises:
            CacheError: the message names the expected value and the cache's value.
        """
        codec, speech = self.info.codec, self.info.speech
        if codec_hash is not None and codec_hash != codec.hash:
            raise CacheError(
                f"{self.path}: expected latents of codec {codec_hash[:16]}, got {codec.name} {codec.hash[:16]}; "
                f"{OTHER_CACHE}"
            )
        if speech_hash is not None and speech_hash != speech.hash:
            raise CacheError(
                f"{self.path}: expected features of speech encoder {speech_hash[:16]}, "
                f"got {speech.name} {speech.hash[:16]}; {OTHER_CACHE}"
            )
        if latent_shape is not None and tuple(latent_shape) != self.info.latent_shape:
            raise CacheError(
                f"{self.path}: expected latents of shape {list(latent_shape)}, got {list(self.info.latent_shape)}; "
                f"{OTHER_CACHE}"
            )

    def file(self, record: ClipRecord) -> ClipFile:
        """Return the open file of a clip; the last 256 files stay open."""
        found = self._files.get(record.id)
        if found is None:
            found = self._files[record.id] = ClipFile(self.path / record.file)
            if len(self._files) > OPEN_FILES:
                self._files.popitem(last=False)
        else:
            self._files.move_to_end(record.id)
        return found

    def read_latents(self, record: ClipRecord, start: int, length: int) -> Float[Tensor, "F C H W"]:
        """Read the scaled latents of ``length`` frames from ``start``."""
        self._check_range(record, start, length)
        return self.scaling.raw_to_latents(self.file(record).slice("latents", start, start + length))

    def read_portrait(self, record: ClipRecord) -> Float[Tensor, "C H W"]:
        """Read the scaled latent of the clip's portrait picture."""
        return self.scaling.raw_to_latents(self.file(record).whole("portrait"))

    def read_window(self, record: ClipRecord, start: int, length: int) -> ClipWindow:
        """Read all tensors of ``length`` frames from ``start``, with scaled latents.

        Raises:
            CacheError: the window leaves the clip, or the file is damaged.
        """
        self._check_range(record, start, length)
        file, stop = self.file(record), start + length
        return ClipWindow(
            latents=self.scaling.raw_to_latents(file.slice("latents", start, stop)),
            audio=file.slice("audio", start, stop),
            landmarks=file.slice("landmarks", start, stop),
            mouth_box=file.slice("mouth_box", start, stop),
            truth=file.slice("truth", start, stop) if "truth" in file.names else None,
        )

    def _check_range(self, record: ClipRecord, start: int, length: int) -> None:
        if start < 0 or length < 1 or start + length > record.frames:
            raise CacheError(
                f"clip {record.id}: expected a window within its {record.frames} frames, got {start}..{start + length}"
            )

    def __getstate__(self) -> dict[str, object]:
        # Memory maps cannot be sent to loader processes; each process opens its own.
        return {**self.__dict__, "_files": OrderedDict()}
