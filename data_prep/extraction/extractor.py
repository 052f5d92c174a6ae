"""From a part of a real video to the material of its clips: sound, scenes, speakers, crops, and what is rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from data_prep.datasets.jobs import VideoJob, scene_id
from data_prep.extraction.crop import apply_crop, to_crop
from data_prep.extraction.crop_fit import FittedCrop, fitted_crop
from data_prep.extraction.crop_methods import Given
from data_prep.extraction.face_tracks import Track, follow, second_face_share, speaker
from data_prep.extraction.footage import Footage, first_picture, job_span
from data_prep.extraction.portrait import portrait_frame
from data_prep.extraction.raw_clip import Material, fit
from data_prep.extraction.scenes import BLACK, scene_spans
from data_prep.extraction.thumbnail import draw_thumbnail, to_jpeg
from data_prep.extraction.voice_activity import VoiceDetector
from data_prep.filters.lip_sync import LipSync, Seen, SyncMeter, build_meter
from data_prep.filters.picture_quality import loudness_db
from data_prep.filters.single_speaker import PersonCheck
from data_prep.outcome import Rejected
from data_prep.rules import RejectionError
from lt_bench.config.data import CropConfig, QualityConfig
from lt_bench.conventions import FPS
from lt_bench.errors import ColourError, FaceError, MediaError
from lt_bench.media.audio import read_audio
from lt_bench.media.video import probe_video
from lt_bench.perception.faces import FaceLandmarker, FaceTrack
from lt_bench.perception.mouth_measures import mouth_boxes
from lt_bench.perception.speech.base import FORGIVEN_SAMPLES, SAMPLES_PER_FRAME
from lt_bench.shapes import Waveform

MAX_FACES = 3
"""Faces looked for in a frame."""
FORGIVEN_SECONDS = 1.0
"""A video may end this much before the part of it that a list asks for."""


@dataclass(frozen=True)
class Refused:
    """A rejected clip, and a picture of it where one could be had."""

    rejected: Rejected
    thumbnail: bytes | None


@dataclass(frozen=True)
class _Sound:
    audio: Waveform
    speech: Bool[ndarray, " samples"]


class FilmCutter:
    """Holds the networks that look at real videos, each built at its first use."""

    def __init__(self, resolution: int, crop: CropConfig, quality: QualityConfig) -> None:
        self.resolution, self.crop, self.quality = resolution, crop, quality

    def clips(self, job: VideoJob) -> Iterator[Material | Refused]:
        """The clips of a job in the order of time, each as material or as rejected.

        A material's frames must be used before the next one is asked for.
        """
        try:
            sound = self._sound(job)
            audible = (len(sound.audio) + FORGIVEN_SAMPLES) // SAMPLES_PER_FRAME
            footage = self._footage(job, audible)
        except RejectionError as error:
            yield Refused(Rejected.by(error, job.id, job.source), _any_picture(job))
            return
        with footage:
            most = round(self.quality.max_seconds * FPS)
            spans = scene_spans(footage.count, footage.cuts, most, footage.black)
            if not spans:
                yield _all_black(job, footage)
            for number, (start, stop) in enumerate(spans):
                yield self._scene(job, footage, sound, scene_id(job.id, number, len(spans)), start, stop)

    def close(self) -> None:
        """Free the networks."""
        if "_landmarker" in self.__dict__:
            self._landmarker.close()

    @cached_property
    def _landmarker(self) -> FaceLandmarker:
        return FaceLandmarker(MAX_FACES)

    @cached_property
    def _voice(self) -> VoiceDetector:
        return VoiceDetector()

    @cached_property
    def _person(self) -> PersonCheck:
        return PersonCheck()

    @cached_property
    def _sync(self) -> SyncMeter:
        return build_meter(self.quality.offset_by)

    def _sound(self, job: VideoJob) -> _Sound:
        try:
            info = probe_video(job.path)
        except MediaError as error:
            raise _refusal(error, job) from None
        try:
            audio = read_audio(job.path, span=job_span(job))
        except MediaError as error:
            raise RejectionError("unreadable" if info.has_audio else "no_sound", _plain(error, job)) from None
        self._check_loudness(audio)
        return _Sound(audio, self._voice.speech(audio))

    def _footage(self, job: VideoJob, audible: int) -> Footage:
        try:
            footage = Footage(job, audible, self._landmarker, self.quality.scene_threshold)
        except MediaError as error:
            raise _refusal(error, job) from None
        self._check_length(footage.count)
        if job.stop is not None and footage.count < (job.stop - job.start - FORGIVEN_SECONDS) * FPS:
            end = job.start + footage.count / FPS
            footage.close()
            raise RejectionError("unreadable", f"expected a video until {job.stop:g} s, got one that ends at {end:g} s")
        return footage

    def _scene(
        self, job: VideoJob, footage: Footage, sound: _Sound, clip_id: str, start: int, stop: int
    ) -> Material | Refused:
        faces = footage.faces[start:stop]
        chosen = crop = None
        try:
            self._check_length(len(faces))
            audio, share = self._voice_of(sound, start, stop)
            tracks = follow(faces)
            chosen = speaker(tracks, _region(job, footage))
            self._check_faces(tracks, chosen, len(faces))
            assert chosen is not None
            track = chosen.as_face_track([len(found) for found in faces])
            fitted = self._crop(job, track.landmarks, footage)
            crop = fitted.crop
            self._check_person(track, lambda frame: footage.part(start + frame, start + frame + 1)[0])
            seen = Seen(clip_id, audio, track, lambda most: footage.part(start, min(stop, start + most)))
            sync = self._lip_sync(seen)
        except RejectionError as error:
            refused = Rejected.by(error, clip_id, job.source)
            return Refused(refused, draw_thumbnail(footage, start, stop, chosen, crop))
        points = to_crop(track.landmarks, crop)
        return Material(
            id=clip_id,
            frames=lambda: (apply_crop(frame, crop, self.resolution) for frame in footage.frames(start, stop)),
            count=len(faces),
            audio=audio,
            portrait=portrait_frame(track),
            landmarks=points,
            mouth_box=np.clip(mouth_boxes(points), 0, 1),
            counts=track.counts,
            source_pixels=crop.side,
            crop=crop.box,
            roll=crop.roll,
            invented=fitted.invented,
            speech_share=share,
            sync=sync,
            thumbnail=draw_thumbnail(footage, start, stop, chosen, crop),
        )

    def _crop(self, job: VideoJob, landmarks: ndarray, footage: Footage) -> FittedCrop:
        size, limit = (footage.width, footage.height), self.quality.max_invented
        try:
            return fitted_crop(landmarks, self.crop, size, limit, _given(job, footage))
        except FaceError as error:
            raise RejectionError("crop", str(error)) from None

    def _voice_of(self, sound: _Sound, start: int, stop: int) -> tuple[Waveform, float]:
        span = slice(start * SAMPLES_PER_FRAME, stop * SAMPLES_PER_FRAME)
        audio = fit(sound.audio[span], stop - start)
        self._check_loudness(audio)
        share, least = float(sound.speech[span].mean()), self.quality.min_speech_share
        if share < least:
            text = f"expected speech in at least {least:.0%} of the time, got {share:.0%}"
            raise RejectionError("no_speech", text, share, least)
        return audio, share

    def _check_length(self, frames: int) -> None:
        seconds, least = frames / FPS, self.quality.min_seconds
        if seconds < least:
            text = f"expected at least {round(least * FPS)} frames ({least:g} s) with sound, got {frames}"
            raise RejectionError("short", text, seconds, least)

    def _check_loudness(self, audio: Waveform) -> None:
        level, least = loudness_db(audio), self.quality.min_loudness_db
        if level is None or level < least:
            got = "silence" if level is None else f"near silence ({level:.0f} dB)"
            raise RejectionError("silence", f"expected sound of at least {least:g} dB, got {got}", level, least)

    def _check_faces(self, tracks: list[Track], chosen: Track | None, frames: int) -> None:
        quality = self.quality
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

    def _check_person(self, track: FaceTrack, picture: Callable[[int], ndarray]) -> None:
        most = self.quality.max_person_distance
        found = 0.0 if most is None else self._person.distance(track, picture, most)
        if most is not None and found > most:
            text = f"expected one person, got faces {found:.2f} apart at different times (a dissolve?)"
            raise RejectionError("two_people", text, found, most)

    def _lip_sync(self, clip: Seen) -> LipSync | None:
        most = self.quality.max_offset
        found = None if most is None else self._sync.measure(clip)
        if found is not None and most is not None and abs(found.offset) > most:
            text = f"expected lips within {most} frames of the voice, got {found.offset:+d} ({self.quality.offset_by})"
            raise RejectionError("offset", text, found.offset, most)
        return found


def _all_black(job: VideoJob, footage: Footage) -> Refused:
    error = RejectionError("dark", f"expected pictures, got {footage.count} black frames", 0.0, BLACK)
    return Refused(Rejected.by(error, job.id, job.source), draw_thumbnail(footage, 0, footage.count, None, None))


def _region(job: VideoJob, footage: Footage) -> ndarray | None:
    sides = (footage.width, footage.height, footage.width, footage.height)
    return None if job.region is None else np.array(job.region) * sides


def _given(job: VideoJob, footage: Footage) -> Given | None:
    """The list's crop; where it names a region only, the square around that."""
    region = _region(job, footage)
    if job.given is not None or region is None:
        return job.given
    side = float((region[2:] - region[:2]).max())
    x, y = (region[:2] + region[2:] - side) / 2
    return Given(x=float(x), y=float(y), side=side, reference=footage.height)


def _any_picture(job: VideoJob) -> bytes | None:
    try:
        return to_jpeg(first_picture(job.path, job_span(job)))
    except (MediaError, StopIteration):
        return None


def _refusal(error: MediaError, job: VideoJob) -> RejectionError:
    """The rule that a video falls under that cannot be read as it is shown."""
    return RejectionError("colour" if isinstance(error, ColourError) else "unreadable", _plain(error, job))


def _plain(error: Exception, job: VideoJob) -> str:
    return str(error).replace(f"{job.path}: ", "")
