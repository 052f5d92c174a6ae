import json
import re
from pathlib import Path

import pytest

from lt_bench.assets.table import Asset, asset, assets, readable_size
from lt_bench.errors import AssetError

NAMED_ELSEWHERE = {
    "pt_inception-2015-12-05-6726825d.pth": "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    "syncnet_v2.model": "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442",
    "sfd_face.pth": "d54a87c2b7543b64729c9a25eafd188da15fd3f6e02f0ecec76ae1b30d86c491",
    "w600k_r50.onnx": "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43",
}


def test_every_asset_of_the_manifest_is_in_the_table(mirror: Path) -> None:
    manifest = json.loads((mirror / "MANIFEST.json").read_text())["assets"]
    assert manifest
    for row in manifest:
        entry = asset(row["name"])
        assert (entry.file, entry.sha256, entry.bytes) == (row["path"], row["sha256"], row["bytes"])
        assert entry.licence == row["licence"]
        assert entry.url.split("==")[0] in row["url"]


def test_detectors_of_the_usual_metrics_are_pinned() -> None:
    for name, sha256 in NAMED_ELSEWHERE.items():
        assert asset(name).sha256 == sha256
    for name in ("i3d_torchscript.pt", "sd-vae-ft-mse.safetensors", "wav2vec2-base-960h.safetensors"):
        assert asset(name).url.startswith("https://")


def test_files_are_unique_and_fields_are_sane() -> None:
    entries = list(assets().values())
    assert len({entry.file for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.sha256 is None or re.fullmatch("[0-9a-f]{64}", entry.sha256), entry.name
        assert entry.bytes is None or entry.bytes > 0
        assert re.match(r"(https?://[\w.-]+/|pypi:[\w-]+==[\w.]+$)", entry.url), entry.name
        assert entry.url.startswith("pypi:") == (entry.source in ("wheel", "sdist", "derived")), entry.name
        assert entry.licence
        assert entry.purpose
        assert entry.group in ("detector", "codec", "speech", "grid-sample", "hdtf", "example")


def test_addresses_on_hubs_are_pinned_to_a_commit() -> None:
    for entry in assets().values():
        if "huggingface.co" in entry.url or "raw.githubusercontent.com" in entry.url or "/raw/" in entry.url:
            assert re.search(r"/[0-9a-f]{40}/", entry.url), entry.name


def test_what_a_name_may_be_is_the_table_alone() -> None:
    for name in ("../MANIFEST.json", "/etc/passwd", "", "MANIFEST.json", "hdtf/RD_crop_wh.txt"):
        with pytest.raises(AssetError, match="expected the name of an asset"):
            asset(name)


def test_a_near_miss_is_told() -> None:
    with pytest.raises(AssetError, match=r"did you mean face_landmarker\.task\?"):
        asset("face_landmark.task")


def row(**changes: object) -> dict:
    plain = {
        "name": "a", "file": "a", "group": "g", "purpose": "p", "licence": "l", "bytes": 1, "sha256": "0" * 64,
        "url": "https://example.org/a", "source": "url", "member": None, "note": "",
    }  # fmt: skip
    return plain | changes


@pytest.mark.parametrize(
    "changes", [{"file": "../a"}, {"file": "/a"}, {"file": "b/../../a"}, {"source": "ftp"}, {"source": "zip"}]
)
def test_a_wrong_row_is_refused(changes: dict) -> None:
    with pytest.raises(ValueError, match="a: expected"):
        Asset(**row(**changes))


def test_sizes_for_people() -> None:
    sizes = {0: "0 B", 547: "547 B", 1596: "1.6 kB", 3758596: "3.8 MB", 2023804201: "2.0 GB"}
    assert {count: readable_size(count) for count in sizes} == sizes
    assert Asset(**row(bytes=None)).size == "unknown size"
