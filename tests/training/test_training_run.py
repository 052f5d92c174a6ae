from __future__ import annotations

import csv
import dataclasses
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from safetensors.torch import load_file

from lt_bench.config import RunConfig
from lt_bench.data.cache import LatentCache
from lt_bench.errors import CheckpointError, ConfigError, TrainingError
from lt_bench.files import sha256_file
from lt_bench.models.checkpoint import load_model, read_card
from lt_bench.training.run import build_module, train

MakeRun = Callable[..., RunConfig]
UNTIMED = ("step", "loss", "learning_rate", "grad_norm", "validation_loss")


def _curve(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as stream:
        return [{key: row[key] for key in UNTIMED} for row in csv.DictReader(stream)]


def _bytes(folder: Path) -> dict[str, bytes]:
    return {name: t.numpy().tobytes() for name, t in load_file(folder / "model.safetensors").items()}


class _Kill(pl.Callback):
    """Kills the process, without any clean-up, when a step has been taken."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            os.kill(os.getpid(), signal.SIGKILL)


class _KillBeforeValidation(_Kill):
    """Kills the process when the validation of a step begins."""

    def on_train_batch_end(self, *_: Any) -> None:
        """Not yet."""

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        super().on_train_batch_end(trainer)


def _train_until_killed(
    config: RunConfig, out: Path, cache: LatentCache, step: int, kill: type[_Kill] = _Kill
) -> int | None:
    context = multiprocessing.get_context("fork")
    child = context.Process(target=train, args=(config, out, cache, [kill(step)], False))
    child.start()
    child.join()
    return child.exitcode


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("changes", [{}, {"validate_every": 2, "motion_dropout": 0.5}])
def test_a_killed_and_resumed_run_gives_the_same_weights_bit_for_bit(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, changes: dict[str, Any]
) -> None:
    config = make_run(**changes)
    train(config, tmp_path / "whole", toy_cache, progress=False)
    assert _train_until_killed(config, tmp_path / "killed", toy_cache, step=3) == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    outcome = train(config, tmp_path / "killed", toy_cache, progress=False)
    assert outcome.resumed_from == 2
    assert _bytes(tmp_path / "killed") == _bytes(tmp_path / "whole")
    assert _curve(tmp_path / "killed") == _curve(tmp_path / "whole")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_run_that_is_killed_before_a_validation_still_has_it_in_its_curve(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    config = make_run(validate_every=2)
    train(config, tmp_path / "whole", toy_cache, progress=False)
    killed = _train_until_killed(config, tmp_path / "killed", toy_cache, step=4, kill=_KillBeforeValidation)
    assert killed == -signal.SIGKILL
    train(config, tmp_path / "killed", toy_cache, progress=False)
    assert _curve(tmp_path / "killed") == _curve(tmp_path / "whole")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_run_goes_on_whose_curve_ends_with_a_validation_alone(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    config = make_run(log_every=2, validate_every=3, checkpoint_every=3)
    train(config, tmp_path / "whole", toy_cache, progress=False)
    assert _train_until_killed(config, tmp_path / "killed", toy_cache, step=4) == -signal.SIGKILL
    assert train(config, tmp_path / "killed", toy_cache, progress=False).resumed_from == 3
    assert _curve(tmp_path / "killed") == _curve(tmp_path / "whole")


def test_a_finished_run_is_not_trained_again(toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path) -> None:
    first = train(make_run(), tmp_path, toy_cache, progress=False)
    stamp = first.model_file.stat().st_mtime_ns
    again = train(make_run(), tmp_path, toy_cache, progress=False)
    assert again.model_file.stat().st_mtime_ns == stamp
    assert (again.steps, again.seconds, again.resumed_from) == (6, first.seconds, 6)


@pytest.mark.parametrize("changes", [{}, {"validate_every": 3}])
def test_a_finished_run_of_a_constant_rate_is_prolonged_as_if_it_had_never_ended(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, changes: dict[str, Any]
) -> None:
    train(make_run(steps=10, decay="constant", **changes), tmp_path / "whole", toy_cache, progress=False)
    train(make_run(steps=6, decay="constant", **changes), tmp_path / "longer", toy_cache, progress=False)
    longer = make_run(steps=10, decay="constant", **changes)
    outcome = train(longer, tmp_path / "longer", toy_cache, progress=False)
    assert (outcome.steps, outcome.resumed_from) == (10, 6)
    assert read_card(outcome.model_file).config == longer
    assert _bytes(tmp_path / "longer") == _bytes(tmp_path / "whole")
    assert _curve(tmp_path / "longer") == _curve(tmp_path / "whole")
    assert train(longer, tmp_path / "longer", toy_cache, progress=False).resumed_from == 10


def test_a_run_whose_length_would_have_changed_its_steps_is_not_prolonged(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    train(make_run(steps=2), tmp_path / "falls", toy_cache, progress=False)
    with pytest.raises(CheckpointError, match=r"train\.steps: 4, got .* 2, .* only runs of train\.decay: constant"):
        train(make_run(steps=4), tmp_path / "falls", toy_cache, progress=False)
    constant = {"decay": "constant"}
    model = train(make_run(steps=4, **constant), tmp_path / "stays", toy_cache, progress=False).model_file
    with pytest.raises(CheckpointError, match=r"train\.steps: 2, got a run that has taken 4 steps; choose another"):
        train(make_run(steps=2, **constant), tmp_path / "stays", toy_cache, progress=False)
    (tmp_path / "stays" / "checkpoints" / "last.ckpt").unlink()
    with pytest.raises(CheckpointError, match="expected the run's checkpoint too, to go on from step 4 to 6, got none"):
        train(make_run(steps=6, **constant), tmp_path / "stays", toy_cache, progress=False)
    model.unlink()
    assert train(make_run(steps=6, **constant), tmp_path / "stays", toy_cache, progress=False).resumed_from is None


def test_a_plugin_is_recorded_and_a_run_does_not_go_on_with_another_version_of_it(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text("SCALE = 1\n")
    config = make_run()
    config = dataclasses.replace(config, model=dataclasses.replace(config.model, plugins=(str(plugin),)))
    model_file = train(config, tmp_path / "run", toy_cache, progress=False).model_file
    assert read_card(model_file).plugins == {"mine.py": sha256_file(plugin)}
    later = tmp_path / "sampler.py"
    later.write_text("STEPS = 1\n")
    more = dataclasses.replace(config, model=dataclasses.replace(config.model, plugins=(str(plugin), str(later))))
    assert train(more, tmp_path / "run", toy_cache, progress=False).model_file == model_file
    plugin.write_text("SCALE = 2\n")
    with pytest.raises(CheckpointError, match=r"model.safetensors: expected a run with plugin mine.py of sha256"):
        train(config, tmp_path / "run", toy_cache, progress=False)
    model_file.unlink()
    with pytest.raises(CheckpointError, match=r"last.ckpt: expected a run with plugin mine.py of sha256"):
        train(config, tmp_path / "run", toy_cache, progress=False)


def test_a_checkpoint_from_before_a_key_existed_goes_on(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    train(make_run(), tmp_path, toy_cache, progress=False)
    (tmp_path / "model.safetensors").unlink()
    path = tmp_path / "checkpoints" / "last.ckpt"
    document = torch.load(path, weights_only=True)
    del document["lt_bench"]["config"]["train"]["accumulate"], document["lt_bench"]["config"]["model"]["family"]
    torch.save(document, path)
    assert train(make_run(), tmp_path, toy_cache, progress=False).resumed_from == 6


def test_a_run_killed_before_its_export_only_exports(toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path) -> None:
    train(make_run(), tmp_path, toy_cache, progress=False)
    expected = _bytes(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    assert train(make_run(), tmp_path, toy_cache, progress=False).resumed_from == 6
    assert _bytes(tmp_path) == expected


def test_every_parameter_trains_the_audio_projector_too(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    config = make_run(steps=8, audio_dropout=0.5, portrait_dropout=0.5)
    before = build_module(config, toy_cache).model.state_dict()
    model = load_model(train(config, tmp_path, toy_cache, progress=False).model_file, weights="raw").model
    still = [name for name, value in model.named_parameters() if torch.equal(value, before[name])]
    assert still == []
    assert any(name.startswith("audio_projector.layers") for name in before)


def test_initial_weights_depend_on_the_seed_alone(toy_cache: LatentCache, make_run: MakeRun) -> None:
    torch.manual_seed(1)
    first = build_module(make_run(seed=3), toy_cache).model.state_dict()
    state = torch.get_rng_state()
    second = build_module(make_run(seed=3), toy_cache).model.state_dict()
    other = build_module(make_run(seed=4), toy_cache).model.state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["patches.proj.weight"], other["patches.proj.weight"])


class _Gradients(pl.Callback):
    """Notes the norm of the gradient that each step was made with, and the norm before clipping."""

    def __init__(self) -> None:
        self.used: list[float] = []
        self.raw: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        self.used.append(float(torch.nn.utils.get_total_norm([p.grad for p in pl_module.parameters()])))
        self.raw.append(pl_module.grad_norm)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_clipping_bounds_the_gradient_that_is_used(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, precision: str
) -> None:
    notes = _Gradients()
    config = make_run(steps=3, gradient_clip=0.01, precision=precision)
    train(config, tmp_path, toy_cache, [notes], progress=False)
    assert min(notes.raw) > 0.1
    assert notes.used == pytest.approx([0.01] * 3, rel=1e-3)


def test_gradients_are_not_clipped_with_a_limit_of_zero(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    notes = _Gradients()
    train(make_run(steps=2, gradient_clip=0), tmp_path, toy_cache, [notes], progress=False)
    assert notes.used == pytest.approx(notes.raw, rel=1e-5)


class _Weights(pl.Callback):
    def __init__(self) -> None:
        self.steps: list[torch.Tensor] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        self.steps.append(pl_module.model.final.proj.weight.detach().double().clone())


def test_the_average_is_the_ramped_moving_average_of_the_steps(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    notes = _Weights()
    outcome = train(make_run(steps=8, ema_decay=0.3), tmp_path, toy_cache, [notes], progress=False)
    expected = notes.steps[0]
    for step, weights in enumerate(notes.steps[1:], start=1):
        decay = min(0.3, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weights
    average = load_model(outcome.model_file, "ema").model.final.proj.weight.double()
    raw = load_model(outcome.model_file, "raw").model.final.proj.weight.double()
    assert torch.allclose(average, expected, atol=1e-7)
    assert torch.equal(raw, notes.steps[-1])
    assert not torch.allclose(raw, average, atol=1e-7)


def test_a_run_without_average_exports_raw_weights_only(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"sampling\.weights: expected raw"):
        train(make_run(ema_decay=0.0), tmp_path, toy_cache, progress=False)
    config = make_run(ema_decay=0.0, sampling={"weights": "raw"})
    file = train(config, tmp_path, toy_cache, progress=False).model_file
    assert load_model(file, "raw").card.config == config
    with pytest.raises(CheckpointError, match="expected 'ema' weights"):
        load_model(file)


def test_training_learns_the_toy_data(toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path) -> None:
    config = make_run(steps=40, learning_rate=1e-2, log_every=10, checkpoint_every=40)
    train(config, tmp_path, toy_cache, progress=False)
    losses = [float(row["loss"]) for row in _curve(tmp_path)]
    assert losses[-1] < 0.7 * losses[0]


def test_a_loss_that_is_no_number_stops_training(toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="expected a finite gradient"):
        train(make_run(learning_rate=1e30, warmup_steps=0), tmp_path, toy_cache, progress=False)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"learning_rate": 2e-3}, "train.learning_rate"),
        ({"seed": 1}, "train.seed"),
        ({"model": {"fusion": {"audio": "symbiotic"}}}, "model.fusion.audio"),
    ],
)
def test_a_checkpoint_of_another_config_is_refused_by_key(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, changes: dict[str, Any], key: str
) -> None:
    train(make_run(steps=1), tmp_path, toy_cache, progress=False)
    with pytest.raises(CheckpointError, match=f"expected {key}: "):
        train(make_run(steps=1, **changes), tmp_path, toy_cache, progress=False)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=f"expected {key}: "):
        train(make_run(steps=1, **changes), tmp_path, toy_cache, progress=False)
    train(make_run(steps=1, log_every=7, sampling={"steps": 9}), tmp_path, toy_cache, progress=False)


def test_a_damaged_checkpoint_is_one_line(toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "last.ckpt"
    path.parent.mkdir()
    for content in (b"", b"not a checkpoint", b"PK\x03\x04 half a zip"):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"last\.ckpt: expected a checkpoint") as caught:
            train(make_run(), tmp_path, toy_cache, progress=False)
        assert "\n" not in str(caught.value)


class _Evil:
    def __reduce__(self) -> Any:
        return os.system, ("false",)


def test_a_checkpoint_cannot_run_code(toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path) -> None:
    path = tmp_path / "checkpoints" / "last.ckpt"
    path.parent.mkdir()
    torch.save({"lt_bench": _Evil()}, path)
    with pytest.raises(CheckpointError, match="expected a checkpoint"):
        train(make_run(), tmp_path, toy_cache, progress=False)


def test_an_interrupt_stays_an_interrupt(toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path) -> None:
    class Interrupt(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            raise KeyboardInterrupt

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(make_run(), tmp_path, toy_cache, [Interrupt()], progress=False)
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "train.steps"),
        ({"ema_decay": 1.0}, "train.ema_decay"),
        ({"audio_dropout": 1.5}, "train.audio_dropout"),
        ({"motion_noise": 2.0}, "train.motion_noise"),
        ({"learning_rate": -1.0}, "train.learning_rate: expected at least 0, got -1"),
        ({"gradient_clip": -1.0}, r"train.gradient_clip: expected at least 0 \(0: no clipping\), got -1"),
        ({"beta2": 2.0}, "train.beta2: expected 0 <= beta2 < 1, got 2"),
        ({"warmup_steps": -5}, "train.warmup_steps"),
        ({"threads": -1}, "train.threads"),
        ({"workers": -1}, "train.workers"),
        ({"log_every": 0}, "train.log_every: expected at least 1, got 0"),
        ({"validate_every": -1}, "train.validate_every"),
        ({"accumulate": 4}, "train.batch_size: expected a multiple"),
        ({"devices": 3}, "train.batch_size: expected a multiple"),
        ({"sampling": {"sampler": "ddim"}}, "sampling.sampler"),
        ({"model": {"patch_size": 3}}, "model.patch_size"),
    ],
)
def test_settings_that_do_not_go_together_fail_before_training(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(make_run(**changes), tmp_path, toy_cache, progress=False)
    assert not (tmp_path / "checkpoints").exists()


def test_progress_and_remarks_go_to_stderr_only(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train(make_run(steps=2), tmp_path, toy_cache)
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "2/2" in captured.err
    for noise in ("GPU available", "TPU", "tip", "litlogger", "`Trainer.fit` stopped", "Warning"):
        assert noise not in captured.err


class _Logger(pl.loggers.logger.DummyLogger):
    def __init__(self) -> None:
        super().__init__()
        self.logged: dict[int, dict[str, float]] = {}

    def log_metrics(self, metrics: dict[str, float], step: int, **_: Any) -> None:
        self.logged.setdefault(step, {}).update(metrics)


def test_loggers_receive_the_curves(toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path) -> None:
    logger = _Logger()
    train(make_run(validate_every=3), tmp_path, toy_cache, progress=False, loggers=[logger])
    names = {name for values in logger.logged.values() for name in values}
    assert {"train/loss", "train/grad_norm", "train/learning_rate", "validation/loss"} <= names
    rows = {row["step"]: row["validation_loss"] for row in _curve(tmp_path)}
    assert rows["3"]
    assert rows["6"]
    assert not rows["2"]


def test_deterministic_mode_is_on_while_training_and_off_after(
    toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path
) -> None:
    seen = []

    class Look(pl.Callback):
        def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
            seen.append(torch.are_deterministic_algorithms_enabled())

    train(make_run(steps=1, deterministic=True), tmp_path, toy_cache, [Look()], progress=False)
    assert seen == [True]
    assert not torch.are_deterministic_algorithms_enabled()


def _seconds(folder: Path) -> float:
    with (folder / "metrics.csv").open(newline="") as stream:
        return float(list(csv.DictReader(stream))[-1]["seconds"])


class _SlowValidation(pl.Callback):
    def on_validation_batch_start(self, *_: Any) -> None:
        time.sleep(0.02)


def test_training_time_is_without_validations(toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path) -> None:
    config = make_run(steps=6, validate_every=2)  # three validations of 32 batches: 1.9 s
    started = time.perf_counter()
    outcome = train(config, tmp_path, toy_cache, [_SlowValidation()], progress=False)
    assert time.perf_counter() - started > 1.92
    assert outcome.seconds < time.perf_counter() - started - 1.92
    assert _seconds(tmp_path) <= outcome.seconds


@pytest.mark.parametrize("portrait", ["one_way_symbiotic", "symbiotic", "direct"])
def test_bf16_trains_with_one_window(toy_cache: LatentCache, make_run: MakeRun, tmp_path: Path, portrait: str) -> None:
    run = make_run(steps=2, batch_size=1, precision="bf16")
    fusion = dataclasses.replace(run.model.fusion, portrait=portrait)
    config = dataclasses.replace(run, model=dataclasses.replace(run.model, fusion=fusion))
    assert train(config, tmp_path, toy_cache, progress=False).loss is not None
