"""Turn a portrait and a voice, or a whole real set, into talking-head videos with a trained model.

The portrait may be any picture: for a model trained on real faces its face is found and cropped as in training; for one
trained on synthetic faces, or with --no-crop, the center square is taken. The voice may be any sound file, or a video
with sound, of at least one frame (40 ms); the video is as long as the voice. The video's sound is the given one, at its
rate and with its channels, up to two. Windows are written to the file as they are generated, so a long voice takes no
more memory than a short one.

With --real, every clip of a real set (CACHE/real/SPLIT) becomes OUT/<id>.mp4, ready for evaluate; --devices spreads the
clips over several GPUs. Existing videos are kept. Exit code: 0 every clip was generated, 1 some could not be, 2 bad
input.
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
from lt_bench.cli.parsing import add_devices_flag, at_least
from lt_bench.cli.plugin_option import add_plugin_flag
from lt_bench.conventions import FPS, SAMPLE_RATE

if TYPE_CHECKING:
    import numpy as np

    from lt_bench.config import SamplingConfig
    from lt_bench.media.sound import SpooledSound
    from lt_bench.models.checkpoint import ModelCard
    from lt_bench.shapes import UInt8

CHUNK = 1 << 20
"""Samples that are checked together."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument("--checkpoint", required=True, type=Path, metavar="MODEL", help="a run's model.safetensors")
    parser.add_argument("--portrait", type=Path, metavar="PICTURE", help="whose face: PNG, JPEG, ...")
    parser.add_argument("--audio", type=Path, metavar="SOUND", help="what is said: WAV, MP3, video")
    parser.add_argument("--out", required=True, type=Path, metavar="OUT", help="VIDEO.mp4, or with --real a folder")
    parser.add_argument("--real", type=Path, metavar="DIR", help="a real set, in place of a portrait and a voice")
    parser.add_argument("--clips", type=at_least(0), default=0, metavar="N", help="first N clips only (default: all)")
    parser.add_argument("--system", default="letstalk", metavar="NAME", help="name in tables (default: letstalk)")
    add_devices_flag(parser, "one process for each, with --real")
    parser.add_argument("--no-crop", action="store_true", help="take the centre square, do not look for a face")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="a key of sampling, as audio_scale=2")
    add_plugin_flag(parser)
    add_json_flag(parser)


def run(arguments: argparse.Namespace) -> int:
    """Generate the videos and report."""
    _check_inputs(arguments)
    if arguments.real is not None:
        from lt_bench.cli.generate_set import run_set

        return run_set(arguments)
    if arguments.devices:
        from lt_bench.devices import use_device

        use_device(arguments.devices[0])
    folder = _check_out(arguments.out)
    check_model_file(arguments.checkpoint)
    # Inputs are read before anything slow is loaded.
    from lt_bench.media.audio import spool_audio
    from lt_bench.media.image import read_image

    picture = read_image(arguments.portrait)
    with ExitStack() as stack:
        voice = stack.enter_context(spool_audio(arguments.audio, folder))
        frames = _frames(voice, arguments.audio)
        _check_heard(voice, arguments.audio)
        return _generate(arguments, picture, voice, frames, _given_sound(arguments.audio, folder, stack))


def _check_inputs(arguments: argparse.Namespace) -> None:
    """Either a portrait and a voice, on one device, or a real set."""
    from lt_bench.errors import ConfigError

    missing = [flag for flag in ("portrait", "audio") if getattr(arguments, flag) is None]
    if arguments.real is None:
        if missing:
            raise ConfigError(f"--{missing[0]}: expected a file, got none; --portrait and --audio, or --real")
        if len(arguments.devices) > 1:
            raise ConfigError(f"--devices: expected one device for one video, got {len(arguments.devices)}")
    elif len(missing) < 2 or arguments.no_crop:
        raise ConfigError("--real: expected no --portrait, --audio and --no-crop with it, got one")


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
    sampling = sampling_of(card, arguments.overrides)
    face = not arguments.no_crop and card.landmark_set != "synthetic"
    square = _square(picture, card.resolution, face, arguments.portrait)

    from lt_bench.media.video_writer import write_video
    from lt_bench.sampling.generation_pipeline import Pipeline
    from lt_bench.sampling.operations import count_operations

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
    """Return the existing folder in which the video, or its folder, will be created."""
    from lt_bench.errors import MediaError

    if out.suffix.lower() != ".mp4":
        raise MediaError(f"--out: expected a file ending in .mp4, got {out}")
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise MediaError(f"--out: expected a writable folder, got {folder}")
    return folder


def check_model_file(path: Path) -> None:
    """Refuse a missing model before PyTorch is imported, which takes seconds."""
    from lt_bench.errors import CheckpointError

    if not path.is_file():
        got = "no such file" if not path.exists() else "a folder" if path.is_dir() else "a special file"
        raise CheckpointError(f"{path}: expected a model file, got {got}; a run's is RUN/model.safetensors")


def _check_heard(voice: SpooledSound, path: Path) -> None:
    """Refuse a silent voice, to which lips would move at random."""
    import numpy as np

    from lt_bench.config.data import QualityConfig
    from lt_bench.errors import MediaError

    power = sum(float(np.square(voice[k : k + CHUNK], dtype=np.float64).sum()) for k in range(0, len(voice), CHUNK))
    least = QualityConfig().min_loudness_db
    if power / len(voice) < 10 ** (least / 10):
        raise MediaError(
            f"{path}: expected a voice of at least {least:g} dB of full scale, got silence; choose another file"
        )


@dataclass(frozen=True)
class _GivenSound:
    """Sound of the video, as it was given."""

    channels: tuple[SpooledSound, ...]
    rate: int


def _given_sound(path: Path, folder: Path, stack: ExitStack) -> _GivenSound:
    """Return the sound at its own rate, or the next rate that AAC has; stereo is kept, more channels are mixed."""
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


def sampling_of(card: ModelCard, overrides: list[str]) -> SamplingConfig:
    """The sampling that a model was trained with, and changes to it."""
    from lt_bench.config import SamplingConfig, apply_overrides, parse_config, to_dict

    return parse_config(SamplingConfig, apply_overrides(to_dict(card.config.sampling), overrides), "sampling")


def _square(picture: UInt8[np.ndarray, "H W 3"], side: int, face: bool, path: Path) -> Any:
    from lt_bench.cli.portrait_picture import square_portrait
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
