"""A painted real set: fields of a picture show the truth as brightness, and a stand-in for the probe reads them off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from lt_bench.data.real_set import real_clip, write_real_set
from lt_bench.evaluation.inputs.clip_context import TRUTH_COLUMNS, ClipContext, Tools, VideoView
from lt_bench.evaluation.metrics.synthetic.probe_readings import READINGS, ProbeReadings
from lt_bench.evaluation.stores.feature_store import FeatureStore
from lt_bench.media.audio import write_wav
from lt_bench.media.image import write_png
from lt_bench.media.video import write_video

SIDE, FRAMES = 64, 60
COLOURS = {"ann": (220, 60, 60), "bob": (60, 220, 60), "cid": (60, 60, 220)}
FIELDS = {name: (i // 4 * 16, i % 4 * 16) for i, name in enumerate(READINGS)}
SHADES = {name: (0.5, 0.4) if name in ("width", "yaw", "pitch", "roll") else (0.1, 0.8) for name in READINGS}
"""Brightness is offset + scale * value."""


def smooth_truth(seed: int, frames: int = FRAMES) -> np.ndarray:
    """States in plausible ranges that vary smoothly, other for every seed."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(size=(frames + 8, len(TRUTH_COLUMNS)))
    smooth = np.stack([np.convolve(w, np.hanning(9) / 2, "valid") for w in waves.T], axis=1)
    states = np.clip(0.5 + 0.25 * smooth, 0, 1)
    states[:, 1] = 2 * states[:, 1] - 1
    states[:, 3] = np.arange(frames) % 20 > 16
    states[:, 5:8] = 0.3 * smooth[:, 5:8]
    return states.astype(np.float32)


def paint(states: np.ndarray, identity: str) -> np.ndarray:
    """Frames (F, 64, 64, 3) that show the states, and the identity as the colour of the lower half."""
    frames = np.full((len(states), SIDE, SIDE, 3), 128.0)
    for name, (y, x) in FIELDS.items():
        offset, scale = SHADES[name]
        value = states[:, TRUTH_COLUMNS.index(name)]
        frames[:, y : y + 16, x : x + 16] = (255 * (offset + scale * value))[:, None, None, None]
    frames[:, 32:] = COLOURS[identity]
    return np.clip(np.round(frames), 0, 255).astype(np.uint8)


def read_painting(frames: np.ndarray) -> ProbeReadings:
    """The inverse of ``paint``, with the colour's direction as the embedding."""
    values = {}
    for name, (y, x) in FIELDS.items():
        offset, scale = SHADES[name]
        inside = frames[:, y + 4 : y + 12, x + 4 : x + 12].astype(np.float32)
        values[name] = (inside.mean(axis=(1, 2, 3)) / 255 - offset) / scale
    colour = frames[:, 36:60].astype(np.float32).mean(axis=(1, 2)) - 113
    return ProbeReadings(**values, embedding=colour / np.linalg.norm(colour, axis=1, keepdims=True))


def tone(frames: int, seed: int = 0) -> np.ndarray:
    """Sound of so many frames."""
    return (0.1 * np.random.default_rng(seed).normal(size=frames * 640)).clip(-1, 1).astype(np.float32)


@dataclass
class PaintedSet:
    """A real set on disk and what it was painted from."""

    folder: Path
    states: dict[str, np.ndarray] = field(default_factory=dict)
    identities: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def painted(tmp_path_factory: pytest.TempPathFactory) -> PaintedSet:
    """Three identities; bob has two clips; each has a gallery take."""
    made = PaintedSet(tmp_path_factory.mktemp("painted") / "test")
    made.folder.mkdir()
    entries = []
    takes = [("ann", 0), ("bob", 0), ("bob", 1), ("cid", 0), ("ann", 9), ("bob", 9), ("cid", 9)]
    for seed, (who, take) in enumerate(takes):
        name = f"{who}_{take}"
        states = smooth_truth(seed)
        write_video(made.folder / f"{name}.mp4", paint(states, who), audio=tone(FRAMES, seed), preset="ultrafast")
        write_wav(made.folder / f"{name}.wav", tone(FRAMES, seed))
        write_png(made.folder / f"{name}.png", paint(states[:1], who)[0])
        save_file({"truth": states}, made.folder / f"{name}.truth.safetensors")
        entries.append(real_clip(made.folder, name, who, "gallery" if take == 9 else "clip", FRAMES, True))
        if take != 9:
            made.states[name], made.identities[name] = states, who
    write_real_set(made.folder, "painted", "test", SIDE, entries)
    return made


@pytest.fixture
def generate(painted: PaintedSet, tmp_path: Path) -> Callable[..., Path]:
    """Write a system's videos: ``generate(change)`` with ``change(id, states) -> (states, identity)``."""

    def write(change: Callable[[str, np.ndarray], tuple[np.ndarray, str]] | None = None, name: str = "made") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for clip, states in painted.states.items():
            shown, who = change(clip, states) if change else (states, painted.identities[clip])
            video = paint(shown, who)
            write_video(folder / f"{clip}.mp4", video, audio=tone(len(video)), crf=18, preset="ultrafast")
        return folder

    return write


@pytest.fixture
def probe_calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the stand-in read paintings; the list grows by the frames of each video it was shown."""
    calls: list[int] = []

    def read(frames: np.ndarray) -> ProbeReadings:
        calls.append(len(frames))
        return read_painting(frames)

    monkeypatch.setattr("lt_bench.evaluation.metrics.synthetic.probe_track.probe_frames", read)
    return calls


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the user's cache or assets, unless it asks for the mirror."""
    monkeypatch.setenv("LT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LT_BENCH_MIRROR", raising=False)


@pytest.fixture
def clip_of(tmp_path: Path) -> Callable[..., ClipContext]:
    """A clip of frames in memory: ``clip_of(generated, real, first=0, name="a", faces=None, audio=None)``.

    ``faces`` are the tracks of both videos, ``audio`` the sound of both; the first real frame is the portrait.
    """
    tools = Tools(FeatureStore(tmp_path / "store"))

    def view(frames: np.ndarray, path: Path, real: bool, track: object, audio: object) -> VideoView:
        path.write_bytes(frames.tobytes())  # what addresses its features
        made = VideoView(path, lambda: frames, "", 25.0, tools, real)
        made.__dict__.update({key: it for key, it in (("faces", track), ("audio", audio)) if it is not None})
        return made

    def make(
        generated: np.ndarray,
        real: np.ndarray,
        first: int = 0,
        name: str = "a",
        faces: tuple[object, object] = (None, None),
        audio: np.ndarray | None = None,
    ) -> ClipContext:
        folders = [tmp_path / side for side in ("generated", "real")]
        for folder in folders:
            folder.mkdir(exist_ok=True)
        views = [
            view(frames, folder / f"{name}.mp4", is_real, track, audio)
            for frames, folder, is_real, track in zip((generated, real), folders, (False, True), faces, strict=True)
        ]
        return ClipContext(name, name, *views, first, lambda: real[0])

    return make


def _random_inception(path: Path) -> Path:
    """Random weights under the published file's names, scaled so that features neither vanish nor explode."""
    import torch
    from torchvision.models import inception_v3

    state = inception_v3(weights=None, num_classes=1008, aux_logits=False, init_weights=False).state_dict()
    generator = torch.Generator().manual_seed(0)
    for name, value in state.items():
        if name.endswith("running_var") or (value.ndim == 1 and name.endswith("bn.weight")):
            value.uniform_(0.5, 1.5, generator=generator)
        elif value.ndim > 1:
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=generator)
        elif value.is_floating_point():
            value.normal_(0, 0.1, generator=generator)
    torch.save(state, path)
    return path


@pytest.fixture(scope="session")
def random_inception() -> Callable[[Path], Path]:
    """Writes a file of random weights of the TensorFlow Inception."""
    return _random_inception


def _onnx_file(path: Path, batch: int | str = 1) -> Path:
    """A network of one node, y = Flatten(x), written field by field: protobuf tags by their numbers in onnx.proto."""

    def field(number: int, value: bytes | int) -> bytes:
        if isinstance(value, int):
            return bytes([number << 3, value])
        size = len(value)
        return bytes([number << 3 | 2, *([size] if size < 128 else [size & 127 | 128, size >> 7])]) + value

    def dimension(side: int | str) -> bytes:
        return field(1, field(1, side) if isinstance(side, int) else field(2, side.encode()))

    def tensor(name: str, *sides: int | str) -> bytes:
        dims = b"".join(map(dimension, sides))
        return field(1, name.encode()) + field(2, field(1, field(1, 1) + field(2, dims)))

    node = field(1, b"x") + field(2, b"y") + field(4, b"Flatten")
    graph = field(1, node) + field(2, b"g") + field(11, tensor("x", batch, 3, 112, 112)) + field(12, tensor("y"))
    path.write_bytes(field(1, 8) + field(8, field(2, 13)) + field(7, graph))
    return path


@pytest.fixture(scope="session")
def onnx_file() -> Callable[..., Path]:
    """Writes an ONNX network that gives back its input, flat: 1 x 3 x 112 x 112, or of another or a named batch."""
    return _onnx_file
