"""Sound things that hostile ones are made from, and what must not be touched."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import yaml

TINY = yaml.safe_load((Path(__file__).resolve().parents[2] / "tiny_run.yaml").read_text(encoding="utf-8"))
RUN = {
    **TINY,
    "data": {**TINY["data"], "cache": "fixtures/cache"},
    "train": {**TINY["train"], "ema_decay": 0.0},
    "sampling": {"sampler": "flow_euler", "steps": 1, "weights": "raw"},
}
PIXELS = "id: pixels\nversion: 1\nabout: for the corpus\nsize: 64\nscores: [{name: psnr}]\n"
PLUGIN = "from pathlib import Path\n\nPath('canary').write_text('a plugin ran')\n"


def build_fixtures(sandbox: Path) -> None:
    """Make ``fixtures`` and ``outside`` in the sandbox, which is the current folder."""
    from hostile.videos import encode, frames, good
    from lt_bench.cli.caches import ensure_cache
    from lt_bench.config import DataConfig, parse_config
    from lt_bench.evaluation.results.result_file import save_result
    from lt_bench.leaderboard.submission import pack_submission
    from lt_bench.media.audio import write_wav
    from lt_bench.media.image import write_png

    made, outside = sandbox / "fixtures", sandbox / "outside"
    outside.mkdir(parents=True)
    good(outside / "secret.mp4")
    (outside / "notes.txt").write_text("nobody may change this")
    (made / "real").mkdir(parents=True)
    ensure_cache(parse_config(DataConfig, RUN["data"]), workers=1)
    shutil.copytree(made / "cache" / "real" / "test", made / "real", dirs_exist_ok=True)
    (made / "run.yaml").write_text(yaml.safe_dump(RUN))
    (made / "pixels.yaml").write_text(PIXELS)
    (made / "evil.py").write_text(PLUGIN)
    rng = np.random.default_rng(0)
    write_png(made / "face.png", rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    write_wav(made / "voice.wav", (0.1 * rng.normal(size=640 * 4)).clip(-1, 1).astype(np.float32))
    save_result(_result(), made / "result.json")
    pack_submission(made / "result.json", made / "pack.zip")
    _model(made / "model.safetensors")
    good(made / "fine.mp4")
    encode(made / "real.mp4", frames() // 2 + 60)


def _result() -> object:
    from lt_bench.evaluation.results.result_file import Clip, ProtocolRef, RealSetRef, Result, Score
    from lt_bench.evaluation.results.settings import hash_of_settings

    clips = tuple(Clip(f"clip{k}", f"who{k}", 30) for k in range(4))
    values = {clip.id: 20.0 + k for k, clip in enumerate(clips)}
    score = Score(
        name="psnr", title="PSNR", unit="dB", higher_is_better=True, target=None, scope="video", aggregate="mean",
        source="made up for the corpus", detector="", value=21.5, interval=None, scored=4, per_video=values,
        reference=None, missing=None, settings={}, settings_hash=hash_of_settings({}),
    )  # fmt: skip
    protocol = ProtocolRef("pixels", 1, "f" * 64, 64, 64, 25.0, 0)
    return Result("made-up", protocol, RealSetRef("a" * 64, "corpus", "test"), clips, (), {"psnr": score}, seed=0)


def _model(path: Path) -> None:
    from lt_bench.config import RunConfig, parse_config
    from lt_bench.models.build import build_model
    from lt_bench.models.checkpoint import ModelCard, save_model
    from lt_bench.models.codecs.base import build_codec
    from lt_bench.perception.speech.base import build_speech_encoder

    codec, speech = build_codec("dct"), build_speech_encoder("log_mel")
    card = ModelCard(
        config=parse_config(RunConfig, RUN), latent_shape=(codec.channels, 4, 4), resolution=32, codec="dct",
        codec_hash=codec.hash, scaling=codec.scaling, speech_encoder="log_mel", speech_hash=speech.hash,
        speech_shape=(speech.layers, speech.dim), dataset="synthetic", landmark_set="synthetic", cache_hash="00",
        parameters=1, steps=0, seconds=0.0, peak_memory=0,
    )  # fmt: skip
    model = build_model(card.config.model, card.latent_shape, card.speech_shape)
    save_model(path, card, {"raw": model.state_dict()})
