"""Known answers of the networks behind the scores, with the pinned weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lt_bench.assets.store import asset_path
from lt_bench.evaluation.doctor.check import Check, Figure

FACES = "face_landmarker.task"
MOONSHINE = "moonshine_tiny_en_encoder.ort"
DLIB = "dlib_face_recognition_resnet_model_v1.dat"
I3D = "i3d_torchscript.pt"
SYNCNET = ("syncnet_v2.model", "sfd_face.pth", "syncnet_example_video.avi")


def _probe() -> Sequence[Figure]:
    from lt_bench.evaluation.metrics.synthetic.probe import probe_frames

    grey = probe_frames(np.full((1, 64, 64, 3), 128, np.uint8))
    return [Figure("length of the embedding of a grey frame", float(np.linalg.norm(grey.embedding[0])), 1.0, 1e-4)]


def _fvd() -> Sequence[Figure]:
    from lt_bench.evaluation.metrics.distribution.frechet import frechet_distance
    from lt_bench.perception.i3d import i3d_logits

    black, white = (i3d_logits(np.full((30, 224, 224, 3), value, np.uint8)) for value in (0, 255))
    value = frechet_distance(np.stack([black, black]), np.stack([white, white]))
    return [Figure("FVD of 30 black against 30 white frames", value, 151.26, 0.5)]


def _syncnet() -> Sequence[Figure]:
    from lt_bench.media.audio import read_audio
    from lt_bench.media.video import read_frames
    from lt_bench.perception.syncnet import SyncNet

    path = asset_path("syncnet_example_video.avi")
    found = SyncNet(asset_path("syncnet_v2.model"), asset_path("sfd_face.pth")).read(
        read_frames(path), read_audio(path)
    )
    return [
        Figure("offset, frames", found.offset, 1, 0),
        Figure("Sync-C", found.confidence, 4.529, 0.15),
        Figure("Sync-D", found.distance, 9.237, 0.15),
    ]


def _lip_sync_open() -> Sequence[Figure]:
    from lt_bench.evaluation.metrics.lip_sync.lip_sync_model import TRIM, load_speech_to_mouth, standardise, sync_curve
    from lt_bench.media.audio import read_audio
    from lt_bench.media.video import read_frames
    from lt_bench.perception.faces import FaceLandmarker
    from lt_bench.perception.mouth_measures import mouth_measures
    from lt_bench.perception.speech.moonshine import MoonshineEncoder

    path, model, inner = asset_path("pwij3p.mpg"), load_speech_to_mouth(), slice(TRIM, -TRIM)
    frames, sound = read_frames(path), read_audio(path)
    with FaceLandmarker() as landmarker:
        mouth = standardise(mouth_measures(landmarker.track(frames))[inner])
    encoder = MoonshineEncoder()

    def curve(voice: np.ndarray):
        expected = model.predict(encoder.encode(voice, len(frames))[:, 0], "pwij3p")
        return sync_curve(expected[inner], mouth, model.importance)

    late = curve(np.pad(sound, (5 * 640, 0))[: len(sound)])
    return [
        Figure("score of pwij3p, fitted without its speaker", curve(sound).score, 0.696, 0.03),
        Figure("offset, frames", curve(sound).offset, 0, 1),
        Figure("offset with the sound 5 frames late", late.offset, -5, 1),
    ]


def _identity_dlib() -> Sequence[Figure]:
    from lt_bench.media.video import read_frames
    from lt_bench.perception.face_embedding import DlibFaceEmbedder
    from lt_bench.perception.faces import FaceLandmarker

    embedder, found = DlibFaceEmbedder(), []
    with FaceLandmarker() as landmarker:
        for name in ("pwij3p.mpg", "id2_vcd_swwp2s.mpg", "lwbsza.mpg"):
            frame = read_frames(asset_path(name), max_frames=1)[0]
            found.append(embedder.embed(frame, landmarker.track([frame]).landmarks[0]))
    same, other = (float(np.linalg.norm(found[0] - face)) for face in found[1:])
    return [
        Figure("one man in two takes: distance below 0.4 (1: yes)", float(same < 0.4), 1, 0),
        Figure("two people: distance above 0.6 (1: yes)", float(other > 0.6), 1, 0),
    ]


NETWORKS = (
    Check("probe", "the package's own network gives unit embeddings", _probe),
    Check("lip_sync_open", "a GRID speaker, as measured when the score was made", _lip_sync_open,
          (FACES, MOONSHINE, "pwij3p.mpg")),
    Check("identity_dlib", "one man twice and another, of GRID", _identity_dlib,
          (FACES, DLIB, "pwij3p.mpg", "id2_vcd_swwp2s.mpg", "lwbsza.mpg")),
    Check("fvd", "zeros against ones, 30 frames; published by users of the same TorchScript", _fvd, (I3D,)),
    Check("sync_c and sync_d", "the example of syncnet-python: offset 1, 4.529, 9.237", _syncnet, SYNCNET),
)  # fmt: skip
