"""The pose of the head: texture points to seen points, and back for every pixel.

The head is a relief over the texture plane. Turning it moves each point by its depth (parallax), then the head shifts
and rolls about the neck; an open mouth first pulls all below the lower lip downwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32
from numpy import ndarray

from data_prep.synthetic.performance import STATE
from data_prep.synthetic.render.canvas import HALF, VIEW_Y, frame_grid, step

_NECK_Y = 0.9  # the head rolls about this height
_COARSE = 4  # the warp is smooth: it is found on a grid so many times coarser
_DROP = 0.13  # how far a mouth of opening 1 pulls the chin down
_YAW = STATE.index("yaw")


@dataclass(frozen=True)
class Pose:
    """Pose of the head in one frame; signs and units as in ``performance.STATE``."""

    yaw: float
    pitch: float
    roll: float
    tx: float
    ty: float
    drop: float
    """How far the chin is pulled down."""
    hinge: float
    """Height of the lower lip's lower edge, where the pull begins."""

    @staticmethod
    def from_state(row: Float32[ndarray, " 12"], hinge: float) -> Pose:
        """Read the pose columns of a state row."""
        yaw, pitch, roll, tx, ty = row[_YAW : _YAW + 5].tolist()
        return Pose(yaw, pitch, roll, tx, ty, _DROP * float(row[0]), hinge)

    @property
    def numbers(self) -> tuple[float, ...]:
        """The fields in order, without the deep copies of ``dataclasses.astuple``."""
        return self.yaw, self.pitch, self.roll, self.tx, self.ty, self.drop, self.hinge

    @property
    def squeeze(self) -> float:
        """Foreshortening of the face by yaw."""
        return float(0.5 + 0.5 * np.cos(self.yaw))


def head_depth(a: Float[ndarray, "*shape"], b: Float[ndarray, "*shape"]) -> Float[ndarray, "*shape"]:
    """Depth of the relief at a texture point, before jaw drop: a broad head and the nose."""
    aa, bb = a * a, b * b
    head, nose = np.exp(aa * (-1 / 0.85) - bb * (1 / 1.4)), np.exp((aa + bb - 0.48 * b + 0.0576) * (-1 / 0.035))
    head *= 1.2
    head -= 0.48
    nose *= 0.16
    head += nose
    return head


def texture_lookup(pose: Pose, n: int, zoom: float) -> Float32[ndarray, "{n} {n} 2"]:
    """For every pixel of the n x n frame, the texture pixel (of an n x n texture) that it shows."""
    grid, scale = frame_grid(n // _COARSE, zoom, 1), n / (2 * HALF)
    c, s, turn, nod = math.cos(pose.roll), math.sin(pose.roll), math.sin(pose.yaw), math.sin(pose.pitch)
    narrow, px, py = 1 / pose.squeeze, grid.x - pose.tx, grid.y - pose.ty - _NECK_Y
    u, v = c * px + s * py, c * py - s * px + _NECK_Y
    a, b = u, v
    for _ in range(_iterations(max(abs(turn), abs(nod)), scale)):
        # Fixed point of: seen = texture + depth(texture) * sin(angle).
        depth = head_depth(a, b)
        a, b = (u - depth * turn) * narrow, v - depth * nod
    b = b - pose.drop * step(b, pose.hinge, 1.0 + pose.drop)
    whole = cv2.resize(
        cv2.merge([a * scale + (HALF * scale - 0.5), b * scale + (HALF * scale - 0.5)]),
        (n + 2 * _COARSE, n + 2 * _COARSE),
    )
    return whole[_COARSE:-_COARSE, _COARSE:-_COARSE]


def _iterations(sine: float, scale: float) -> int:
    """Steps after which the fixed point is exact to a fiftieth of a texture pixel, at most 4.

    The depth and its steepest slope, which bounds how fast the steps converge, stay below 1.2.
    """
    error, steps = 1.2 * sine * scale, 1
    while (error := error * 1.2 * sine) > 0.02 and steps < 4:
        steps += 1
    return steps


def texture_to_seen(points: Float[ndarray, "F K 2"], poses: Sequence[Pose]) -> Float[ndarray, "F K 2"]:
    """Where each frame's texture points are seen, in face units: the inverse of ``texture_lookup``."""
    yaw, pitch, roll, tx, ty, drop, hinge = np.array([pose.numbers for pose in poses]).T[:, :, None]
    a, b = points[..., 0], _pull_jaw(points[..., 1], drop, hinge)
    depth = head_depth(a, b)
    squeeze = np.array([[pose.squeeze] for pose in poses])
    u, v = a * squeeze + depth * np.sin(yaw), b + depth * np.sin(pitch) - _NECK_Y
    c, s = np.cos(roll), np.sin(roll)
    return np.stack([c * u - s * v + tx, s * u + c * v + _NECK_Y + ty], axis=-1)


def seen_to_frame(points: Float[ndarray, "F K 2"], zoom: float) -> Float[ndarray, "F K 2"]:
    """Face units to fractions of the frame's sides, (0, 0) its upper left corner; outside the frame beyond 0..1."""
    centred = (points - (0, VIEW_Y / zoom**2)) * zoom
    return (centred + HALF) / (2 * HALF)


def _pull_jaw(
    y: Float[ndarray, "F K"], drop: Float[ndarray, "F 1"], hinge: Float[ndarray, "F 1"]
) -> Float[ndarray, "F K"]:
    """Solve b - drop * step(b) = y; a contraction, for the drop times the step's steepest slope stays below 0.9."""
    b, low = y.copy(), y > hinge  # all above the hinge stays where it is
    pulled = rest = y[low]
    drops, hinges = (np.broadcast_to(each, y.shape)[low] for each in (drop, hinge))
    for _ in range(80):
        before, pulled = pulled, rest + drops * step(pulled, hinges, 1.0 + drops)
        if np.array_equal(before, pulled):
            break
    b[low] = pulled
    return b
