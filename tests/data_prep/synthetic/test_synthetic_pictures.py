"""Rendered faces equal recorded ones, so that no step of painting is lost or changed unnoticed.

After an intended change of the pictures, record them again:
``python tests/data_prep/synthetic/test_synthetic_pictures.py``.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from data_prep.synthetic import STATE
from data_prep.synthetic.identity import HAIR_STYLES, Identity
from data_prep.synthetic.render.renderer import FaceRenderer
from data_prep.synthetic.scene import Scene
from lt_bench.media.image import read_image, write_png

SHEET = Path(__file__).with_name("synthetic_faces.png")
SIZE = 128
STATES = [
    {},
    {"opening": 1.0, "width": 0.3, "brow": 1.0, "gaze_x": 0.7, "gaze_y": -0.3, "yaw": 0.3, "roll": -0.1},
    {"opening": 0.2, "rounding": 1.0, "width": -0.4, "blink": 0.5, "yaw": -0.25, "pitch": 0.15, "tx": 0.08},
    {"opening": 0.6, "width": 0.9, "blink": 1.0, "brow": -0.4, "pitch": -0.15, "roll": 0.15, "ty": 0.05},
    {"opening": 0.08, "width": 1.0, "gaze_x": -0.8, "gaze_y": 0.4, "roll": 0.05, "tx": -0.1, "ty": -0.05},
    {"opening": 0.9, "rounding": 0.6, "blink": 0.2, "brow": 0.5, "yaw": 0.15, "pitch": 0.1},
]
"""One a hair style; every other speaker wears glasses."""


def face(style: int) -> np.ndarray:
    seed = 100 + style
    who = dataclasses.replace(Identity.sample(seed), hair_style=style, glasses=style % 2 == 1)
    row = np.array([STATES[style].get(name, 0.0) for name in STATE], np.float32)
    return FaceRenderer(who, Scene.sample(seed), SIZE, zoom=1.3 if style < 3 else 1.0).frame(row)


@pytest.mark.parametrize("style", range(len(HAIR_STYLES)), ids=HAIR_STYLES)
def test_a_face_is_the_recorded_one(style: int) -> None:
    """Rounding on other machines moves a pixel by a level or two; a lost glint by fifty."""
    recorded = read_image(SHEET)[:, style * SIZE : (style + 1) * SIZE].astype(int)
    difference = np.abs(face(style) - recorded)
    assert difference.max() <= 12
    assert 10 * np.log10(255**2 / max((difference**2).mean(), 1e-9)) >= 45


if __name__ == "__main__":
    write_png(SHEET, np.concatenate([face(style) for style in range(len(HAIR_STYLES))], axis=1))
