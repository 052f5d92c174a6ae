"""Settings of a latent cache and its preparation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from lt_bench.data_sets import data_set_entry


@dataclass(frozen=True)
class SyntheticConfig:
    """The embedded procedural data set, with different speakers in each split."""

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
    """Scale of the head's motion, 0 to 1. 0 is a still head, 0.4 resembles a calm speaker, and 1 turns by 9 degrees
    within a third of a second, which is more than real talking heads. Calmer heads also sway more slowly."""
    seed: int = 0


@dataclass(frozen=True)
class CropConfig:
    """Selection of the one square crop of a real clip; rendered clips are already square."""

    method: str = "stable"
    """stable: around the union of the face's boxes. ffhq: from eyes and mouth as FFHQ is aligned, turned upright.
    window, ratio: the two ways of HDTF's README: the list's fixed window, or the union times the list's factor. Or a
    plugin's."""
    scale: float = 1.5
    """Side of the stable square divided by the larger side of the face's union."""
    rise: float = 0.08
    """Offset of the stable square's center above that of the union, divided by the union's larger side, because
    landmarks end at the hairline."""
    smoothing: int = 5
    """Length of the moving median over face boxes, in frames; odd."""
    max_travel: float = 2.5
    """Largest allowed side of the union divided by the median side of the face; larger values mean that the head moves
    away."""


@dataclass(frozen=True)
class QualityConfig:
    """Limits for real clips. Every rejected clip is listed with its rule, the measured number and the limit."""

    scene_threshold: float = 18.0
    """PySceneDetect's content value (0..255) at which a new scene, and so a new clip, starts; 0 never splits. Talking
    heads stay below 3; cuts between people in front of one studio wall measured 23 to 51."""
    min_seconds: float = 1.0
    max_seconds: float = 0.0
    """Maximum length of a clip; longer scenes are divided into clips of equal length. 0 is no limit."""
    min_face_share: float = 0.9
    """Minimum share of the frames with the clip's face."""
    min_face_pixels: float = 100.0
    """Minimum of the median face height in source pixels, hairline to chin."""
    max_invented: float = 0.02
    """Maximum share of the crop beyond the picture, where the border is repeated. A crop is first moved into the
    picture and shrunk if necessary, so only faces that the picture cuts off exceed the limit."""
    max_second_face: float = 0.1
    """Maximum share of the frames with a second face of at least half the height of the clip's face."""
    max_person_distance: float | None = 0.6
    """Maximum distance between dlib's descriptors of the face at different times, by default the limit that dlib's
    author recommends for one person; null skips the check. One person measures 0.2 to 0.3, the two sides of a dissolve
    0.9."""
    min_sharpness: float = 10.0
    """Minimum of the median variance of the luma's Laplacian in prepared frames at 128 pixels. Real clips measure 158
    to 299; blurred by 1.5% of the face's height 13 to 26; blurred by 3%, where lip tracking fails, 4 to 7."""
    min_luma: float = 30.0
    """Minimum mean luma of the prepared frames, 0..255. Lip tracking starts to fail at half this value."""
    min_loudness_db: float = -60.0
    """Minimum RMS level in dB of full scale."""
    min_speech_share: float = 0.2
    """Minimum share of the time that silero-vad detects as speech."""
    max_offset: int | None = 3
    """Maximum offset between lips and voice in frames; null skips the check. Clips of fewer than 50 frames cannot be
    measured and are kept."""
    offset_by: Literal["auto", "lip_sync_open", "syncnet"] = "auto"
    """Method that measures the offset. syncnet: the network of Sync-C, on the first 75 frames. auto: syncnet if its
    weights are available when the cache is started, otherwise lip_sync_open; the cache records the choice for resumed
    runs."""
    duplicates: Literal["reject", "keep"] = "reject"
    """Whether clips with the picture and sound of another clip are rejected or kept."""


@dataclass(frozen=True)
class DataConfig:
    """Data set, latent cache and preparation."""

    dataset: str = "synthetic"
    """Name of a data set: synthetic, grid-sample, grid, crema-d, folder, hdtf, celebv-hq."""
    cache: str = "caches/synthetic-128"
    """Folder of the latent cache, relative to the working directory."""
    resolution: int = 128
    """Side of the square frames, in pixels."""
    codec: str = "auto"
    """ae_rendered_f32 (rendered faces only), dct, taef2, or a local folder / hub id of a diffusers autoencoder as
    ``kl:PATH`` or ``dc:PATH``, or a plugin's. auto: ae_rendered_f32 for ``synthetic``, taef2 for ``grid-sample``,
    else dct."""
    speech_encoder: str = "log_mel"
    """log_mel, moonshine, ``wav2vec2:PATH``, or a plugin's."""
    synthetic: SyntheticConfig = field(default_factory=SyntheticConfig)
    folder: str = ""
    """Folder of videos, for ``dataset: folder``."""
    splits_of: str = ""
    """Earlier cache whose identities keep their splits, for ``dataset: folder`` (``data_prep/datasets/splits.py``)."""
    videos: str = ""
    """Folder with the downloaded videos; empty: ``DATASET-videos`` next to the cache."""
    speakers: str = ""
    """Speakers of a data set that numbers them (grid: 1 to 34, crema-d: 1001 to 1091), as ``1-5,7``; empty: all."""
    clips_per_speaker: int = 0
    """Clips of each of these speakers, evenly over their names; 0: all."""
    info: str = ""
    """Path of CelebV-HQ's ``celebvhq_info.json``."""
    crop: CropConfig = field(default_factory=CropConfig)
    quality: QualityConfig = field(default_factory=QualityConfig)

    def __post_init__(self) -> None:
        entry = data_set_entry(self.dataset)
        if self.codec == "auto":  # resolved at once, so that every saved configuration names its codec
            object.__setattr__(self, "codec", entry.codec)
