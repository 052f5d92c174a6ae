"""The embedded synthetic data set: procedural talking faces with exact ground truth, called synthetic everywhere."""

from data_prep.synthetic.clip import SyntheticClip, make_clip
from data_prep.synthetic.dataset import SyntheticClipSpec, render, synthetic_clips
from data_prep.synthetic.landmarks import LANDMARKS
from data_prep.synthetic.performance import SETTLED, STATE

__all__ = [
    "LANDMARKS",
    "SETTLED",
    "STATE",
    "SyntheticClip",
    "SyntheticClipSpec",
    "make_clip",
    "render",
    "synthetic_clips",
]
