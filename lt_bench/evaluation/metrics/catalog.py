"""The registry of all metrics: where each is defined, and how one is built with its settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lt_bench.evaluation.metrics.base import Metric
from lt_bench.registry import Registry

_HERE = "lt_bench.evaluation.metrics"
METRICS = Registry(
    "metric",
    Metric,
    {
        "av_offset": f"{_HERE}.synthetic.lip_correlation:AvOffset",
        "beat_align": f"{_HERE}.motion.beat_align:BeatAlign",
        "blink_rate": f"{_HERE}.motion.head_motion:BlinkRate",
        "blink_rate_difference": f"{_HERE}.motion.head_motion:BlinkRateDifference",
        "blink_rate_probe": f"{_HERE}.synthetic.probe_pose:BlinkRateProbe",
        "dssim_aligned": f"{_HERE}.alignment.ssim_aligned:SsimAligned",
        "expression_distance": f"{_HERE}.motion.expression:ExpressionDistance",
        "expression_distance_aligned": f"{_HERE}.alignment.expression_aligned:ExpressionAligned",
        "expression_fd": f"{_HERE}.motion.expression:ExpressionFd",
        "fd_probe": f"{_HERE}.distribution.fd_probe:FdProbe",
        "fd_squeezenet": f"{_HERE}.distribution.fd_squeezenet:FdSqueezenet",
        "fid": f"{_HERE}.distribution.fid:Fid",
        "flicker_ratio": f"{_HERE}.motion.pixel_motion:FlickerRatio",
        "fvd": f"{_HERE}.distribution.fvd:Fvd",
        "fvd_faces": f"{_HERE}.distribution.fvd:FvdFaces",
        "fvd_videomae": f"{_HERE}.distribution.fvd_videomae:FvdVideoMae",
        "head_motion_ratio": f"{_HERE}.motion.head_motion:HeadMotionRatio",
        "head_pose_diversity": f"{_HERE}.motion.head_motion:HeadPoseDiversity",
        "identity_arcface": f"{_HERE}.identity.identity_arcface:IdentityArcFace",
        "identity_arcface_drift": f"{_HERE}.identity.identity_arcface:IdentityArcFaceDrift",
        "identity_arcface_truth": f"{_HERE}.identity.identity_arcface:IdentityArcFaceTruth",
        "identity_arcface_worst": f"{_HERE}.identity.identity_arcface:IdentityArcFaceWorst",
        "identity_dlib": f"{_HERE}.identity.identity_dlib:IdentityDlib",
        "identity_dlib_drift": f"{_HERE}.identity.identity_dlib:IdentityDlibDrift",
        "identity_dlib_truth": f"{_HERE}.identity.identity_dlib:IdentityDlibTruth",
        "identity_dlib_truth_aligned": f"{_HERE}.alignment.identity_aligned:IdentityDlibTruthAligned",
        "identity_dlib_worst": f"{_HERE}.identity.identity_dlib:IdentityDlibWorst",
        "identity_probe": f"{_HERE}.synthetic.identity_probe:IdentityProbe",
        "identity_rank1": f"{_HERE}.synthetic.identity_probe:IdentityRank1",
        "kid": f"{_HERE}.distribution.kid:Kid",
        "lip_corr": f"{_HERE}.synthetic.lip_correlation:LipCorr",
        "lip_corr_shuffled": f"{_HERE}.synthetic.lip_correlation:LipCorrShuffled",
        "lip_error": f"{_HERE}.synthetic.lip_correlation:LipError",
        "lip_sync_open": f"{_HERE}.lip_sync.lip_sync_open:LipSyncOpen",
        "lip_sync_open_confidence": f"{_HERE}.lip_sync.lip_sync_open:LipSyncOpenConfidence",
        "lip_sync_open_offset": f"{_HERE}.lip_sync.lip_sync_open:LipSyncOpenOffset",
        "lmd_face": f"{_HERE}.lip_sync.landmark_distance:LmdFace",
        "lmd_face_aligned": f"{_HERE}.alignment.landmarks_aligned:LmdFaceAligned",
        "lmd_lips": f"{_HERE}.lip_sync.landmark_distance:LmdLips",
        "lmd_lips_aligned": f"{_HERE}.alignment.landmarks_aligned:LmdLipsAligned",
        "lpips_alex": f"{_HERE}.image.lpips:LpipsAlex",
        "lpips_alex_aligned": f"{_HERE}.alignment.lpips_aligned:LpipsAlexAligned",
        "lpips_vgg": f"{_HERE}.image.lpips:LpipsVgg",
        "macs_per_video_second": f"{_HERE}.reported:Macs",
        "motion_ratio": f"{_HERE}.motion.pixel_motion:MotionRatio",
        "parameters": f"{_HERE}.reported:Parameters",
        "pitch_error": f"{_HERE}.synthetic.probe_pose:PitchError",
        "pose_std_ratio": f"{_HERE}.synthetic.probe_pose:PoseStdRatio",
        "precision": f"{_HERE}.distribution.precision_recall:Precision",
        "psnr": f"{_HERE}.image.psnr:Psnr",
        "recall": f"{_HERE}.distribution.precision_recall:Recall",
        "roll_error": f"{_HERE}.synthetic.probe_pose:RollError",
        "rounding_corr": f"{_HERE}.synthetic.lip_correlation:RoundingCorr",
        "seconds_per_video_second": f"{_HERE}.reported:SecondsPerVideoSecond",
        "sharpness": f"{_HERE}.image.sharpness:Sharpness",
        "ssim": f"{_HERE}.image.ssim:Ssim",
        "sync_c": f"{_HERE}.lip_sync.syncnet_scores:SyncC",
        "sync_d": f"{_HERE}.lip_sync.syncnet_scores:SyncD",
        "sync_offset": f"{_HERE}.lip_sync.syncnet_scores:SyncOffset",
        "width_corr": f"{_HERE}.synthetic.lip_correlation:WidthCorr",
        "yaw_error": f"{_HERE}.synthetic.probe_pose:YawError",
    },
)
"""Every metric by name."""
register_metric = METRICS.register
metric_names = METRICS.names


def build_metric(name: str, settings: Mapping[str, Any] | None = None, source: str = "protocol") -> Metric:
    """Build a metric with its settings.

    Args:
        name: of the metric.
        settings: values of its dataclass's fields.
        source: names the protocol in errors.

    Raises:
        ConfigError: unknown name, or an unknown or ill-typed setting.
    """
    from lt_bench.config import parse_config

    kind = METRICS.get(name, f"{source}: key 'scores'")
    return parse_config(kind, dict(settings or {}), f"{source}: score '{name}'")
