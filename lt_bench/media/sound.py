"""Sound that can be longer than memory: read in slices from a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Protocol

import numpy as np

from lt_bench.errors import MediaError
from lt_bench.shapes import Waveform

BYTES = 4
"""Number of bytes per sample."""


class Sound(Protocol):
    """Mono samples in [-1, 1] that can be read in slices, such as a float array."""

    def __len__(self) -> int: ...

    def __getitem__(self, samples: slice, /) -> Waveform: ...


class SpooledSound:
    """Samples in an unnamed temporary file, which is deleted when the object is closed or its process ends."""

    def __init__(self, runs: Iterable[Waveform], folder: str | os.PathLike[str]) -> None:
        """Write all samples to the file.

        Args:
            runs: sound as runs of samples.
            folder: existing folder on a disk with 4 bytes of space per sample.

        Raises:
            MediaError: the samples cannot be written there.
        """
        try:
            self._file = tempfile.TemporaryFile(dir=folder, prefix=".sound.", suffix=".tmp")  # noqa: SIM115 - kept open
        except OSError as error:
            got = error.strerror or error
            raise MediaError(f"{folder}: expected a writable folder, got {got}", fault="environment") from error
        try:
            for run in runs:
                self._file.write(np.ascontiguousarray(run, np.float32).tobytes())
            self._file.flush()
        except OSError as error:
            with suppress(OSError):  # the buffered samples do not fit either
                self._file.close()
            got = error.strerror or error
            raise MediaError(f"{folder}: sound could not be kept there: {got}", fault="environment") from error
        except BaseException:
            self._file.close()
            raise
        self._length = self._file.tell() // BYTES

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, samples: slice, /) -> Waveform:
        start, stop, step = samples.indices(self._length)
        assert step == 1, f"expected a slice without a step, got {samples}"
        data = os.pread(self._file.fileno(), BYTES * max(0, stop - start), BYTES * start)
        return np.frombuffer(data, np.float32)

    def close(self) -> None:
        """Delete the temporary file."""
        self._file.close()

    def __enter__(self) -> SpooledSound:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
