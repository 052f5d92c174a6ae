"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
# Ray reads it when it is imported, and else looks for a local cluster at the machine's outer address.
os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")

# A shell starts what it runs in the background with interrupts ignored; tests that send them need them heard.
signal.signal(signal.SIGINT, signal.default_int_handler)

MIRROR = Path(__file__).resolve().parents[2] / "shared" / "assets"


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of pinned assets; tests that need one skip where it is absent."""
    if not (MIRROR / "MANIFEST.json").is_file():
        pytest.skip("the folder of pinned assets (LT_BENCH_MIRROR) is absent")
    monkeypatch.setenv("LT_BENCH_MIRROR", str(MIRROR))
    return MIRROR


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


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
