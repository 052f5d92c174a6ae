"""Measure the peak memory of generating short and long videos with ``lt-bench generate`` and ``generate_split``.

    python experiments/performance/long_video_memory.py [--checkpoint MODEL --portrait PICTURE --audio SOUND] --out FILE

Without a model, it uses a network of size tiny with random weights, for 64-pixel videos, with a picture and a sound of
noise. The sound is repeated to each length. Every measurement is a separate process, whose largest resident set the
system reports when it ends. One sampling step is taken without guidance, because memory does not depend on the number.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from measure import machine

from lt_bench.files import write_json
from lt_bench.media.audio import read_audio, write_wav

RATE, FPS = 16000, 25
INPUTS = ("checkpoint", "portrait", "audio")
STEPS = 1
SIDE = 64
RUN = {
    "model": {"preset": "tiny", "frames": 16, "motion_frames": 2, "learn_sigma": False},
    "diffusion": {"schedule": "flow", "prediction": "sample"},
    "sampling": {"sampler": "flow_euler"},
}


def main() -> None:
    """Measure, write the result file and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in INPUTS:
        parser.add_argument(f"--{name}", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seconds", type=float, nargs="+", default=[4, 240])
    parser.add_argument("--batch", type=int, default=2, help="clips side by side in generate_split")
    arguments = parser.parse_args()
    given = [getattr(arguments, name) for name in INPUTS]
    if any(given) and not all(given):
        parser.error("give a checkpoint, a portrait and an audio file, or none of them")
    with tempfile.TemporaryDirectory() as name:
        work, lengths = Path(name), arguments.seconds
        model, picture, sound = given if all(given) else untrained(work)
        rows = [row for s in lengths for row in measure(model, picture, sound, s, arguments.batch, work)]
    document = {
        "what": "largest resident set of the whole process, in MiB",
        "model": model.name,
        "sampling_steps": STEPS,
        "split_batch_size": arguments.batch,
        "rows": rows,
    }
    write_json(arguments.out, {**document, "machine": machine()})
    for row in rows:
        length, peak, seconds = row["video_seconds"], row["peak_mib"], row["seconds"]
        print(f"{row['command']:15} {length:6.0f} s video  {peak:7.1f} MiB  {seconds:7.1f} s")


def measure(
    checkpoint: Path, portrait: Path, audio: Path, seconds: float, batch: int, work: Path
) -> list[dict[str, Any]]:
    """Measure both commands at one length."""
    with tempfile.TemporaryDirectory(dir=work) as name:
        folder = Path(name)
        write_wav(folder / "voice.wav", np.resize(read_audio(audio, RATE), round(seconds * RATE)), RATE)
        generate = ["-m", "lt_bench", "generate", "--checkpoint", str(checkpoint), "--no-crop"]
        generate += ["--portrait", str(portrait), "--audio", str(folder / "voice.wav")]
        generate += ["--out", str(folder / "out.mp4"), f"steps={STEPS}", "audio_scale=1"]
        make_set(folder / "real", portrait, folder / "voice.wav", round(seconds * FPS), batch)
        split = [__file__, "split", str(checkpoint), str(folder / "real"), str(folder / "made"), str(batch)]
        return [
            {"command": command, "video_seconds": seconds, **run(words)}
            for command, words in (("generate", generate), ("generate_split", split))
        ]


def untrained(folder: Path) -> tuple[Path, Path, Path]:
    """Write a model file of random weights, a picture and a second of sound."""
    import torch

    from lt_bench.config import RunConfig, parse_config
    from lt_bench.media.image import write_png
    from lt_bench.models.build import build_model
    from lt_bench.models.checkpoint import ModelCard, save_model
    from lt_bench.models.codecs.base import build_codec
    from lt_bench.perception.speech.base import build_speech_encoder

    codec, speech = build_codec("dct"), build_speech_encoder("log_mel")
    config = parse_config(RunConfig, RUN)
    shape, heard = (codec.channels, SIDE // codec.factor, SIDE // codec.factor), (speech.layers, speech.dim)
    torch.manual_seed(0)
    weights = build_model(config.model, shape, heard).state_dict()
    card = ModelCard(
        config=config,
        latent_shape=shape,
        resolution=SIDE,
        codec="dct",
        codec_hash=codec.hash,
        scaling=codec.scaling,
        speech_encoder="log_mel",
        speech_hash=speech.hash,
        speech_shape=heard,
        dataset="none: untrained",
        landmark_set="none",
        cache_hash="",
        parameters=sum(value.numel() for value in weights.values()),
        steps=0,
        seconds=0.0,
        peak_memory=0,
    )
    save_model(folder / "untrained.safetensors", card, {"raw": weights, "ema": weights})
    rng = np.random.default_rng(0)
    write_png(folder / "portrait.png", rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8))
    write_wav(folder / "sound.wav", rng.uniform(-0.3, 0.3, RATE).astype(np.float32), RATE)
    return folder / "untrained.safetensors", folder / "portrait.png", folder / "sound.wav"


def run(words: list[str]) -> dict[str, float]:
    """Return the largest resident set and the time of a Python process."""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(words)}: ended with exit code {child.returncode}")
    return {"peak_mib": round(usage.ru_maxrss / 1024, 1), "seconds": round(time.perf_counter() - start, 1)}


def make_set(folder: Path, portrait: Path, voice: Path, frames: int, clips: int) -> None:
    """Write a real set with as many clips as a batch; generation reads neither their videos nor their identities."""
    from lt_bench.data.real_set import real_clip, write_real_set
    from lt_bench.media.image import read_image, write_png

    picture = read_image(portrait)
    made = []
    for index in range(clips):
        write_png(folder / f"clip{index}.png", picture)
        (folder / f"clip{index}.wav").write_bytes(voice.read_bytes())
        (folder / f"clip{index}.mp4").write_bytes(b"not read")
        made.append(real_clip(folder, f"clip{index}", f"who{index}", "clip", frames, False))
    write_real_set(folder, "synthetic", "test", picture.shape[0], made)


def split(checkpoint: str, real: str, out: str, batch: str) -> None:
    """Generate a real set; run in a separate process."""
    from dataclasses import replace

    from lt_bench.models.checkpoint import load_model
    from lt_bench.sampling.videos import generate_split

    loaded = load_model(checkpoint)
    sampling = replace(loaded.card.config.sampling, steps=STEPS, audio_scale=1.0, batch_size=int(batch))
    generate_split(loaded, Path(real), Path(out), sampling, device="cpu")


if __name__ == "__main__":
    if sys.argv[1:2] == ["split"]:
        split(*sys.argv[2:])
    else:
        main()
