"""Score the test clips after encoding and decoding, which limits the scores of any model on these latents.

    python experiments/fusion_ablation/codec_ceiling.py CACHE --out FOLDER

Writes ``videos/`` and ``result.json``. A model on these latents cannot recover the losses of the codec and its videos.
The same file contains the scores of the real videos, as the ceiling.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from lt_bench.conventions import FPS, SAMPLE_RATE
from lt_bench.data.cache import LatentCache
from lt_bench.data.real_set import read_real_set
from lt_bench.evaluation.harness import Harness
from lt_bench.evaluation.results.result_file import save_result
from lt_bench.media.audio import spool_audio
from lt_bench.media.sound import SpooledSound
from lt_bench.media.video_writer import video_writer
from lt_bench.models.codecs import build_codec, tensor_to_frames


def write_reconstructions(cache: LatentCache, videos: Path) -> None:
    """``videos/<id>.mp4`` of every clip of the test split, from its latents in the cache."""
    codec, real = build_codec(cache.info.codec.name), read_real_set(cache.real_folder("test"))
    audio = {clip.id: real.folder / clip.audio for clip in real.clips if clip.role == "clip"}
    for record in (record for record in cache.records("test") if record.id in audio):
        raw = cache.scaling.latents_to_raw(cache.read_latents(record, 0, record.frames))
        with spool_audio(audio[record.id], videos, SAMPLE_RATE) as voice:
            write(videos / f"{record.id}.mp4", tensor_to_frames(codec.decode(raw)), voice)


def write(path: Path, frames: np.ndarray, voice: SpooledSound) -> None:
    """An mp4, as generation writes it."""
    with video_writer(path, FPS, voice, SAMPLE_RATE) as add:
        for frame in frames:
            add(frame)


def main() -> None:
    """Encode, decode and score the test clips."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    cache, videos = LatentCache.open(arguments.cache), arguments.out / "videos"
    videos.mkdir(parents=True, exist_ok=True)
    write_reconstructions(cache, videos)
    result = Harness("synthetic-v1").evaluate(
        cache.real_folder("test"), videos, system=f"codec {cache.info.codec.name}"
    )
    save_result(result, arguments.out / "result.json")
    for name, score in result.scores.items():
        print(f"{name:20} {score.value if score.value is not None else score.missing}")


if __name__ == "__main__":
    main()
