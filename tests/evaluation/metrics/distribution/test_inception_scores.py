"""FID, KID, precision and recall against torch-fidelity and pytorch-fid on the same random weights and images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lt_bench.errors import AssetError
from lt_bench.evaluation.metrics.catalog import build_metric
from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance
from lt_bench.evaluation.metrics.distribution.kid import kernel_distance
from lt_bench.evaluation.metrics.distribution.precision_recall import precision_recall
from lt_bench.evaluation.statistics.cluster import UndefinedError
from lt_bench.perception.inception import inception_features, load_inception

N, SIDE = 4, 75  # every input is brought to 299 anyway


class Sides:
    """Two sets of images, as arrays and as folders of PNG files, with our features of both."""

    def __init__(self, root: Path, weights: Path) -> None:
        rng = np.random.default_rng(0)
        self.weights = weights
        self.network = load_inception(self.weights)
        self.images = [rng.integers(0, high, (N, SIDE, SIDE + 9, 3), dtype=np.uint8) for high in (256, 200)]
        self.folders = [root / "generated", root / "real"]
        for folder, images in zip(self.folders, self.images, strict=True):
            folder.mkdir()
            for index, image in enumerate(images):
                Image.fromarray(image).save(folder / f"{index}.png")
        self.features = [inception_features(images, "tf1", self.network) for images in self.images]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, random_inception: Callable[[Path], Path]) -> Sides:
    root = tmp_path_factory.mktemp("inception")
    return Sides(root, random_inception(root / "weights.pth"))


@pytest.fixture(scope="module")
def fidelity(sides: Sides) -> dict[str, float]:
    """What torch-fidelity's own pipeline says of the same folders."""
    from torch_fidelity import calculate_metrics

    return calculate_metrics(
        input1=str(sides.folders[0]),
        input2=str(sides.folders[1]),
        cuda=False,
        fid=True,
        kid=True,
        feature_extractor="inception-v3-compat",
        prc=True,
        kid_subsets=1,
        kid_subset_size=N,
        feature_extractor_weights_path=str(sides.weights),
        verbose=False,
        cache=False,
        batch_size=4,
        save_cpu_ram=True,
    )


def test_fid_equals_torch_fidelity(sides: Sides, fidelity: dict[str, float]) -> None:
    ours = frechet_distance(*sides.features)
    assert ours > 1
    assert ours == pytest.approx(fidelity["frechet_inception_distance"], rel=1e-4)


def test_kid_of_all_pairs_equals_torch_fidelity(sides: Sides, fidelity: dict[str, float]) -> None:
    assert kernel_distance(*sides.features) == pytest.approx(fidelity["kernel_inception_distance_mean"], rel=1e-4)


def test_precision_and_recall_equal_torch_fidelity(sides: Sides, fidelity: dict[str, float]) -> None:
    assert precision_recall(*sides.features) == pytest.approx((fidelity["precision"], fidelity["recall"]), abs=1e-6)


def test_the_variant_pytorch_fid_equals_that_package_and_is_another_number(
    sides: Sides, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pytorch_fid import fid_score, inception

    monkeypatch.setattr(inception, "load_state_dict_from_url", lambda *a, **k: torch.load(sides.weights))
    network = inception.InceptionV3([3])
    theirs = [
        fid_score.get_activations(sorted(folder.glob("*.png"))[:2], network, 4, 2048, "cpu", num_workers=0)
        for folder in sides.folders
    ]
    ours = [inception_features(images[:2], "pytorch", sides.network) for images in sides.images]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)
    assert frechet_distance(*ours) == pytest.approx(frechet_distance(*theirs), rel=1e-4)
    assert frechet_distance(*ours) != pytest.approx(frechet_distance(*(f[:2] for f in sides.features)), rel=1e-4)


def test_features_do_not_depend_on_the_batch(sides: Sides) -> None:
    one = inception_features(sides.images[0][1:2], "tf1", sides.network, batch=1)
    np.testing.assert_allclose(one, sides.features[0][1:2], rtol=1e-4, atol=1e-5)


def test_other_weights_are_refused(tmp_path: Path) -> None:
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(AssetError, match=r"other\.pth: expected weights of the TensorFlow Inception"):
        load_inception(tmp_path / "other.pth")


def test_a_file_that_would_run_code_is_not_unpickled(tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "ran",)  # type: ignore[return-value]

    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(AssetError, match="load safely"):
        load_inception(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()


def rows(seed: int, n: int = 60, d: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, d))


def test_kid_is_unbiased_where_fid_is_not() -> None:
    """Identical distributions: KID scatters about 0 at any N, a Frechet distance is far above it at small N."""
    kid = [kernel_distance(rows(i, 20), rows(1000 + i, 20)) for i in range(60)]
    assert abs(np.mean(kid)) < 3 * np.std(kid) / np.sqrt(60)
    assert min(kid) < 0 < max(kid)
    assert np.mean([frechet_distance(rows(i, 20), rows(1000 + i, 20)) for i in range(10)]) > 1


def test_kid_takes_sides_of_different_size_and_sums_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    from lt_bench.evaluation.metrics.distribution import kid

    whole = kernel_distance(rows(0, 30), rows(1, 50))
    monkeypatch.setattr(kid, "_ROWS", 7)
    assert kernel_distance(rows(0, 30), rows(1, 50)) == pytest.approx(whole, rel=1e-12)


def test_mode_collapse_has_high_precision_and_low_recall() -> None:
    real = rows(0, 200)
    collapsed = real[:1] + 1e-3 * rows(1, 200)
    precision, recall = precision_recall(collapsed, real)
    assert precision == 1
    assert recall < 0.05
    assert precision_recall(real, collapsed) == (recall, precision)


@pytest.mark.parametrize("distance", [kernel_distance, precision_recall])
def test_what_has_no_distance_is_an_error_not_a_zero(distance) -> None:
    for bad in (rows(0, 1), np.full((9, 8), np.nan)):
        with pytest.raises(UndefinedError):
            distance(bad, rows(1))


def test_full_names_say_network_input_and_stride() -> None:
    for name in ("fid", "kid", "precision", "recall"):
        detail = build_metric(name, {"stride": 5}).detail
        assert detail.startswith("TF Inception 2015-12-05 pool, TF1 bilinear to 299 px, (x - 128) / 128, uint8 RGB")
        assert detail.endswith("every 5th frame")
    ours, theirs = build_metric("fid"), build_metric("fid", {"resize": "pytorch"})
    assert ours.detector != theirs.detector
    assert "as pytorch-fid" in theirs.detail
    assert "pt_inception-2015-12-05-6726825d.pth is absent" in (ours.unavailable() or "")
