"""Where a clip is set: all that changes between two clips of one speaker, so that no identity score can cheat on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_prep.synthetic.signals import RGB, to_rgb


@dataclass(frozen=True)
class Scene:
    """Backdrop, shirt and light."""

    top: RGB
    """Colour of the backdrop's upper edge."""
    bottom: RGB
    shirt: RGB
    light: float
    """Horizontal direction of the light, -0.6 from the left .. 0.6 from the right."""
    seed: int
    """Seeds the blotches of the backdrop."""

    @staticmethod
    def sample(seed: int) -> Scene:
        """Draw the scene of a seed."""
        rng = np.random.default_rng([202, seed])
        top, shirt = rng.uniform(50, 210) + rng.uniform(-45, 45, 3), rng.uniform(20, 220, 3)
        bottom = 0.7 * top + rng.uniform(-20, 50, 3)
        return Scene(to_rgb(top), to_rgb(bottom), to_rgb(shirt), light=float(rng.uniform(-0.6, 0.6)), seed=seed)
