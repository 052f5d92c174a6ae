"""Result files: what is written is what is read; anything else is one line that names the key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.errors import ResultError
from lt_bench.evaluation.results.result_file import (
    Clip,
    Miss,
    ProtocolRef,
    RealSetRef,
    Reference,
    Result,
    Score,
    from_document,
    load_result,
    save_result,
    to_document,
)
from lt_bench.evaluation.results.settings import hash_of_settings
from lt_bench.evaluation.statistics.cluster import Interval

SETTINGS = {"stride": 1, "protocol.width": 64}
PSNR = Score(
    name="psnr",
    title="PSNR, 64x64, from frame 16",
    unit="dB",
    higher_is_better=True,
    target=None,
    scope="video",
    aggregate="mean",
    source="MSE",
    detector="",
    value=21.5,
    interval=Interval(20.0, 23.0, 0.95, "cluster bootstrap", 2, 2000),
    scored=2,
    per_video={"a": 21.0, "b": 22.0},
    reference=Reference("ceiling", 40.0, "the real videos"),
    missing=None,
    settings=SETTINGS,
    settings_hash=hash_of_settings(SETTINGS),
)
FD = replace(
    PSNR, name="fd", value=None, interval=None, scored=0, per_video={}, reference=None, missing="asset x is absent"
)
RESULT = Result(
    system="symbiotic-direct",
    protocol=ProtocolRef("synthetic-v1", 1, "f" * 64, 64, 64, 25.0, 16, ("rule",)),
    real=RealSetRef("e" * 64, "synthetic", "test"),
    clips=(Clip("a", "ann", 75), Clip("b", "bob", 75), Clip("c", "cid", 0)),
    misses=(Miss("c", None, "no generated video of this name", fault="generated"),),
    scores={"psnr": PSNR, "fd": FD},
    seed=0,
    git_commit="abc",
    packages={"numpy": "2.4"},
    cache_hash=None,
    meta={"parameters": 2_400_000, "train_seconds": 140.5, "note": "x", "ema": True, "none": None},
)


def test_round_trip_through_a_file(tmp_path: Path) -> None:
    save_result(RESULT, tmp_path / "r.json")
    assert load_result(tmp_path / "r.json") == RESULT
    document = json.loads((tmp_path / "r.json").read_text())
    assert (document["format"], document["version"]) == ("lt_bench result", 1)
    assert type(load_result(tmp_path / "r.json").meta["parameters"]) is int
    assert load_result(tmp_path / "r.json").meta["ema"] is True


@settings(deadline=None, max_examples=30)
@given(st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20), st.integers(-(2**53), 2**53))
def test_numbers_and_texts_survive_exactly(value: float, text: str, seed: int) -> None:
    result = replace(RESULT, system=text, seed=seed, scores={"psnr": replace(PSNR, value=value)}, meta={text: value})
    assert from_document(json.loads(json.dumps(to_document(result)))) == result


def test_counts_and_clusters() -> None:
    assert (RESULT.given, RESULT.scored) == (3, 2)
    assert RESULT.clusters(["b", "a"]) == ["bob", "ann"]


def changed(path: str, value: Any) -> dict[str, Any]:
    document = json.loads(json.dumps(to_document(RESULT)))
    *parents, last = path.split("/")
    holder = document
    for key in parents:
        holder = holder[int(key) if isinstance(holder, list) else key]
    if value is KeyError:
        del holder[last]
    else:
        holder[last] = value
    return document


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("format", "other", "expected a document of format 'lt_bench result'"),
        ("version", 2, "expected version 1.2, got 2"),
        ("version", True, "expected version 1.2, got True"),
        ("bogus", 1, "unknown key 'bogus'"),
        ("scores/psnr/bogus", 1, "unknown key 'scores.psnr.bogus'"),
        ("system", KeyError, "key 'system' is missing"),
        ("scores/psnr/value", "21.5", "key 'scores.psnr.value'"),
        ("seed", "0", "key 'seed': expected a valid integer, got '0'"),
        ("seed", True, "key 'seed'"),
        ("clips/0/frames", 7.5, "key 'clips.0.frames'"),
        ("scores/psnr/scope", "frame", "key 'scores.psnr.scope'"),
        ("scores/psnr/missing", "reason", "expected either a value or the reason"),
        ("scores/fd/missing", None, "expected either a value or the reason"),
        ("scores/psnr/name", "other", "expected the score's own name, got 'other'"),
        ("scores/psnr/per_video", {"z": 1.0}, "expected ids of clips, got 'z'"),
        ("clips/1/id", "a", "expected every id once"),
        ("scores/psnr/value", float("nan"), "expected finite numbers"),
        ("meta/x", [1], "meta.x"),
        ("misses/0/fault", KeyError, "key 'misses.0.fault' is missing"),
        ("misses/0/fault", "system", "key 'misses.0.fault'"),
        ("scores/psnr/settings", KeyError, "key 'scores.psnr.settings' is missing"),
        ("scores/psnr/settings/stride", 2, "scores.psnr.settings_hash: expected the hash of 'settings', got another"),
    ],
)
def test_a_wrong_document_is_one_line_that_names_the_key(path: str, value: Any, says: str) -> None:
    with pytest.raises(ResultError) as error:
        from_document(changed(path, value), "r.json")
    assert says in str(error.value)
    assert str(error.value).startswith("r.json: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"a": 1', "\x00\x01"])
def test_a_file_that_is_no_result(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(ResultError, match=r"r\.json"):
        load_result(tmp_path / "r.json")
    with pytest.raises(ResultError, match="none"):
        load_result(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (replace(RESULT, protocol=replace(RESULT.protocol, id="open-v1")), "protocol: synthetic-v1 version 1 against"),
        (replace(RESULT, protocol=replace(RESULT.protocol, version=2)), "version 1 against synthetic-v1 version 2"),
        (replace(RESULT, protocol=replace(RESULT.protocol, hash="0" * 64)), "protocol hash: "),
        (replace(RESULT, protocol=replace(RESULT.protocol, width=128)), "frame size: 64x64 against 128x64"),
        (replace(RESULT, real=replace(RESULT.real, hash="0" * 64)), "real set: synthetic/test eeee"),
        (replace(RESULT, clips=RESULT.clips[:2]), "clips given: 3 against 2"),
        (replace(RESULT, clips=(*RESULT.clips[:2], Clip("c", "cid", 75))), "clips scored: 2 against 3"),
        (replace(RESULT, clips=(Clip("a", "ann", 70), *RESULT.clips[1:])), "length of clip a: 75 against 70 frames"),
        (replace(RESULT, clips=(*RESULT.clips[:2], Clip("d", "dan", 0))), "clip c is in the first only"),
    ],
)
def test_what_may_not_stand_in_one_table_says_why(other: Result, says: str) -> None:
    other = replace(other, system="rival", scores={})
    with pytest.raises(ResultError) as error:
        RESULT.comparable_with(other)
    assert "'symbiotic-direct' and 'rival' are not comparable" in str(error.value)
    assert says in str(error.value)


def test_scores_are_comparable_only_when_measured_alike() -> None:
    same = replace(RESULT, system="rival", meta={})
    RESULT.comparable_with(same)
    RESULT.comparable_score(same, "psnr")
    for change, says in (
        ({"detector": "x"}, "detector"),
        (
            {"settings": SETTINGS | {"stride": 2}, "settings_hash": hash_of_settings(SETTINGS | {"stride": 2})},
            "settings: stride: 1 against 2",
        ),
        ({"scored": 1}, "scored: 2 against 1"),
    ):
        with pytest.raises(ResultError, match=says):
            RESULT.comparable_score(replace(same, scores={"psnr": replace(PSNR, **change)}), "psnr")
    swapped = dict(zip(("a", "c"), PSNR.per_video.values(), strict=False))
    with pytest.raises(ResultError, match="clip b was scored for 'symbiotic-direct' only"):
        RESULT.comparable_score(replace(same, scores={"psnr": replace(PSNR, per_video=swapped)}), "psnr")
    with pytest.raises(ResultError, match="asset x is absent"):
        RESULT.comparable_score(same, "fd")
    with pytest.raises(ResultError, match="not in the file"):
        RESULT.comparable_score(same, "ssim")


def test_titles_and_reasons_are_for_display_only() -> None:
    worded = replace(PSNR, title="peak signal-to-noise ratio")
    RESULT.comparable_score(replace(RESULT, system="rival", scores={"psnr": worded}), "psnr")


def test_scores_of_sets_are_comparable_only_over_the_same_clips() -> None:
    whole = replace(PSNR, name="fd", scope="set", scored=1, per_video={})
    result = replace(
        RESULT, scores={"fd": whole}, misses=(*RESULT.misses, Miss("a", "fd", "no face", fault="generated"))
    )
    assert result.clips_of("fd") == {"b"}
    result.comparable_score(replace(result, system="same"), "fd")
    other = replace(result, system="rival", misses=(*RESULT.misses, Miss("b", "fd", "no face", fault="generated")))
    with pytest.raises(ResultError, match="clip b was scored for 'symbiotic-direct' only"):
        result.comparable_score(other, "fd")


def test_a_reported_score_rests_on_no_clips() -> None:
    reported = replace(PSNR, name="parameters", scope="set", scored=0, per_video={})
    assert replace(RESULT, scores={"parameters": reported}).clips_of("parameters") == frozenset()
