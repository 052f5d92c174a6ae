"""Peak memory of generating a short and a long video: of ``lt-bench generate`` and of a batch of ``generate_split``.

    python experiments/performance/long_video_memory.py --checkpoint MODEL --portrait PICTURE --audio SOUND --out FILE

The sound is repeated to each length. Every measurement is a process of its own, whose largest resident set the system
reports when it ends. One sampling step is taken without guidance, for memory does not depend on their number.
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
STEPS = 1


def main() -> None:
    """Measure, write the result file and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("checkpoint", "portrait", "audio", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--seconds", type=float, nargs="+", default=[4, 240])
    parser.add_argument("--batch", type=int, default=2, help="clips side by side in generate_split")
    arguments = parser.parse_args()
    rows = [row for seconds in arguments.seconds for row in measure(arguments, seconds)]
    document = {
        "what": "largest resident set of the whole process, in MiB",
        "model": arguments.checkpoint.name,
        "sampling_steps": STEPS,
        "split_batch_size": arguments.batch,
        "rows": rows,
    }
    write_json(arguments.out, {**document, "machine": machine()})
    for row in rows:
        length, peak, seconds = row["video_seconds"], row["peak_mib"], row["seconds"]
        print(f"{row['command']:15} {length:6.0f} s video  {peak:7.1f} MiB  {seconds:7.1f} s")


def measure(arguments: argparse.Namespace, seconds: float) -> list[dict[str, Any]]:
    """Both commands at one length."""
    with tempfile.TemporaryDirectory(dir=arguments.out.parent) as name:
        folder = Path(name)
        voice = read_audio(arguments.audio, RATE)
        write_wav(folder / "voice.wav", np.resize(voice, round(seconds * RATE)), RATE)
        generate = ["-m", "lt_bench", "generate", "--checkpoint", str(arguments.checkpoint), "--no-crop"]
        generate += ["--portrait", str(arguments.portrait), "--audio", str(folder / "voice.wav")]
        generate += ["--out", str(folder / "out.mp4"), f"steps={STEPS}", "audio_scale=1"]
        make_set(folder / "real", arguments.portrait, folder / "voice.wav", round(seconds * FPS), arguments.batch)
        split = [__file__, "split", str(arguments.checkpoint), str(folder / "real"), str(folder / "made")]
        return [
            {"command": command, "video_seconds": seconds, **run([*words])}
            for command, words in (("generate", generate), ("generate_split", [*split, str(arguments.batch)]))
        ]


def run(words: list[str]) -> dict[str, float]:
    """Largest resident set and time of a Python process."""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(words)}: ended with exit code {child.returncode}")
    return {"peak_mib": round(usage.ru_maxrss / 1024, 1), "seconds": round(time.perf_counter() - start, 1)}


def make_set(folder: Path, portrait: Path, voice: Path, frames: int, clips: int) -> None:
    """A real set of as many clips as a batch holds; generation reads neither their videos nor their identities."""
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
    """Generate a real set; run in a process of its own."""
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
