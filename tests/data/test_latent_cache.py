from __future__ import annotations

import dataclasses
import errno
import fcntl
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save

from lt_bench.data.cache import LatentCache
from lt_bench.data.clip_tensors import write_clip
from lt_bench.data.format import info_from_dict, info_to_dict
from lt_bench.data.tensor_file import write_tensors
from lt_bench.data.verify import verify_cache
from lt_bench.data.writer import CacheWriter
from lt_bench.errors import CacheError, LtBenchError


@pytest.fixture
def build(info, make_clip) -> Callable[..., LatentCache]:
    def _build(path: Path, names: tuple[str, ...] = ("b", "a", "c")) -> LatentCache:
        with CacheWriter(path, info) as writer:
            for seed, name in enumerate(sorted(names)):
                writer.add(make_clip(name, seed=seed, split="test" if name == "c" else "train"))
            writer.finish()
        return LatentCache.open(path)

    return _build


def test_a_window_is_the_scaled_slice_of_what_was_written(tmp_path: Path, make_clip, build):
    cache = build(tmp_path / "cache")
    record = cache.records()[1]
    clip = make_clip("b", seed=1)
    window = cache.read_window(record, 3, 8)
    half = clip.latents[3:11].astype(np.float16).astype(np.float32)
    expected = (half - np.float32([1, 2, 3])[:, None, None]) / np.float32([0.5, 1, 2])[:, None, None]
    np.testing.assert_allclose(window.latents.numpy(), expected, rtol=1e-6)
    np.testing.assert_array_equal(window.audio.numpy(), clip.audio[3:11])
    np.testing.assert_array_equal(window.landmarks.numpy(), clip.landmarks[3:11])
    np.testing.assert_array_equal(window.mouth_box.numpy(), clip.mouth_box[3:11])
    assert window.truth is not None
    np.testing.assert_array_equal(window.truth.numpy(), clip.truth[3:11])
    back = cache.scaling.latents_to_raw(cache.read_portrait(record))
    np.testing.assert_allclose(back.numpy(), clip.portrait.astype(np.float16), rtol=1e-5, atol=1e-6)
    with pytest.raises(CacheError, match="within its 20 frames"):
        cache.read_window(record, 15, 8)


def test_records_are_chosen_by_split_and_role_and_sorted(tmp_path: Path, build, make_clip):
    cache = build(tmp_path / "cache")
    assert [r.id for r in cache.records()] == ["a", "b", "c"]
    assert [r.id for r in cache.records("test", "clip")] == ["c"]
    assert cache.records("validation") == ()
    assert cache.records()[0].quality == make_clip("a").quality
    assert pickle.loads(pickle.dumps(cache)).read_window(cache.records()[0], 0, 4).latents.shape == (4, 3, 4, 4)


def test_the_order_of_writing_leaves_no_trace(tmp_path: Path, info, make_clip):
    one, two = tmp_path / "one", tmp_path / "two"
    for path, names in ((one, "abc"), (two, "cab")):
        with CacheWriter(path, info) as writer:
            for name in names:
                writer.add(make_clip(name, seed=ord(name)))
            writer.finish()
    files = sorted(p.relative_to(one) for p in one.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(two) for p in two.rglob("*") if p.is_file())
    assert all((one / f).read_bytes() == (two / f).read_bytes() for f in files)
    assert LatentCache.open(one).hash == LatentCache.open(two).hash


def test_a_writer_killed_before_its_first_file_was_whole_goes_on(tmp_path: Path, info, make_clip):
    path = tmp_path / "cache"
    path.mkdir()
    (path / ".cache.abcd1234.tmp.json").write_bytes(b'{"format"')
    with CacheWriter(path, info) as writer:
        writer.add(make_clip("a"))
        writer.finish()
    assert LatentCache.open(path).records()
    assert not list(path.glob(".cache*"))


def test_a_killed_writer_goes_on(tmp_path: Path, info, make_clip):
    path = tmp_path / "cache"
    with CacheWriter(path, info) as writer:
        writer.add(make_clip("a"), extra={"note": 1})
        writer.add(make_clip("b"))
    (path / "clips" / ".c.abcd1234.tmp.safetensors").write_bytes(b"half")
    with (path / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"row": {"id": "c"')
    with pytest.raises(CacheError, match="did not end"):
        LatentCache.open(path)
    with CacheWriter(path, info) as writer:
        assert writer.has("a")
        assert writer.has("b")
        assert not writer.has("c")
        assert writer.extra("a") == {"note": 1}
        writer.add(make_clip("c"))
        writer.reject({"id": "d", "source": "d.mp4", "reason": "no face"})
    with CacheWriter(path, info) as writer:
        assert writer.has("d")
        writer.finish()
    assert not list((path / "clips").glob(".*"))
    assert not (path / "journal.jsonl").exists()
    assert [r.id for r in LatentCache.open(path).records()] == ["a", "b", "c"]
    assert json.loads((path / "rejected.json").read_text())[0]["reason"] == "no face"
    assert verify_cache(path).damage is None


def test_a_clip_whose_file_is_gone_or_cut_is_made_again(tmp_path: Path, info, make_clip):
    for damage in (_truncate, Path.unlink):
        with CacheWriter(tmp_path, info) as writer:
            writer.add(make_clip("a"))
        damage(tmp_path / "clips" / "a.safetensors")
        with CacheWriter(tmp_path, info) as writer:
            assert not writer.has("a")


def test_a_journal_is_never_lost_while_it_is_read(tmp_path: Path, info, make_clip, monkeypatch: pytest.MonkeyPatch):
    with CacheWriter(tmp_path, info) as writer:
        writer.add(make_clip("a"))
    monkeypatch.setattr("lt_bench.data.writer.write_bytes", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        CacheWriter(tmp_path, info)
    monkeypatch.undo()
    with CacheWriter(tmp_path, info) as writer:
        assert writer.has("a")


def test_verify_finds_any_flipped_bit(tmp_path: Path, build):
    build(tmp_path)
    rng = np.random.default_rng(0)
    files = [p for p in sorted(tmp_path.rglob("*")) if p.is_file() and p.name != ".lock"]
    assert {"cache.json", "index.parquet", "rejected.json", "SHA256SUMS", "a.safetensors"} <= {p.name for p in files}
    for file in files:
        whole = file.read_bytes()
        for bit in rng.integers(len(whole) * 8, size=12):
            data = bytearray(whole)
            data[bit // 8] ^= 1 << (bit % 8)
            file.write_bytes(data)
            damage = verify_cache(tmp_path).damage
            assert damage is not None, f"bit {bit} of {file.name}"
            assert str(tmp_path) in damage
        file.write_bytes(whole)
    assert verify_cache(tmp_path).damage is None


def test_other_settings_in_the_same_folder_are_refused_and_named(tmp_path: Path, info, build):
    build(tmp_path / "cache")
    other = dataclasses.replace(info, settings={"synthetic": {"train_speakers": 9}}, source_hash="11")
    with pytest.raises(CacheError, match=r"synthetic\.train_speakers: expected 9, got 4"):
        CacheWriter(tmp_path / "cache", other)
    other = dataclasses.replace(info, codec=dataclasses.replace(info.codec, hash="dead"))
    with pytest.raises(CacheError, match=r"codec\.hash: expected 'dead'"):
        CacheWriter(tmp_path / "cache", other)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"")
    with pytest.raises(CacheError, match="folder of other files"):
        CacheWriter(tmp_path / "photos", info)


def test_two_writers_at_once_are_refused(tmp_path: Path, info):
    with CacheWriter(tmp_path / "cache", info), pytest.raises(CacheError, match="another process"):
        CacheWriter(tmp_path / "cache", info)


def test_a_folder_on_a_file_system_without_locks_is_refused(tmp_path: Path, info, monkeypatch: pytest.MonkeyPatch):
    def no_locks(handle: int, how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.raises(LtBenchError, match="expected a file system with locks"):
        CacheWriter(tmp_path / "cache", info)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"latents": np.zeros((20, 3, 4, 5)), "portrait": np.zeros((3, 4, 5))}, r"latents: .*, got \[20, 3, 4, 5\]"),
        ({"latents": np.full((20, 3, 4, 4), 1e6)}, "latents: expected finite numbers within float16"),
        ({"audio": np.zeros((20, 2, 6))}, r"audio: expected shape \[20, 2, 5\], got \[20, 2, 6\]"),
        ({"truth": None}, "tensors: expected"),
        ({"id": "../evil"}, "clip id"),
        ({"frames": 0}, "frames: expected at least 1"),
    ],
)
def test_a_clip_that_does_not_fit_is_refused_and_leaves_nothing(
    tmp_path: Path, change: dict, message: str, info, make_clip
):
    with pytest.raises(CacheError, match=message):
        write_clip(tmp_path, make_clip("a", **change), info)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_an_empty_cache_cannot_be_finished(tmp_path: Path, info):
    with CacheWriter(tmp_path, info) as writer:
        writer.reject({"id": "d", "source": "d.mp4", "reason": "no face"})
        with pytest.raises(CacheError, match="none: d: no face"):
            writer.finish()
    assert not (tmp_path / "index.parquet").exists()


def test_require_names_both_codecs(tmp_path: Path, info, build):
    cache = build(tmp_path / "cache")
    cache.require(info.codec.hash, info.speech.hash, (3, 4, 4))
    with pytest.raises(CacheError, match="codec feed, got toy c0ffee"):
        cache.require("feed")
    with pytest.raises(CacheError, match="speech encoder feed, got toy beef"):
        cache.require(speech_hash="feed")
    with pytest.raises(CacheError, match=r"\[4, 4, 4\], got \[3, 4, 4\]"):
        cache.require(latent_shape=(4, 4, 4))


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("clips/b.safetensors", _truncate, "bytes"),
        ("clips/b.safetensors", _flip, "sha256"),
        ("clips/b.safetensors", Path.unlink, "is missing"),
        ("clips/stranger.safetensors", lambda p: p.write_bytes(b"x"), "not in the index"),
        ("index.parquet", _truncate, "parquet"),
        ("index.parquet", Path.unlink, "index.parquet"),
        ("cache.json", lambda p: p.write_text("{"), "JSON"),
        ("cache.json", lambda p: p.write_text("[]"), "format"),
        ("cache.json", lambda p: p.write_text(p.read_text().replace('"version": 1', '"version": 2')), "version"),
        ("cache.json", lambda p: p.write_text(p.read_text().replace('"resolution": 32', '"resolution": 64')), "shape"),
        (
            "cache.json",
            lambda p: p.write_text(p.read_text().replace('"fps": 25,', '"fps": 25, "x": 1,')),
            "unknown key",
        ),
    ],
)
def test_verify_names_the_first_damage(tmp_path: Path, file: str, damage, message: str, build):
    build(tmp_path)
    assert verify_cache(tmp_path).damage is None
    damage(tmp_path / file)
    found = verify_cache(tmp_path)
    assert found.damage is not None
    assert message in found.damage
    assert "\n" not in found.damage
    if not file.startswith("clips"):
        with pytest.raises(LtBenchError):
            LatentCache.open(tmp_path)


def test_an_identity_in_two_splits_is_damage(tmp_path: Path, info, make_clip):
    with CacheWriter(tmp_path, info) as writer:
        writer.add(make_clip("a", identity="same"))
        writer.add(make_clip("b", identity="same", split="test"))
        writer.finish()
    assert "identity same" in str(verify_cache(tmp_path).damage)


def test_the_header_survives_a_round_trip(info):
    document = json.loads(json.dumps(info_to_dict(info)))
    assert document["format"] == "lt_bench latent cache"
    assert document["latent_shape"] == [3, 4, 4]
    assert info_from_dict(document, Path("cache.json")) == info


def test_opened_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build):
    cache = build(tmp_path)
    monkeypatch.setattr("lt_bench.data.cache.OPEN_FILES", 2)
    for record in (*cache.records(), *cache.records()):
        cache.file(record)
    assert len(cache._files) == 2
    assert torch.isfinite(cache.read_window(cache.records()[0], 0, 20).latents).all()


def test_a_damaged_journal_is_an_error_that_names_it(tmp_path: Path, info, make_clip):
    with CacheWriter(tmp_path, info) as writer:
        writer.add(make_clip("a"))
    for damage in (b"not json\n", b"[]\n", b'{"row": 1, "extra": {}}\n', b'{"row": {}, "extra": {}}\n'):
        (tmp_path / "journal.jsonl").write_bytes(damage)
        with pytest.raises(CacheError, match=r"journal\.jsonl"):
            CacheWriter(tmp_path, info)


def test_a_changed_list_of_sources_is_said_in_words(tmp_path: Path, info, build):
    build(tmp_path / "cache")
    with pytest.raises(CacheError, match="list of sources"):
        CacheWriter(tmp_path / "cache", dataclasses.replace(info, source_hash="other"))


@pytest.mark.parametrize("place", ["file", "file/below", "/proc/nowhere"])
def test_a_place_that_cannot_be_a_cache_is_an_error(tmp_path: Path, info, place: str):
    (tmp_path / "file").write_text("")
    with pytest.raises(CacheError, match="expected a writable folder"):
        CacheWriter(tmp_path / place, info)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("split", "holiday", "split"),
        ("frames", 0, "at least 1 frame"),
        ("file", "../../etc/passwd", "expected file clips/a.safetensors"),
        ("id", "a/b", "clip id"),
        ("luma", None, "luma"),
        ("identity", "absent", "identity"),
    ],
)
def test_an_impossible_row_of_the_index_is_named(tmp_path: Path, build, column: str, value: object, message: str):
    import pandas

    build(tmp_path)
    table = pandas.read_parquet(tmp_path / "index.parquet")
    if value == "absent":
        table = table.drop(columns=[column])
    else:
        table[column] = table[column].astype(object)
        table.loc[0, column] = value
    table.to_parquet(tmp_path / "index.parquet")
    with pytest.raises(CacheError, match=message):
        LatentCache.open(tmp_path)


def test_a_clips_file_is_the_librarys_own_bytes(tmp_path: Path):
    rng = np.random.default_rng(0)
    tensors = {
        "latents": rng.normal(size=(3, 2, 4, 4)).astype(np.float16),
        "truth": rng.normal(size=(3, 12)).astype(np.float32),
        "audio": rng.normal(size=(3, 1, 5)).astype(np.float16),
        "landmarks": rng.random((3, 7, 2), np.float32),
    }
    write_tensors(tmp_path / "x.safetensors", tensors)
    assert (tmp_path / "x.safetensors").read_bytes() == save(tensors)
