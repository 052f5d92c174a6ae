"""Keep the chatter of native libraries off stderr without losing anything else that is written there."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

NOISE = re.compile(
    rb"WARNING: (All log messages|Logging) before|INFO: Created TensorFlow Lite|[IW]\d{4} \d\d:\d\d|[IW]\d{4} 00:00:\d+"
)
"""Starts of lines that MediaPipe, absl and TensorFlow Lite write when all is well: information and warnings."""


@contextmanager
def without_native_noise() -> Iterator[None]:
    """Hold back what the process writes to file descriptor 2 during the block, then pass on all but known noise.

    The libraries print before their log level can be set, so only the descriptor itself can be held.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as held:
            os.dup2(held.fileno(), 2)
            try:
                yield
            finally:
                sys.stderr.flush()
                os.dup2(kept, 2)
                held.seek(0)
                for line in held:
                    if not NOISE.match(line):
                        os.write(2, line)
    finally:
        os.close(kept)
