"""Who speaks: the fixed attributes of a face and a voice, drawn from a seed."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float32
from numpy import ndarray

from data_prep.synthetic.signals import RGB, to_rgb

HAIR_STYLES = ("bald", "short", "parted", "long", "bob", "afro")
_SKINS = np.array(
    [(250, 220, 200), (238, 196, 168), (220, 168, 132), (188, 132, 96), (142, 94, 66), (98, 64, 48)], float
)
_HAIRS = np.array(
    [(32, 26, 24), (62, 42, 32), (104, 68, 44), (168, 122, 72), (206, 172, 116), (150, 66, 36), (172, 170, 168)], float
)
_EYES = np.array([(70, 44, 28), (104, 72, 40), (84, 118, 84), (76, 116, 158), (110, 126, 138)], float)
_DARK_HAIRS = 3  # the first so many of _HAIRS; darker skins draw from these only


@dataclass(frozen=True)
class Identity:
    """One speaker; lengths in face units (half a face height is 1)."""

    skin: RGB
    hair: RGB
    eye: RGB
    lip: RGB
    hair_style: int
    """Index into ``HAIR_STYLES``."""
    hair_volume: float
    hairline: float
    """Height of the hairline; y points down, so negative."""
    face_width: float
    face_height: float
    jaw: float
    """0 a pointed chin, 1 a square jaw."""
    eye_size: float
    eye_gap: float
    """Half the distance between the eyes' centres."""
    brow_thickness: float
    brow_tilt: float
    nose_width: float
    nose_length: float
    mouth_width: float
    """Half the width of the mouth at rest."""
    lip_fullness: float
    glasses: bool
    pitch_hz: float
    """Mean fundamental frequency of the voice, in Hz."""
    formant_scale: float
    """Formants relative to those of ``phonemes.PHONEMES`` (a short vocal tract is above 1)."""

    @staticmethod
    def sample(seed: int) -> Identity:
        """Draw the speaker of a seed."""
        rng = np.random.default_rng([101, seed])
        u, tone = rng.uniform, rng.uniform(0, len(_SKINS) - 1.001)
        skin = (1 - tone % 1) * _SKINS[int(tone)] + tone % 1 * _SKINS[int(tone) + 1] + rng.normal(0, 5, 3)
        hair = _HAIRS[rng.integers(len(_HAIRS) if tone < 2.5 else _DARK_HAIRS)] * u(0.8, 1.15)
        lip = skin * (0.84, 0.56, 0.58) + (u(-5, 20), u(-8, 8), u(-2, 18))
        voice = rng.normal()  # one latent couples pitch and vocal-tract length, as in people
        return Identity(
            skin=to_rgb(skin),
            hair=to_rgb(hair),
            lip=to_rgb(lip),
            eye=to_rgb(_EYES[rng.integers(len(_EYES))] * u(0.85, 1.15)),
            hair_style=int(rng.integers(len(HAIR_STYLES))),
            hair_volume=u(0.06, 0.16),
            hairline=u(-0.68, -0.5),
            face_width=u(0.66, 0.8),
            face_height=u(0.93, 1.05),
            jaw=u(0, 1),
            eye_size=u(0.14, 0.18),
            eye_gap=u(0.28, 0.34),
            brow_thickness=u(0.025, 0.065),
            brow_tilt=u(-0.03, 0.04),
            nose_width=u(0.1, 0.17),
            nose_length=u(0.24, 0.32),
            mouth_width=u(0.23, 0.3),
            lip_fullness=u(0.7, 1.4),
            glasses=bool(rng.random() < 0.2),
            pitch_hz=float(np.clip(155 * 2 ** (0.45 * voice), 85, 290)),
            formant_scale=float(np.clip(1 + 0.07 * voice + rng.normal(0, 0.03), 0.84, 1.18)),
        )

    def vector(self) -> Float32[ndarray, " attributes"]:
        """All attributes in the order of the fields, colours as three numbers each (names: ``identity_columns``)."""
        return np.concatenate([np.atleast_1d(getattr(self, f.name)) for f in fields(self)]).astype(np.float32)


def identity_columns() -> tuple[str, ...]:
    """The names of the numbers of ``Identity.vector``."""
    names: list[str] = []
    for f in fields(Identity):
        names += [f"{f.name}_{channel}" for channel in "rgb"] if f.type == "RGB" else [f.name]
    return tuple(names)
