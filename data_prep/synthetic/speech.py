"""Source-filter speech from the control track that also moves the lips (formant synthesis after Klatt, 1980)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Float, Float32
from numpy import ndarray

from data_prep.synthetic.identity import Identity
from data_prep.synthetic.performance import CONTROL, TICKS, Performance
from lt_bench.conventions import FPS, SAMPLE_RATE

HOP = SAMPLE_RATE // (FPS * TICKS)
"""Samples a control tick (5 ms)."""
_FFT = 512
_BANDWIDTHS = (80.0, 110.0, 170.0)  # of the three formants, in Hz
_ROOM_NOISE = 3e-4
_GAIN = 0.12


def synthesize(identity: Identity, performance: Performance, seed: int = 0) -> Float32[ndarray, " samples"]:
    """Speak a performance with a speaker's voice.

    Jittered glottal pulses and noise pass three moving resonators, block by block of the spectrum (overlap-add).

    Args:
        identity: gives pitch and vocal-tract length.
        performance: gives the control track.
        seed: of the noise; the same seed gives the same samples.

    Returns:
        Mono sound at 16 kHz in [-1, 1], 640 samples a frame.
    """
    rng, control = np.random.default_rng([404, seed]), performance.control
    voiced, hiss = _sources(control, identity.pitch_hz, rng)
    vocal, fricative = _filters(control, identity.formant_scale)
    amplitude, voicing = (control[:, CONTROL.index(name)][:, None] for name in ("amplitude", "voicing"))
    loud, soft = (_GAIN * amplitude * share / _rms(h) for share, h in ((voicing, vocal), (1 - voicing, fricative)))
    blocks = np.fft.irfft(voiced * (vocal * loud) + hiss * (fricative * soft), _FFT)
    samples = len(control) * HOP
    out = _ROOM_NOISE * rng.standard_normal(samples + _FFT)
    for i, block in enumerate(blocks):
        out[i * HOP : i * HOP + _FFT] += block
    return np.tanh(out[2 * HOP : 2 * HOP + samples]).astype(np.float32)


def _sources(
    control: Float32[ndarray, "ticks 9"], pitch_hz: float, rng: np.random.Generator
) -> tuple[Complex64[ndarray, "ticks bins"], Complex64[ndarray, "ticks bins"]]:
    """Spectra of the glottal pulses and of the hiss, a windowed block for each tick."""
    samples = len(control) * HOP
    f0 = np.repeat(control[:, CONTROL.index("pitch")].astype(float), HOP) * pitch_hz
    jitter = np.repeat(0.02 * rng.standard_normal(len(control)), HOP)
    # A pulse wherever the running phase passes a whole number; its height keeps the power independent of the pitch.
    pulses = np.diff(np.floor(np.cumsum(f0 / SAMPLE_RATE * (1 + jitter))), prepend=0.0) * np.sqrt(SAMPLE_RATE / f0)
    breathy = pulses + 0.04 * rng.standard_normal(samples)
    hiss = rng.standard_normal(samples)
    window = np.hanning(4 * HOP + 1)[:-1] / 2
    at = np.arange(len(control))[:, None] * HOP + np.arange(4 * HOP)
    voiced, noisy = (
        np.fft.rfft((np.pad(source, 2 * HOP)[at] * window).astype(np.float32), _FFT) for source in (breathy, hiss)
    )
    return voiced, noisy


def _filters(
    control: Float32[ndarray, "ticks 9"], formant_scale: float
) -> tuple[Complex64[ndarray, "ticks bins"], Complex64[ndarray, "ticks bins"]]:
    """Responses of the vocal tract (three formants, falling source) and of fricative noise (one peak)."""
    f = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE).astype(np.float32)

    def resonator(
        formant: int, bandwidth: Float[ndarray, "ticks 1"] | float, tilt: Float32[ndarray, " bins"] | float = 1.0
    ) -> Complex64[ndarray, "ticks bins"]:
        # tilt c^2 / (c^2 - f^2 + i f b), by real arithmetic: numpy's complex division is many times slower.
        square = (control[:, formant : formant + 1] * np.float32(formant_scale)) ** 2
        real, imaginary = square - f**2, f * bandwidth
        size = square * tilt / (real**2 + imaginary**2)
        parts = np.empty((*size.shape, 2), np.float32)
        parts[..., 0], parts[..., 1] = real * size, imaginary * -size
        return parts.view(np.complex64)[..., 0]

    first, second = (resonator(k, _BANDWIDTHS[k]) for k in (0, 1))
    vocal = first * second * resonator(2, _BANDWIDTHS[2], tilt=1 / np.sqrt(1 + (f / 600) ** 2))
    return vocal, resonator(2, 0.3 * control[:, 2:3], tilt=f / 4000)


def _rms(response: Complex64[ndarray, "ticks bins"]) -> Float32[ndarray, "ticks 1"]:
    return np.sqrt(np.mean(np.real(response) ** 2 + np.imag(response) ** 2, axis=1, keepdims=True))
