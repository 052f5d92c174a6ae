"""Limits on a clip's length, sound and faces; each function raises ``RejectionError`` where one is not kept."""

from __future__ import annotations

from data_prep.extraction.face_tracks import Track, second_face_share
from data_prep.filters.picture_quality import loudness_db
from data_prep.rules import RejectionError
from lt_bench.config.data import QualityConfig
from lt_bench.perception.speech.base import FPS
from lt_bench.shapes import Waveform


def check_length(frames: int, quality: QualityConfig) -> None:
    """Reject a clip that is too short."""
    seconds, least = frames / FPS, quality.min_seconds
    if seconds < least:
        text = f"expected at least {round(least * FPS)} frames ({least:g} s) with sound, got {frames}"
        raise RejectionError("short", text, seconds, least)


def check_loudness(audio: Waveform, quality: QualityConfig) -> None:
    """Reject silent sound."""
    level, least = loudness_db(audio), quality.min_loudness_db
    if level is None or level < least:
        got = "silence" if level is None else f"near silence ({level:.0f} dB)"
        raise RejectionError("silence", f"expected sound of at least {least:g} dB, got {got}", level, least)


def check_faces(tracks: list[Track], chosen: Track | None, frames: int, quality: QualityConfig) -> Track:
    """Reject a clip without its speaker's face, with a second face, or with a face too small or seen too rarely.

    Args:
        tracks: all faces of the clip.
        chosen: the speaker's, None where there is none.
        frames: of the clip.
        quality: the limits.

    Returns:
        The speaker's track.
    """
    if chosen is None:
        raise RejectionError("no_face", "expected a face, got none in any frame")
    share, second = len(chosen.faces) / frames, second_face_share(tracks, chosen, frames)
    if second > quality.max_second_face:
        text = f"expected one face, got a second one in {second:.0%} of the frames"
        raise RejectionError("two_faces", text, second, quality.max_second_face)
    if share < quality.min_face_share:
        text = f"expected the face in at least {quality.min_face_share:.0%} of the frames, got {share:.0%}"
        raise RejectionError("face_time", text, share, quality.min_face_share)
    if chosen.height < quality.min_face_pixels:
        text = f"expected a face at least {quality.min_face_pixels:g} px high, got {chosen.height:.0f} px"
        raise RejectionError("small_face", text, chosen.height, quality.min_face_pixels)
    return chosen
