"""Does a long video stay what it was? Identity, colour and sharpness against time, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lt_bench.conventions import FPS
from lt_bench.errors import MediaError
from lt_bench.media.video import iter_frames
from lt_bench.shapes import UInt8

IdentityName = Literal["dlib", "probe", "none"]
Embed = Callable[[UInt8[ndarray, "H W 3"]], "ndarray | None"]
"""The embedding of a frame's face, or None where no face is found."""

MEASURES = {
    "identity": "distance of the face's embedding to the reference",
    "sharpness": "variance of the Laplacian of grey, levels^2",
    "L_mean": "mean of CIE L*",
    "a_mean": "mean of CIE a*",
    "b_mean": "mean of CIE b*",
    "L_std": "standard deviation of CIE L*",
    "a_std": "standard deviation of CIE a*",
    "b_std": "standard deviation of CIE b*",
}


@dataclass(frozen=True)
class Trend:
    """How one measure went over a video."""

    first: float | None
    """Mean over the first second."""
    last: float | None
    """Mean over the last whole second."""
    change: float | None
    """Last minus first."""
    slope_per_minute: float | None
    """Of the least-squares line through the seconds that have a value; None for fewer than two."""


@dataclass(frozen=True)
class Drift:
    """One video, second by second."""

    video: str
    seconds: int
    """Number of whole seconds; the rest of the video is not measured."""
    series: dict[str, tuple[float | None, ...]]
    """By measure, a mean a second; None where no face was found. Without ``identity`` where that was not asked."""
    trends: dict[str, Trend]


def measure_drift(
    path: Path, embed: Embed | None = None, reference: UInt8[ndarray, "H W 3"] | None = None, stride: int = 5
) -> Drift:
    """Measure a video at 25 fps.

    Args:
        path: of the video.
        embed: for the identity; None to leave it out.
        reference: a picture of the person; by default the mean embedding of the first second that shows a face.
        stride: frames from one embedded frame to the next.

    Raises:
        MediaError: not a readable video, or of less than two seconds.
    """
    with closing(iter_frames(path, FPS)) as frames:
        seconds = list(_seconds(frames, embed, stride))
    if len(seconds) < 2:
        raise MediaError(f"{path}: expected a video of at least 2 s to measure drift, got {len(seconds)} whole seconds")
    series = {name: [second.values[name] for second in seconds] for name in seconds[0].values}
    if embed is not None:
        series = {"identity": _distances([second.embeddings for second in seconds], embed, reference), **series}
    return Drift(
        video=str(path),
        seconds=len(seconds),
        series={name: tuple(values) for name, values in series.items()},
        trends={name: trend(values) for name, values in series.items()},
    )


def frame_measures(frame: UInt8[ndarray, "H W 3"]) -> dict[str, float]:
    """Sharpness and colour of one RGB frame."""
    lab = cv2.cvtColor(frame.astype(np.float32) / 255, cv2.COLOR_RGB2LAB).reshape(-1, 3)
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    colours = {f"{channel}_mean": float(value) for channel, value in zip("Lab", lab.mean(0), strict=True)}
    spread = {f"{channel}_std": float(value) for channel, value in zip("Lab", lab.std(0), strict=True)}
    return {"sharpness": float(cv2.Laplacian(grey, cv2.CV_64F).var()), **colours, **spread}


def trend(values: Iterable[float | None]) -> Trend:
    """The trend of one value a second."""
    given = list(values)
    known = [(second, value) for second, value in enumerate(given) if value is not None]
    first, last = given[0], given[-1]
    slope = None
    if len(known) > 1:
        times, points = np.array(known, float).T
        centred = times - times.mean()
        slope = float(60 * (centred @ points) / (centred @ centred))
    return Trend(first, last, None if first is None or last is None else last - first, slope)


@dataclass(frozen=True)
class _Second:
    values: dict[str, float]
    embeddings: Float[ndarray, "N D"] | None


def _seconds(frames: Iterator[ndarray], embed: Embed | None, stride: int) -> Iterator[_Second]:
    rows: list[dict[str, float]] = []
    found: list[ndarray] = []
    for index, frame in enumerate(frames):
        rows.append(frame_measures(frame))
        if embed is not None and index % FPS % stride == 0:
            embedding = embed(frame)
            found += [] if embedding is None else [embedding]
        if len(rows) == FPS:
            means = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
            yield _Second(means, np.stack(found) if found else None)
            rows, found = [], []


def _distances(
    seconds: list[Float[ndarray, "N D"] | None], embed: Embed, reference: ndarray | None
) -> list[float | None]:
    if reference is not None:
        origin = embed(reference)
        if origin is None:
            raise MediaError("--reference: expected a picture with a face, got none in it")
    else:
        origin = next((second.mean(0) for second in seconds if second is not None), None)
    if origin is None:
        return [None for _ in seconds]
    return [None if second is None else float(np.linalg.norm(second - origin, axis=1).mean()) for second in seconds]


@contextmanager
def dlib_embedder() -> Iterator[Embed]:
    """Open dlib's face descriptor of a frame's face (Euclidean distance; see the metric ``identity_dlib``).

    Raises:
        AssetError: weights are missing.
    """
    from lt_bench.perception.face_embedding import DlibFaceEmbedder
    from lt_bench.perception.faces import FaceLandmarker

    embedder = DlibFaceEmbedder()
    with FaceLandmarker() as landmarker:  # closed before the interpreter ends, when it would complain

        def embed(frame: ndarray) -> ndarray | None:
            track = landmarker.track([frame])
            return embedder.embed(frame, track.landmarks[0]) if track.found[0] else None

        yield embed


@contextmanager
def probe_embedder() -> Iterator[Embed]:
    """Open the probe's embedding (unit length; Euclidean distance), for faces of the synthetic set only."""
    from lt_bench.evaluation.metrics.synthetic.probe import probe_frames

    yield lambda frame: probe_frames(frame[None]).embedding[0]


EMBEDDERS: dict[str, Callable[[], AbstractContextManager[Embed | None]]] = {
    "dlib": dlib_embedder,
    "probe": probe_embedder,
    "none": nullcontext,
}
