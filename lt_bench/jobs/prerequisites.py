"""Checks of a run's later stages before the first expensive one.

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
    """Check the requirements of generation and scoring: codec, speech encoder, protocol, video encoders, precision.

    Args:
        config: configuration of the run.
        here: whether videos are generated on this machine, whose device must then support the precision.

    Raises:
        AssetError: names what is missing, the key that asks for it, and the command that gets it.
        ConfigError: a name or the protocol is unknown, or the device lacks the precision.
        MediaError: PyAV cannot write the videos.
    """
    check_networks(config.data, decode=True)
    load_protocol(config.evaluation.protocol)
    check_encoders()
    if here:
        check_sampling_precision(config.sampling.precision, detector_device())


def check_device(config: RunConfig) -> None:
    """Check that this machine has the devices and the precision that a run trains with.

    Raises:
        ConfigError: it does not.
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
    """Check that a folder can be created and written to, without creating it.

    Raises:
        WriteError: it cannot.
    """
    there = next(parent for parent in (folder.absolute(), *folder.absolute().parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise WriteError(f"{folder}: expected a writable folder, got {there}, which is none")


def missing_scores(config: RunConfig, real: Path) -> Mapping[str, str]:
    """Return the scores of a run's protocol that cannot be computed here, with the reasons.

    Args:
        config: configuration of the run.
        real: folder of the reference set.
    """
    reference, rules = open_reference_set(real), load_protocol(config.evaluation.protocol)
    found = {score.name: unavailable(score, reference) for score in build_metrics(rules)}
    return {name: reason for name, reason in found.items() if reason is not None}
