"""Is it the same speaker? On the synthetic set, by the probe's embedding against a gallery of other takes.

The gallery shows each speaker in another scene, with other clothes and light, so that a copied backdrop earns nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lt_bench.errors import blame
from lt_bench.evaluation.metrics.base import ClipContext, Need, UnscorableError, VideoView
from lt_bench.evaluation.metrics.synthetic.probe_track import ProbeVideoMetric, probe_track


def unit_mean(embeddings: ndarray) -> Float64[ndarray, " D"]:
    """The mean embedding of a video, scaled to length 1.

    Raises:
        UnscorableError: the mean is zero.
    """
    mean = np.asarray(embeddings, float).mean(axis=0)
    length = float(np.linalg.norm(mean))
    if length == 0:
        raise UnscorableError("identity: expected an embedding with a direction, got zero")
    return mean / length


@dataclass(frozen=True)
class IdentityProbe(ProbeVideoMetric):
    """Cosine between the generated video's mean embedding and that of the speaker's gallery take."""

    name = "identity_probe"
    title = "cosine of probe embeddings, generated against another take of the speaker"
    higher_is_better = True
    reference = "ceiling"
    source = "mean embedding of the scored frames; of all frames of the gallery take"
    needs: ClassVar[tuple[Need, ...]] = ("gallery",)

    def score(self, clip: ClipContext) -> float:
        """The cosine."""
        return cosines(clip)[clip.identity]


@dataclass(frozen=True)
class IdentityRank1(ProbeVideoMetric):
    """Share of videos whose nearest gallery take is of the right speaker; chance is 1 over the gallery's size."""

    name = "identity_rank1"
    title = "share of videos whose nearest gallery identity is the right one (probe)"
    higher_is_better = True
    reference = "ceiling"
    source = "nearest by cosine among all gallery takes; a tie is wrong"
    needs: ClassVar[tuple[Need, ...]] = ("gallery",)

    def score(self, clip: ClipContext) -> float:
        """1 for the right speaker, 0 for another; the set's value is the mean."""
        found = cosines(clip)
        others = [value for identity, value in found.items() if identity != clip.identity]
        if not others:
            raise UnscorableError("identity: expected a gallery of at least two identities, got one", fault="reference")
        return float(found[clip.identity] > max(others))


def cosines(clip: ClipContext) -> dict[str, float]:
    """Cosine of the clip's generated video with every gallery take, by identity."""
    if clip.identity not in clip.gallery:
        raise UnscorableError(f"identity: expected a gallery take of {clip.identity}, got none", fault="reference")
    with blame(clip.generated.fault):
        mine = unit_mean(probe_track(clip.generated).embedding[clip.scored])
    return {identity: float(mine @ _gallery_mean(take)) for identity, take in clip.gallery.items()}


def _gallery_mean(take: VideoView) -> Float64[ndarray, " D"]:
    with blame(take.fault):
        return unit_mean(probe_track(take).embedding)
