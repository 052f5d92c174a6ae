"""Mapping from lt_bench's tensor names to the release's; otherwise the two networks are equal."""

from __future__ import annotations

import re

PROJECTOR = {"layers.0": "proj1", "layers.2": "proj2", "layers.4": "proj3", "norm": "norm"}
ABSENT = ("null_portrait", "audio_projector.null")
"""Tokens of dropped conditions, which the release does not have."""
FIXED = ("pos_embed", "temp_embed", "long_temp_embed")
"""Fixed positions, which lt_bench computes itself."""
_RULES = [
    (r"patches\.proj", "x_embedder.proj"),
    (r"time\.mlp", "t_embedder.mlp"),
    (r"final\.proj", "final_layer.linear"),
    (r"final\.modulation", "final_layer.adaLN_modulation.1"),
    (r"audio_fusion\.attention\.(\d+)\.q", r"blocks.\1.cross_attn.q_proj"),
    (r"audio_fusion\.attention\.(\d+)\.kv", r"blocks.\1.cross_attn.k_proj+blocks.\1.cross_attn.v_proj"),
    (r"audio_fusion\.attention\.(\d+)\.proj", r"blocks.\1.cross_attn.proj"),
    (r"blocks\.(\d+)\.temporal_norm", r"blocks.\1.temporal_norm1"),
    (r"blocks\.(\d+)\.temporal_attention", r"blocks.\1.temporal_attn"),
    (r"blocks\.(\d+)\.temporal_linear", r"blocks.\1.temporal_fc"),
    (r"blocks\.(\d+)\.attention", r"blocks.\1.attn"),
    (r"blocks\.(\d+)\.modulation", r"blocks.\1.adaLN_modulation.1"),
    (r"blocks\.(\d+)\.mlp\.0", r"blocks.\1.mlp.fc1"),
    (r"blocks\.(\d+)\.mlp\.2", r"blocks.\1.mlp.fc2"),
    (r"blocks\.(\d+)\.mlp\.widen", r"blocks.\1.mlp.inverted_conv.conv"),
    (r"blocks\.(\d+)\.mlp\.depthwise", r"blocks.\1.mlp.depth_conv.conv"),
    (r"blocks\.(\d+)\.mlp\.narrow", r"blocks.\1.mlp.point_conv.conv"),
]


def released_names(name: str) -> tuple[str, ...]:
    """Return the release's names of one tensor, in the order of rows if the release splits it into several.

    Raises:
        KeyError: the release has no such tensor.
    """
    for pattern, theirs in _RULES:
        found = re.match(pattern + r"(?=\.)", name)
        if found:
            return tuple(found.expand(part) + name[found.end() :] for part in theirs.split("+"))
    raise KeyError(name)


def released_projector_name(name: str) -> str:
    """Return the release's name, in its audio projector, of a tensor of ``audio_projector`` (without prefix)."""
    layer, _, kind = name.rpartition(".")
    return f"{PROJECTOR[layer]}.{kind}"
