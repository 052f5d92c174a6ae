"""What a run's later stages need, checked before the first expensive one.

A missing decoder must not be noticed after hours of training, nor a missing encoder after hours of generation.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lt_bench.config import RunConfig, TrainConfig
from lt_bench.errors import ConfigError, WriteError
from lt_bench.evaluation.harness import unavailable
from lt_bench.evaluation.inputs.reference_set import open_reference_set
from lt_bench.evaluation.protocol import load_protocol
from lt_bench.evaluation.running.scoring_job import build_metrics
from lt_bench.jobs.launch import visible_gpus
from lt_bench.media.video_writer import check_encoders
from lt_bench.models.requirements import check_networks
from lt_bench.perception.device import detector_device
from lt_bench.sampling.precision import check_sampling_precision
from lt_bench.training.hardware import accelerator, check_precision


def check_generation(config: RunConfig, here: bool = True) -> None:
    """Check what generating and scoring a run's videos need: codec, speech encoder, protocol, encoders, precision.

    Args:
        config: of the run.
        here: whether the videos are generated on this machine, whose device must have the precision asked for.

    Raises:
        AssetError: names what is missing, the key that asks for it, and the command that gets it.
        ConfigError: a name is unknown, or the protocol, or the device lacks the precision.
        MediaError: PyAV cannot write the videos.
    """
    check_networks(config.data, decode=True)
    load_protocol(config.evaluation.protocol)
    check_encoders()
    if here:
        check_sampling_precision(config.sampling.precision, detector_device())


def check_device(config: RunConfig) -> None:
    """Check that this machine has the devices that a run is to train on, in the precision that it asks for.

    Raises:
        ConfigError: it has not.
    """
    train = config.train
    cuda = accelerator(train) == "cuda"
    if cuda:
        _check_gpus(train)
    check_precision(train, cuda)


def _check_gpus(train: TrainConfig) -> None:
    gpus = len(visible_gpus("gpu"))
    if gpus >= train.devices:
        return
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    told = "" if named is None else f" (CUDA_VISIBLE_DEVICES='{named}')"
    fewer = f", or train.devices={gpus}" if gpus else ""
    raise ConfigError(
        f"key 'train.{'devices' if gpus else 'accelerator'}': expected {train.devices} GPUs on this machine, "
        f"got {gpus}{told}; use train.accelerator=cpu{fewer}"
    )


def check_output(folder: Path) -> None:
    """Check that a folder can be made and written to; nothing is made.

    Raises:
        WriteError: it cannot.
    """
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise WriteError(f"{folder}: expected a writable folder, got {there}, which is none")


def missing_scores(config: RunConfig, real: Path) -> Mapping[str, str]:
    """The scores that a run's protocol asks for and that cannot be computed here, with the reason.

    Args:
        config: of the run.
        real: folder of the real set that its videos are scored against.
    """
    reference, rules = open_reference_set(real), load_protocol(config.evaluation.protocol)
    found = {score.name: unavailable(score, reference) for score in build_metrics(rules)}
    return {name: reason for name, reason in found.items() if reason is not None}
