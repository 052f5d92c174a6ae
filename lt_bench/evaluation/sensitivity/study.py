"""Apply every damage to every real clip and score the outcome; what was measured before is not measured again."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lt_bench.errors import LtBenchError, ResultError
from lt_bench.evaluation.harness import Options, unavailable
from lt_bench.evaluation.inputs.clip_context import ClipContext, VideoView
from lt_bench.evaluation.inputs.reference_set import ReferenceSet, ReferenceVideo, open_reference_set
from lt_bench.evaluation.metrics.base import Metric, ReportedMetric
from lt_bench.evaluation.protocol import Protocol, load_protocol
from lt_bench.evaluation.running.clip_scorer import ClipScorer, ClipScores, miss_of
from lt_bench.evaluation.running.scoring_job import Work, build_metrics
from lt_bench.evaluation.sensitivity.damages import FRAME_DAMAGES, SOUND_DAMAGES, FrameDamage, SoundDamage
from lt_bench.media.audio import read_audio, write_wav
from lt_bench.plugins import load_plugins
from lt_bench.shapes import Frames

Damage = FrameDamage | SoundDamage
CODE = "1"
"""Changes whenever a damage of the same name and level does something else."""


@dataclass(frozen=True)
class Cell:
    """One level of one damage: what all clips gave."""

    damage: str
    level: float | None
    """None: undamaged."""
    clips: tuple[ClipScores, ...]


@dataclass(frozen=True)
class Study:
    """All cells, the undamaged one first."""

    protocol: Protocol
    reference: ReferenceSet
    scores: tuple[Metric, ...]
    """Those that look at videos and can be computed here."""
    missing: dict[str, str]
    """Why the others cannot."""
    cells: tuple[Cell, ...]


def run_study(
    real: str | os.PathLike[str],
    protocol: str | Protocol,
    work: Path,
    clips: int = 0,
    progress: Callable[[int, int], None] | None = None,
    options: Options | None = None,
    damages: Sequence[Damage] = (*FRAME_DAMAGES, *SOUND_DAMAGES),
) -> Study:
    """Measure all responses.

    Args:
        real: a real set's folder, or any folder of videos, of at least two people.
        protocol: its name, YAML file, or itself.
        work: folder for damaged sound.
        clips: number of clips whose frames are damaged, the first ones; those to the sound cost little and go to all.
        progress: called with the numbers of finished and of all cells and clips.
        options: where features are kept.
        damages: which.

    Raises:
        ResultError: the real set has fewer than two people.
    """
    options = options or Options()
    load_plugins(options.plugins)
    rules = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
    reference = open_reference_set(real)
    if not reference.other_identities():
        raise ResultError(f"{real}: expected videos of at least two people, got one")
    scores = [score for score in build_metrics(rules) if not isinstance(score, ReportedMetric)]
    missing = {score.name: why for score in scores if (why := unavailable(score, reference))}
    able = tuple(score for score in scores if score.name not in missing)
    names = tuple(score.name for score in able)
    runner = _Runner(
        Work(reference, rules, reference.size(rules.size), names, options.store, options.plugins).scorer(), work
    )
    found: dict[tuple[str, float | None], list[ClipScores]] = {}
    steps = [(entry, *step) for i, entry in enumerate(reference.clips) for step in _levels(damages, i, clips)]
    for done, (entry, damage, level) in enumerate(steps):
        if progress:
            progress(done, len(steps))
        name = damage.name if damage else ""
        found.setdefault((name, level), []).append(runner.measure(entry, damage, level))
    if progress:
        progress(len(steps), len(steps))
    runner.close()
    cells = tuple(Cell(name, level, tuple(measured)) for (name, level), measured in found.items())
    return Study(rules, reference, able, missing, cells)


def _levels(damages: Sequence[Damage], clip: int, clips: int) -> Iterator[tuple[Damage | None, float | None]]:
    yield None, None
    for damage in damages:
        if isinstance(damage, SoundDamage) or not clips or clip < clips:
            yield from ((damage, level) for level in damage.levels)


class _Runner:
    def __init__(self, scorer: ClipScorer, work: Path) -> None:
        self.scorer, self.work = scorer, work
        self._listening = ClipScorer(scorer.loader, [score for score in scorer.scores if "audio" in score.needs])
        self._loaded: tuple[ReferenceVideo, ClipContext] | None = None

    def measure(self, entry: ReferenceVideo, damage: Damage | None, level: float | None) -> ClipScores:
        """Scores of one clip with one damage."""
        try:
            clip = self._load(entry)
            if damage is None or level is None:
                return self.scorer.measure(replace(clip, generated=self._undamaged(clip)), entry)
            if isinstance(damage, SoundDamage):
                heard = clip.real.dubbed(self._sound(clip, damage, level))
                return self._listening.measure(replace(clip, generated=heard), entry)
            return self.scorer.measure(replace(clip, generated=self._damaged(clip, damage, level)), entry)
        except LtBenchError as error:
            return ClipScores(entry.id, misses=(miss_of(error, entry.id, None, (entry.video.parent,)),))

    def close(self) -> None:
        """Free the detectors."""
        self.scorer.loader.release()
        self.scorer.loader.tools.close()

    def _load(self, entry: ReferenceVideo) -> ClipContext:
        if self._loaded is None or self._loaded[0] is not entry:
            self.scorer.loader.release()
            self._loaded = entry, self.scorer.loader.load(entry, entry.video)[0]
        return self._loaded[1]

    def _undamaged(self, clip: ClipContext) -> VideoView:
        return replace(clip.real, load=lambda: clip.real.frames, real=False)

    def _damaged(self, clip: ClipContext, damage: FrameDamage, level: float) -> VideoView:
        def load() -> Frames:
            return damage.apply(clip.real.frames, level, self._other_frames(clip))

        treatment = f"{clip.real.treatment}, damage {CODE} {damage.name} {level:g}"
        return replace(clip.real, load=load, treatment=treatment, real=False, _memo={})

    def _other_frames(self, clip: ClipContext) -> Frames:
        """As many frames of another person; the last one is held where there are fewer."""
        assert clip.other_video is not None
        frames = self.scorer.loader.decoder.frames(clip.other_video, clip.real.length)
        return frames[np.minimum(np.arange(clip.real.length), len(frames) - 1)]

    def _sound(self, clip: ClipContext, damage: SoundDamage, level: float) -> Path:
        assert clip.other_video is not None
        path = self.work / "sound" / f"{clip.id}_{damage.name}_{level:g}.wav"
        self.work.joinpath("sound").mkdir(parents=True, exist_ok=True)
        write_wav(path, damage.apply(clip.real.audio, level, read_audio(clip.other_video)))
        return path
