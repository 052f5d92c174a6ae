"""Which face of a picture is taken, and which way is up: said in a line."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lt_bench.cli.portrait_picture import square_portrait
from lt_bench.errors import FaceError
from lt_bench.media.video import read_frames


def face(mirror: Path, name: str = "sbia1a") -> np.ndarray:
    return read_frames(mirror / "grid-sample" / f"{name}.mpg", max_frames=1)[0]


def test_the_largest_of_two_faces_is_taken_and_said(mirror: Path):
    one, other = face(mirror), face(mirror, "lbax4n")
    both = np.zeros((432, 900, 3), np.uint8)
    both[:288, :360] = other
    both[:, 360:] = cv2.resize(one, (540, 432), interpolation=cv2.INTER_CUBIC)
    found = square_portrait(both, 64, face=True)
    assert len(found.remarks) == 1
    assert found.remarks[0].startswith("2 faces: the largest was taken, at x 6")
    alone = square_portrait(one, 64, face=True)
    assert alone.remarks == ()
    assert np.abs(found.square.astype(int) - alone.square).mean() < 15


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_picture_on_its_side_is_turned_and_said(mirror: Path, quarters: int):
    upright = square_portrait(face(mirror), 64, face=True).square
    found = square_portrait(np.ascontiguousarray(np.rot90(face(mirror), -quarters)), 64, face=True)
    assert found.remarks == (
        f"its face lies on its side: the picture was turned by {90 * quarters} degrees to the left",
    )
    assert np.abs(found.square.astype(int) - upright).mean() < 8


def test_a_picture_without_a_face_is_refused(mirror: Path):
    with pytest.raises(FaceError, match="got none, however the picture is turned"):
        square_portrait(np.full((200, 200, 3), 128, np.uint8), 64, face=True)
