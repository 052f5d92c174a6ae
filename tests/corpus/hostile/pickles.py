"""Pickles that run something when they are read without care."""

from __future__ import annotations

import os
from typing import Any


class Payload:
    """Runs a command when it is unpickled without care."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch canary",)


class Evaluated:
    """Runs Python when it is unpickled without care."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("__import__('pathlib').Path('canary').write_text('ran')",)
