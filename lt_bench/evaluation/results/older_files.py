"""Result files of versions 1.0 and 1.1, which state settings and faults in words only.

This is the one place where titles and reasons are read: what they state becomes the typed facts of version 1.2. The
patterns describe texts that were written in the past, and never change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from lt_bench.errors import Fault
from lt_bench.evaluation.results.settings import hash_of_settings, protocol_settings

TYPED_FACTS = 2
"""The minor version that states settings and faults as typed facts."""

_NOT_THE_GENERATED_VIDEO: tuple[tuple[re.Pattern[str], Fault], ...] = (
    (re.compile("is absent"), "environment"),
    (
        re.compile(
            "^real video |the videos are equal|the clip has no truth|gallery|the real set|the real video has none"
        ),
        "reference",
    ),
)
_RULES = re.compile(r", [^,]+ version \d+: whole frames at \d+x\d+, from frame \d+(?: to (\d+))? at [\d.e+]+ fps")
_AMOUNT = re.compile(r", N=\d+$")

Read = Callable[[str], Any]
"""Reads one setting from a title; None where it is not stated."""


def _whole(pattern: str, otherwise: int | None = None) -> Read:
    def read(title: str) -> int | None:
        found = re.search(pattern, title)
        return int(found[1]) if found else otherwise

    return read


def _one_of(**phrases: str) -> Read:
    """The name of the phrase that stands in the title."""

    def read(title: str) -> str | None:
        return next((name for name, phrase in phrases.items() if phrase in title), None)

    return read


def _stride(title: str) -> int | None:
    found = re.search(r", every (\d+)\. frame", title)
    return int(found[1]) if found else 1 if ", every frame" in title else None


def _values(title: str) -> str | None:
    return {"rescaled to [-1, 1]": "0-255", "[0, 1] without rescaling": "0-1"}.get(
        next((phrase for phrase in ("rescaled to [-1, 1]", "[0, 1] without rescaling") if phrase in title), "")
    )


_STRIDE: dict[str, Read] = {"stride": _stride}
_INCEPTION: dict[str, Read] = {
    **_STRIDE,
    "resize": _one_of(tf1="TF1 bilinear", pytorch="PyTorch bilinear"),
}
_WINDOWS: dict[str, Read] = {
    "frames": _whole(r"windows of (\d+) frames"),
    "windows": _one_of(
        all=", back to back", first=", the first", random_real=", one a video, the real one's at random"
    ),
    "start": _whole(r" after (\d+) frames", 0),
    "average": lambda title: ", averaged over each video" in title,
}
_FVD: dict[str, Read] = {
    **_WINDOWS,
    "values": _values,
    "ddof": lambda title: 0 if ", covariances over n" in title else 1,
}
_SYNC: dict[str, Read] = {
    "frames": _whole(r"first (\d+) scored frames", 0),
    "crop": _one_of(face="S3FD at scale", whole="whole frames resized to 224 px"),
}
_SETTINGS: dict[str, dict[str, Read]] = {
    **dict.fromkeys(("identity_arcface", "identity_arcface_worst", "identity_arcface_drift"), _STRIDE),
    **dict.fromkeys(("identity_dlib", "identity_dlib_worst", "identity_dlib_drift"), _STRIDE),
    **dict.fromkeys(("identity_arcface_truth", "identity_dlib_truth", "sharpness", "fd_squeezenet"), _STRIDE),
    **dict.fromkeys(("lpips_alex", "lpips_vgg"), _STRIDE),
    **dict.fromkeys(("fid", "kid"), _INCEPTION),
    **dict.fromkeys(("precision", "recall"), _INCEPTION),
    **dict.fromkeys(("fvd", "fvd_faces"), _FVD),
    "fvd_videomae": _WINDOWS,
    **dict.fromkeys(("sync_c", "sync_d", "sync_offset"), _SYNC),
}
"""Settings of the metrics that had any, by name."""
_WITHOUT_SETTINGS = frozenset(
    {
        "psnr",
        "ssim",
        "motion_ratio",
        "flicker_ratio",
        "beat_align",
        "blink_rate",
        "blink_rate_difference",
        "expression_distance",
        "expression_fd",
        "head_motion_ratio",
        "head_pose_diversity",
        "lmd_face",
        "lmd_lips",
        "lip_sync_open",
        "lip_sync_open_confidence",
        "lip_sync_open_offset",
        "fd_probe",
        "identity_probe",
        "identity_rank1",
        "lip_corr",
        "lip_corr_shuffled",
        "lip_error",
        "width_corr",
        "rounding_corr",
        "av_offset",
        "yaw_error",
        "pitch_error",
        "roll_error",
        "pose_std_ratio",
        "blink_rate_probe",
        "parameters",
        "seconds_per_video_second",
        "macs_per_video_second",
    }
)


def upgrade(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an older file's content with the keys of version 1.2; malformed parts are left for the type check."""
    changed = dict(body)
    if isinstance(body.get("misses"), list):
        changed["misses"] = [_miss(miss) for miss in body["misses"]]
    scores, protocol = body.get("scores"), body.get("protocol")
    if isinstance(scores, Mapping) and isinstance(protocol, Mapping):
        changed["scores"] = {name: _score(score, protocol) for name, score in scores.items()}
    return changed


def _miss(miss: Any) -> Any:
    if not isinstance(miss, Mapping) or not isinstance(miss.get("reason"), str):
        return miss
    return {**miss, "fault": fault_of(miss["reason"])}


def fault_of(reason: str) -> Fault:
    """Fault of a miss, from the reason that an older version gave."""
    for pattern, fault in _NOT_THE_GENERATED_VIDEO:
        if pattern.search(reason):
            return fault
    return "generated"


def _score(score: Any, protocol: Mapping[str, Any]) -> Any:
    if not isinstance(score, Mapping) or not isinstance(score.get("title"), str):
        return score
    title = score["title"]
    settings = settings_of(str(score.get("name")), title, protocol)
    shown = _AMOUNT.sub("", title) if score.get("scope") == "video" else title
    return {**score, "title": shown, "settings": settings, "settings_hash": hash_of_settings(settings)}


def settings_of(name: str, title: str, protocol: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a score, from the title that an older version gave.

    Of a metric that is not the package's, the title itself is all that is known.
    """
    rules = _RULES.search(title)
    own = title[: rules.start()] if rules else _AMOUNT.sub("", title)
    read = {key: read(own) for key, read in _SETTINGS.get(name, {}).items()}
    if (name not in _SETTINGS and name not in _WITHOUT_SETTINGS) or None in read.values():
        read = {"title": own}
    if rules is None:
        return read
    last = int(rules[1]) + 1 if rules[1] else 0
    keys = ("width", "height", "fps", "first_frame")
    return read | protocol_settings(*(protocol.get(key) for key in keys), last)  # type: ignore[arg-type]
