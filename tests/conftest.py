"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from lt_bench import plugins

# One thread for every numerical library, in this process and in those it starts. Libraries read it when they are
# imported, so no fixture has to import torch, and tests of the lowest layers never do.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Ray reads it when it is imported, and else looks for a local cluster at the machine's outer address.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

# A shell starts what it runs in the background with interrupts ignored; tests that send them need them heard.
signal.signal(signal.SIGINT, signal.default_int_handler)

ASSETS = Path(__file__).resolve().parents[2] / "shared" / "assets"


@pytest.fixture(autouse=True)
def _plugins_of_a_test_end_with_it() -> Iterator[None]:
    """Workers of later tests import every plugin that this process has loaded, and would fail on a test's own files."""
    before = dict(plugins._LOADED)
    yield
    plugins._LOADED.clear()
    plugins._LOADED.update(before)


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of pinned assets; tests that need one skip where it is absent."""
    if not (ASSETS / "MANIFEST.json").is_file():
        pytest.skip("the folder of pinned assets (LT_BENCH_MIRROR) is absent")
    return ASSETS


@pytest.fixture
def mirror(assets: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of pinned assets, which the package finds too while the test runs."""
    monkeypatch.setenv("LT_BENCH_MIRROR", str(assets))
    return assets


@pytest.fixture(scope="session")
def syncnet_weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Random weights of SyncNet and S3FD in their packages' files."""
    import torch
    from syncnet_python.detectors.s3fd.nets import S3FDNet
    from syncnet_python.SyncNetModel import S

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("syncnet")
    network = S()
    for value in network.state_dict().values():
        if value.ndim > 1:
            value.normal_(0, (2 / value[0].numel()) ** 0.5)
    torch.save(network.state_dict(), folder / "syncnet.model")
    torch.save(S3FDNet(device="cpu").state_dict(), folder / "s3fd.pth")
    return folder / "syncnet.model", folder / "s3fd.pth"
