"""A latent cache, and how to prepare it where it does not exist yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lt_bench.data_sets import data_set_entry


@dataclass(frozen=True)
class SyntheticConfig:
    """The embedded procedural set: identity-disjoint splits of fresh speakers."""

    train_speakers: int = 320
    validation_speakers: int = 8
    test_speakers: int = 12
    takes: int = 2
    """Clips per speaker, each with its own scene, words and motion; in a test split the last take is the gallery."""
    train_frames: int = 50
    """Length of a training clip, in frames at 25 fps."""
    test_frames: int = 75
    """Length of a validation or test clip, in frames."""
    head_motion: float = 0.4
    """Scales the motion of the head, 0 to 1: 0 is a still head, 0.4 resembles a calm speaker, and 1 turns by 9 degrees
    within a third of a second, which is livelier than real talking heads. Calmer heads also sway more slowly."""
    seed: int = 0


@dataclass(frozen=True)
class CropConfig:
    """How a real clip's one square is found; rendered clips are square already."""

    method: Literal["stable", "ffhq", "window", "ratio"] = "stable"
    """stable: around the union of the face's boxes. ffhq: from eyes and mouth as FFHQ is aligned, turned upright.
    window, ratio: the two ways of HDTF's README: the list's fixed window, or the union times the list's factor."""
    scale: float = 1.5
    """Side of the stable square over the larger side of the face's union."""
    rise: float = 0.08
    """Centre of the stable square above that of the union, over the union's larger side: landmarks end at the
    hairline."""
    smoothing: int = 5
    """Frames of the moving median over face boxes, odd."""
    max_travel: float = 2.5
    """Largest side of the union over the median side of the face; beyond it the head leaves its place."""


@dataclass(frozen=True)
class QualityConfig:
    """Which real clips are kept. Every rejected clip is listed with its rule, the number measured and the limit."""

    scene_threshold: float = 18.0
    """PySceneDetect's content value (0..255) at which a new scene, and so a new clip, begins; 0: never. Talking heads
    stay below 3; cuts between people before one studio wall were measured at 23 to 51."""
    min_seconds: float = 1.0
    max_seconds: float = 0.0
    """Longer scenes become several clips of equal length; 0: never."""
    min_face_share: float = 0.9
    """Share of the frames in which the clip's face must be found."""
    min_face_pixels: float = 100.0
    """Median height of the face in the source's pixels, hairline to chin."""
    max_invented: float = 0.02
    """Share of the crop that may lie beyond the picture, where its border is repeated. A crop is first moved into the
    picture, and made smaller where it does not fit; what is left is a face that the picture cuts."""
    max_second_face: float = 0.1
    """Share of the frames that may show a second face of at least half the height of the clip's."""
    max_person_distance: float | None = 0.6
    """Largest distance of dlib's descriptors of a clip's face at different times, by dlib's author the limit of one
    person; null: not measured. Clips of one person measure 0.2 to 0.3, the two sides of a dissolve 0.9."""
    min_sharpness: float = 10.0
    """Median variance of the luma's Laplacian, of the prepared frames at 128 pixels. Of real clips 158 to 299; blurred
    by 1.5% of the face's height 13 to 26, by 3%, where lips are no longer followed, 4 to 7."""
    min_luma: float = 30.0
    """Mean luma of the prepared frames, 0..255. Twice that at which lips begin to be lost in darkened real clips."""
    min_loudness_db: float = -60.0
    """RMS level in dB of full scale."""
    min_speech_share: float = 0.2
    """Share of the time that silero-vad takes for speech."""
    max_offset: int | None = 3
    """Frames by which lips may come early or late; null: not measured. Clips of fewer than 50 frames cannot be measured
    and are kept."""
    offset_by: Literal["auto", "lip_sync_open", "syncnet"] = "auto"
    """What tells the offset. syncnet: the network of Sync-C, on the first 75 frames. auto: syncnet where its weights
    are here when the cache is begun, else lip_sync_open; the cache says which, and goes on with it."""
    duplicates: Literal["reject", "keep"] = "reject"
    """Clips whose pictures and sound are those of another one."""


@dataclass(frozen=True)
class DataConfig:
    """What to train on."""

    dataset: str = "synthetic"
    """Name of a data set: synthetic, grid-sample, grid, crema-d, folder, hdtf, celebv-hq."""
    cache: str = "caches/synthetic-128"
    """Folder of the latent cache, relative to the working folder."""
    resolution: int = 128
    """Side of the square frames, in pixels."""
    codec: str = "auto"
    """ae_rendered_f32 (rendered faces only), dct, taef2, or a local folder / hub id of a diffusers autoencoder as
    ``kl:PATH`` or ``dc:PATH``. auto: the data set's own default."""
    speech_encoder: str = "log_mel"
    """log_mel, moonshine, or ``wav2vec2:PATH``."""
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)
    folder: str = ""
    """Folder of videos, for ``dataset: folder``."""
    splits_of: str = ""
    """Earlier cache whose identities keep their splits, for ``dataset: folder`` (``data_prep/datasets/splits.py``)."""
    videos: str = ""
    """Folder of the downloaded videos; empty: ``DATASET-videos`` next to the
    cache."""
    speakers: str = ""
    """Speakers of a data set that numbers them (grid: 1 to 34, crema-d: 1001 to 1091), as ``1-5,7``; empty: all."""
    clips_per_speaker: int = 0
    """Clips of each of these speakers, evenly over their names; 0: all."""
    info: str = ""
    """CelebV-HQ's ``celebvhq_info.json``."""
    crop: CropConfig = field(default_factory=CropConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)

    def __post_init__(self) -> None:
        entry = data_set_entry(self.dataset)
        if self.codec == "auto":  # resolved at once, so that every saved configuration names its codec
            object.__setattr__(self, "codec", entry.codec)
