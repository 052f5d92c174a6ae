"""Every named data set is a class that can be looked up; unknown names list the known ones."""

from __future__ import annotations

import pytest

from data_prep.datasets.base import DataSet, DownloadedDataSet
from data_prep.datasets.registry import build_data_set, data_set_class
from lt_bench.cli.main import main
from lt_bench.config import DataConfig, RunConfig, parse_config
from lt_bench.data_sets import DATA_SETS
from lt_bench.errors import ConfigError


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_name_is_a_class_and_gives_the_codec_its_default(name: str):
    config = DataConfig(dataset=name)
    assert isinstance(build_data_set(config), DataSet)
    assert config.codec == DATA_SETS[name].codec
    if issubclass(data_set_class(name), DownloadedDataSet):
        assert len(data_set_class(name).terms) > 80  # licence, citation and source


def test_an_unknown_name_lists_the_known_ones_with_its_file_and_key():
    with pytest.raises(ConfigError, match=r"run\.yaml: data\.dataset: expected one of synthetic, .*, got 'films'"):
        parse_config(RunConfig, {"data": {"dataset": "films"}}, "run.yaml")


def test_what_is_not_downloaded_is_told_which_sets_are(tmp_path, capsys: pytest.CaptureFixture[str]):
    assert main(["prepare", "folder", "--out", str(tmp_path / "cache"), "--folder", str(tmp_path), "--download"]) == 2
    error = capsys.readouterr().err
    assert "--download: expected one of grid, crema-d, hdtf, celebv-hq" in error
    assert "got folder" in error
