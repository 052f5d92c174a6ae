"""From a part of a real video to the material of its clips: sound, scenes, speakers, crops, and what is rejected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from data_prep.datasets.jobs import VideoJob, scene_id
from data_prep.extraction.checks import check_faces, check_length, check_loudness
from data_prep.extraction.crop import apply_crop, to_crop
from data_prep.extraction.crop_fit import FittedCrop, fitted_crop
from data_prep.extraction.crop_methods import Given
from data_prep.extraction.face_tracks import Track, follow, speaker
from data_prep.extraction.footage import Footage, first_picture, job_span
from data_prep.extraction.portrait import portrait_frame
from data_prep.extraction.raw_clip import Material, fit
from data_prep.extraction.scenes import BLACK, scene_spans
from data_prep.extraction.thumbnail import draw_thumbnail, to_jpeg
from data_prep.extraction.voice_activity import VoiceDetector
from data_prep.filters.lip_sync import LipSync, Seen, SyncMeter, build_meter
from data_prep.filters.single_speaker import PersonCheck
from data_prep.outcome import Rejected
from data_prep.rules import RejectionError
from data_prep.stages import PIPELINE, STAGES, Stage
from lt_bench.config.data import CropConfig, QualityConfig
from lt_bench.conventions import FPS
from lt_bench.errors import ColourError, FaceError, MediaError
from lt_bench.media.audio import read_audio
from lt_bench.media.video import probe_video
from lt_bench.perception.faces import Face, FaceLandmarker, FaceTrack
from lt_bench.perception.mouth_measures import mouth_boxes
from lt_bench.perception.speech.base import FORGIVEN_SAMPLES, SAMPLES_PER_FRAME
from lt_bench.shapes import Waveform

MAX_FACES = 3
"""Faces looked for in a frame."""
FORGIVEN_SECONDS = 1.0
"""A video may end this much before the part of it that a list asks for."""
Watch = Callable[[Stage], AbstractContextManager[None]]
"""Opened around the work of each stage, to measure it."""


@dataclass(frozen=True)
class Refused:
    """A rejected clip, and a picture of it where one could be had."""

    rejected: Rejected
    thumbnail: bytes | None


@dataclass(frozen=True)
class _Sound:
    audio: Waveform
    speech: Bool[ndarray, " samples"]


@dataclass
class _Scene:
    """A scene on its way through the stages; each stage fills in what later ones read."""

    id: str
    job: VideoJob
    footage: Footage
    sound: _Sound
    start: int
    """First frame in the footage."""
    stop: int
    """Frame after the last."""
    audio: Waveform = field(default_factory=lambda: np.zeros(0, np.float32))
    speech_share: float = 0.0
    chosen: Track | None = None
    fitted: FittedCrop | None = None
    track: FaceTrack | None = None
    sync: LipSync | None = None

    @property
    def faces(self) -> list[list[Face]]:
        return self.footage.faces[self.start : self.stop]

    @property
    def thumbnail(self) -> bytes:
        crop = self.fitted.crop if self.fitted else None
        return draw_thumbnail(self.footage, self.start, self.stop, self.chosen, crop)


class FilmCutter:
    """Holds the networks that look at real videos, each built at its first use.

    Args:
        resolution: side of the prepared frames, in pixels.
        crop: how a clip's square is found.
        quality: which clips are kept.
        watch: opened around the work of each stage.
        stages: in the order in which a scene goes through them; those that are not the extractor's are passed over.
    """

    def __init__(
        self,
        resolution: int,
        crop: CropConfig,
        quality: QualityConfig,
        watch: Watch = lambda stage: nullcontext(),
        stages: Sequence[Stage] = PIPELINE,
    ) -> None:
        self.resolution, self.crop, self.quality = resolution, crop, quality
        self._watch = watch
        work: Mapping[str, Callable[[_Scene], None]] = {
            "split": self._check_scene,
            "audio": self._hear,
            "faces": self._look,
            "quality": self._compare,
        }
        self._work = [(stage, work[stage.name]) for stage in stages if stage.name in work]

    def clips(self, job: VideoJob) -> Iterator[Material | Refused]:
        """The clips of a job in the order of time, each as material or as rejected.

        A material's frames must be used before the next one is asked for.
        """
        try:
            with self._watch(STAGES["audio"]):
                sound = self._sound(job)
            audible = (len(sound.audio) + FORGIVEN_SAMPLES) // SAMPLES_PER_FRAME
            with self._watch(STAGES["split"]):
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
                name = scene_id(job.id, number, len(spans))
                yield self._clip(_Scene(name, job, footage, sound, start, stop))

    def build(self) -> None:
        """Build every network now rather than at its first use."""
        _ = self._landmarker, self._voice
        if self.quality.max_person_distance is not None:
            _ = self._person
        if self.quality.max_offset is not None:
            _ = self._sync

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
        check_loudness(audio, self.quality)
        return _Sound(audio, self._voice.speech(audio))

    def _footage(self, job: VideoJob, audible: int) -> Footage:
        try:
            footage = Footage(job, audible, self._landmarker, self.quality.scene_threshold)
        except MediaError as error:
            raise _refusal(error, job) from None
        check_length(footage.count, self.quality)
        if job.stop is not None and footage.count < (job.stop - job.start - FORGIVEN_SECONDS) * FPS:
            end = job.start + footage.count / FPS
            footage.close()
            raise RejectionError("unreadable", f"expected a video until {job.stop:g} s, got one that ends at {end:g} s")
        return footage

    def _clip(self, scene: _Scene) -> Material | Refused:
        try:
            for stage, work in self._work:
                with self._watch(stage):
                    work(scene)
        except RejectionError as error:
            return Refused(Rejected.by(error, scene.id, scene.job.source), scene.thumbnail)
        return self._material(scene)

    def _check_scene(self, scene: _Scene) -> None:
        check_length(scene.stop - scene.start, self.quality)

    def _hear(self, scene: _Scene) -> None:
        scene.audio, scene.speech_share = self._voice_of(scene.sound, scene.start, scene.stop)

    def _look(self, scene: _Scene) -> None:
        faces, footage = scene.faces, scene.footage
        tracks = follow(faces)
        scene.chosen = speaker(tracks, _region(scene.job, footage))
        chosen = check_faces(tracks, scene.chosen, len(faces), self.quality)
        track = chosen.as_face_track([len(found) for found in faces])
        scene.fitted = self._crop(scene.job, track.landmarks, footage)
        self._check_person(track, lambda frame: footage.part(scene.start + frame, scene.start + frame + 1)[0])
        scene.track = track

    def _compare(self, scene: _Scene) -> None:
        assert scene.track is not None
        start, stop = scene.start, scene.stop
        frames = scene.footage.part
        scene.sync = self._lip_sync(
            Seen(scene.id, scene.audio, scene.track, lambda most: frames(start, min(stop, start + most)))
        )

    def _material(self, scene: _Scene) -> Material:
        assert scene.track is not None
        assert scene.fitted is not None
        track, crop, frames = scene.track, scene.fitted.crop, scene.footage.frames
        points = to_crop(track.landmarks, crop)
        return Material(
            id=scene.id,
            frames=lambda: (apply_crop(frame, crop, self.resolution) for frame in frames(scene.start, scene.stop)),
            count=scene.stop - scene.start,
            audio=scene.audio,
            portrait=portrait_frame(track),
            landmarks=points,
            mouth_box=np.clip(mouth_boxes(points), 0, 1),
            counts=track.counts,
            source_pixels=crop.side,
            crop=crop.box,
            roll=crop.roll,
            invented=scene.fitted.invented,
            speech_share=scene.speech_share,
            sync=scene.sync,
            thumbnail=scene.thumbnail,
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
        check_loudness(audio, self.quality)
        share, least = float(sound.speech[span].mean()), self.quality.min_speech_share
        if share < least:
            text = f"expected speech in at least {least:.0%} of the time, got {share:.0%}"
            raise RejectionError("no_speech", text, share, least)
        return audio, share

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
