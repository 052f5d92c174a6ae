"""Names of a run's classes are checked before anything is spent on it."""

from __future__ import annotations

from typing import Any

import pytest

from lt_bench.config import RunConfig, parse_config
from lt_bench.errors import ConfigError
from lt_bench.training.config_check import check_names


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"model": {"fusion": {"audio": "x"}}}, "model.fusion.audio: expected one of direct, .*"),
        ({"model": {"family": "x"}}, "model.family: expected one of linear, softmax"),
        ({"model": {"order": "x"}}, "model.order: expected one of alternating, factorised"),
        ({"sampling": {"sampler": "x"}}, "sampling.sampler: expected one of ddim, ddpm, .*"),
        ({"data": {"codec": "x:y"}}, "data.codec: expected one of ae_rendered_f32, .*"),
        ({"data": {"speech_encoder": "x"}}, "data.speech_encoder: expected one of log_mel, moonshine, wav2vec2"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(document: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=f"^run.yaml: {told}, got 'x'$"):
        check_names(parse_config(RunConfig, document), "run.yaml")


def test_names_of_the_package_pass() -> None:
    check_names(RunConfig())
