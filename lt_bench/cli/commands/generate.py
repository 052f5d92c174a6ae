"""A portrait and a voice to a talking-head video, with a trained model.

The portrait may be any picture: for a model trained on real faces its face is found and cropped as in training; for
one trained on synthetic faces, or with --no-crop, the centre square is taken. The voice may be any sound file, or a
video with sound, of at least one frame (40 ms); the video is as long as the voice.
The video's sound is the given one, at its rate and with its channels, up to two.
Windows go to the file as they come, so a long voice takes no more memory than a short one.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lt_bench.cli.output import add_json_flag, print_json, progress_bar, stderr_console
from lt_bench.cli.plugins import add_plugin_flag
from lt_bench.conventions import FPS, SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np

    from lt_bench.config import SamplingConfig
    from lt_bench.media.sound import SpooledSound
    from lt_bench.models.checkpoint import ModelCard
    from lt_bench.shapes import UInt8

CHUNK = 1 << 20
"""Samples that are looked at together."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the verb."""
    parser.add_argument("--checkpoint", required=True, type=Path, metavar="MODEL", help="a run's model.safetensors")
    parser.add_argument("--portrait", required=True, type=Path, metavar="PICTURE", help="whose face: PNG, JPEG, ...")
    parser.add_argument("--audio", required=True, type=Path, metavar="SOUND", help="what is said: WAV, MP3, video")
    parser.add_argument("--out", required=True, type=Path, metavar="VIDEO.mp4", help="where the video goes")
    parser.add_argument("--no-crop", action="store_true", help="take the centre square, do not look for a face")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a key of sampling, as audio_scale=2")
    add_plugin_flag(parser)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Generate and report."""
    folder = _check_out(arguments.out)
    _check_model_file(arguments.checkpoint)
    # Inputs are read before anything slow is loaded.
    from lt_bench.media.audio import spool_audio
    from lt_bench.media.image import read_image

    picture = read_image(arguments.portrait)
    with ExitStack() as stack:
        voice = stack.enter_context(spool_audio(arguments.audio, folder))
        frames = _frames(voice, arguments.audio)
        _check_heard(voice, arguments.audio)
        return _generate(arguments, picture, voice, frames, _given_sound(arguments.audio, folder, stack))


def _generate(
    arguments: argparse.Namespace,
    picture: UInt8[np.ndarray, "H W 3"],
    voice: SpooledSound,
    frames: int,
    sound: _GivenSound,
) -> int:
    from lt_bench.models.checkpoint import load_model, read_card
    from lt_bench.plugins import load_plugins

    load_plugins(arguments.plugin)
    card = read_card(arguments.checkpoint)
    sampling = _sampling(card, arguments.overrides)
    face = not arguments.no_crop and card.landmark_set != "synthetic"
    square = _square(picture, card.resolution, face, arguments.portrait)

    from lt_bench.media.video_writer import write_video
    from lt_bench.sampling.operations import count_operations
    from lt_bench.sampling.pipeline import Pipeline

    pipeline = Pipeline(load_model(arguments.checkpoint, sampling.weights), sampling)
    start = time.perf_counter()
    request = pipeline.request("generate", square, voice, frames)
    write_video(arguments.out, _shown(pipeline.frames(request), frames), float(FPS), sound.channels, sound.rate)
    seconds = time.perf_counter() - start
    operations = count_operations(
        card.config.model, card.config.diffusion, sampling, card.latent_shape, card.speech_shape
    )
    report = {
        "video": str(arguments.out),
        "frames": frames,
        "resolution": card.resolution,
        "portrait_crop": "face" if face else "centre",
        "audio_rate": sound.rate,
        "audio_channels": len(sound.channels),
        "seconds": round(seconds, 3),
        "seconds_per_video_second": round(seconds * FPS / frames, 3),
        "macs_per_video_second": operations.of_video(frames) * FPS / frames,
        "sampling": vars(sampling),
    }
    if arguments.json:
        print_json(report)
    else:
        print(arguments.out)
    return 0


def _check_out(out: Path) -> Path:
    """The folder that exists already in which the video, or its folder, will be made."""
    from lt_bench.errors import MediaError

    if out.suffix.lower() != ".mp4":
        raise MediaError(f"--out: expected a file ending in .mp4, got {out}")
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise MediaError(f"--out: expected a writable folder, got {folder}")
    return folder


def _check_model_file(path: Path) -> None:
    """Refuse a missing model before PyTorch is imported, which takes seconds."""
    from lt_bench.errors import CheckpointError

    if not path.is_file():
        got = "no such file" if not path.exists() else "a folder" if path.is_dir() else "a special file"
        raise CheckpointError(f"{path}: expected a model file, got {got}; a run's is RUN/model.safetensors")


def _check_heard(voice: SpooledSound, path: Path) -> None:
    """Refuse silence, to which lips would move at random."""
    import numpy as np

    from lt_bench.config.data import QualityConfig
    from lt_bench.errors import MediaError

    power = sum(float(np.square(voice[k : k + CHUNK], dtype=np.float64).sum()) for k in range(0, len(voice), CHUNK))
    least = QualityConfig().min_loudness_db
    if power / len(voice) < 10 ** (least / 10):
        raise MediaError(f"{path}: expected a voice of at least {least:g} dB of full scale, got silence")


@dataclass(frozen=True)
class _GivenSound:
    """The sound as it was given, for the video."""

    channels: tuple[SpooledSound, ...]
    rate: int


def _given_sound(path: Path, folder: Path, stack: ExitStack) -> _GivenSound:
    """The given sound at its own rate, or the next that AAC knows; stereo stays stereo, more channels are mixed."""
    from lt_bench.media.audio import spool_audio
    from lt_bench.media.tracks import probe_track
    from lt_bench.media.video_writer import AAC_RATES

    info = probe_track(path)
    rate = min((rate for rate in AAC_RATES if rate >= info.rate), default=max(AAC_RATES))
    numbers = (0, 1) if info.channels == 2 else (None,)
    channels = (stack.enter_context(spool_audio(path, folder, rate, number)) for number in numbers)
    return _GivenSound(tuple(channels), rate)


def _frames(voice: SpooledSound, path: Path) -> int:
    from lt_bench.errors import MediaError
    from lt_bench.perception.speech.base import SAMPLES_PER_FRAME

    if len(voice) < SAMPLES_PER_FRAME:
        length = f"{1000 * len(voice) / SAMPLE_RATE:.0f} ms"
        raise MediaError(f"{path}: expected sound of at least one frame (40 ms), got {length}")
    return len(voice) // SAMPLES_PER_FRAME


def _sampling(card: ModelCard, overrides: list[str]) -> SamplingConfig:
    from lt_bench.config import SamplingConfig, apply_overrides, parse_config, to_dict

    return parse_config(SamplingConfig, apply_overrides(to_dict(card.config.sampling), overrides), "sampling")


def _square(picture: UInt8[np.ndarray, "H W 3"], side: int, face: bool, path: Path) -> Any:
    from lt_bench.cli.portrait import square_portrait
    from lt_bench.errors import FaceError

    try:
        portrait = square_portrait(picture, side, face)
    except FaceError as error:
        raise FaceError(f"{path}: {error}; --no-crop takes the centre square") from None
    for remark in portrait.remarks:
        stderr_console().print(f"{path}: {remark}", markup=False, highlight=False, soft_wrap=True)
    return portrait.square


def _shown(frames: Iterator[Any], total: int) -> Iterator[Any]:
    with progress_bar() as bar:
        task = bar.add_task("generating", total=total)
        for frame in frames:
            yield frame
            bar.advance(task)
