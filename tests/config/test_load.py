"""YAML is read strictly, and an error names the file, the key, what was expected and what was got."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.config import (
    Cell,
    ExperimentConfig,
    RunConfig,
    SearchConfig,
    TrainConfig,
    load_config,
    parse_config,
    to_dict,
    to_yaml,
)
from lt_bench.config.load import _parse
from lt_bench.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENTS = sorted(path for path in (ROOT / "experiments").rglob("*.yaml") if not path.name.startswith("_"))


def write(folder: Path, text: str, name: str = "c.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_experiment_in_the_repository_parses(path: Path) -> None:
    kind = SearchConfig if path.parent.name == "search" else ExperimentConfig
    config = load_config(kind, path)
    assert config.space if isinstance(config, SearchConfig) else config.cells
    assert parse_config(kind, to_dict(config)) == config


def test_there_are_experiments() -> None:
    assert ROOT / "experiments" / "quickstart.yaml" in EXPERIMENTS


def test_yaml_round_trip(tmp_path: Path) -> None:
    config = ExperimentConfig(
        name="x", train=TrainConfig(learning_rate=3e-4), cells=(Cell("direct", "symbiotic"),), seeds=(1, 2)
    )
    assert load_config(ExperimentConfig, write(tmp_path, to_yaml(config))) == config


def test_base_is_overlaid_key_by_key_and_overrides_come_last(tmp_path: Path) -> None:
    write(tmp_path, "train: {steps: 1, batch_size: 2, seed: 3}\n", "base.yaml")
    path = write(tmp_path, "base: base.yaml\ntrain: {batch_size: 5}\n")
    config = load_config(RunConfig, path, ["train.seed=9", "model.fusion.audio=siamese"])
    assert (config.train.steps, config.train.batch_size, config.train.seed) == (1, 5, 9)
    assert config.model.fusion.audio == "siamese"


def test_exponents_without_a_dot_are_numbers(tmp_path: Path) -> None:
    assert load_config(RunConfig, write(tmp_path, "train: {learning_rate: 1e-3}")).train.learning_rate == 1e-3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trian: {}", r"c\.yaml: unknown key 'trian'; did you mean 'train'\?"),
        ("train: {stepz: 1}", r"unknown key 'train\.stepz'; did you mean 'steps'\?"),
        ("train: {steps: many}", r"key 'train\.steps': expected a valid integer.* got 'many'"),
        ("train: {workers: some}", r"key 'train\.workers': expected .* got 'some'"),
        ("train: {steps: 1.5}", r"key 'train\.steps'.* got 1\.5"),
        ("train: {learning_rate: .nan}", r"key 'train\.learning_rate': expected a finite number, got nan"),
        ("model: {preset: M}", r"key 'model\.preset': expected 'micro', 'tiny', .* got 'M'"),
        ("cells: [{portrait: direct}]", r"key 'cells\.0\.audio' is missing"),
        ("cells: [{portrait: a, audio: b, oops: c}]", r"unknown key 'cells\.0\.oops'; expected one of portrait, audio"),
        ("[1, 2]", r"expected a mapping of keys, got \[1, 2\]"),
        ("a: [", r"c\.yaml: line \d expected YAML"),
        ("train: {steps: 1}\ntrain: {steps: 2}", r"key 'train' stands twice"),
        ("a: &x [1]\nb: *x", r"aliases are not allowed"),
        ("a: !!python/object/apply:os.system ['true']", r"expected YAML, got could not determine a constructor"),
        ("base: missing.yaml", r"missing\.yaml: expected a readable YAML file, got No such file"),
        ("base: c.yaml", r"expected at most 10 nested 'base' files"),
        ("base: [1]", r"key 'base': expected a path, got \[1\]"),
    ],
)
def test_bad_files(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(ExperimentConfig, write(tmp_path, text))


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("train.steps", "expected dotted.key=value, got 'train.steps'"),
        ("=3", "expected dotted.key=value"),
        ("train..steps=3", "expected dotted.key=value"),
        ("train.steps=[", "expected YAML"),
        ("train=3", "key 'train': expected"),
    ],
)
def test_bad_overrides(tmp_path: Path, item: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(RunConfig, write(tmp_path, """ {} """), [item])


def test_a_binary_or_huge_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="expected UTF-8 text"):
        load_config(RunConfig, path)
    path.write_bytes(b"#" * 1_000_001)
    with pytest.raises(ConfigError, match="at most 1000000 bytes"):
        load_config(RunConfig, path)


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=60))
def test_any_text_is_yaml_or_a_config_error(text: str) -> None:
    try:
        parse_config(RunConfig, {"data": {"cache": text}})
        document = _parse(text, "text")
    except ConfigError:
        return
    if isinstance(document, dict):
        with pytest.raises(ConfigError):
            parse_config(RunConfig, {"train": {"nope": document}})


def test_dotted_keys_within_grid_and_space_can_be_changed() -> None:
    from lt_bench.config.load import apply_overrides

    search = {"space": {"train.learning_rate": {"low": 1e-4, "high": 1e-3}}}
    changed = apply_overrides(search, ["space.train.learning_rate.high=0.01", "space.model.frames.choices=[4, 8]"])
    assert changed["space"] == {
        "train.learning_rate": {"low": 1e-4, "high": 0.01},
        "model.frames": {"choices": [4, 8]},
    }
    assert apply_overrides({}, ["grid.sampling.steps=[2,4]"]) == {"grid": {"sampling.steps": [2, 4]}}
    assert apply_overrides({}, ["space={}"]) == {"space": {}}
    assert apply_overrides({}, ["train.seed=1"]) == {"train": {"seed": 1}}
