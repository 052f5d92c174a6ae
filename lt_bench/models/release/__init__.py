"""Conversion of checkpoints of the released LetsTalk to model files of lt_bench."""

from lt_bench.models.release.convert import ImportOptions, convert_weights, import_letstalk
from lt_bench.models.release.file import ReleasedWeights, read_release
from lt_bench.models.release.shape import infer_config, infer_latent_shape

__all__ = [
    "ImportOptions",
    "ReleasedWeights",
    "convert_weights",
    "import_letstalk",
    "infer_config",
    "infer_latent_shape",
    "read_release",
]
