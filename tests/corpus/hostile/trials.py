"""Which commands meet a file of which kind, and where it lies for them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from hostile.entry import Entry, Trial

Place = Callable[[Path, Entry], Path]
Commands = Callable[[Path, Path], list[list[str]]]
"""Of the entry's own folder and its file."""


def _beside(folder: Path, entry: Entry) -> Path:
    return folder / entry.filename


def _video(folder: Path, entry: Entry) -> Path:
    name = entry.file or "bad.mp4"
    for side in ("made", "real"):
        (folder / side).mkdir()
        shutil.copy("fixtures/fine.mp4" if side == "made" else "fixtures/real.mp4", folder / side / "fine.mp4")
    (folder / "real" / name).hardlink_to("fixtures/real.mp4")
    return folder / "made" / name


def _manifest(side: str) -> Place:
    def place(folder: Path, entry: Entry) -> Path:
        for name in ("made", "real"):
            (folder / name).mkdir()
            shutil.copy(f"fixtures/{'fine' if name == 'made' else 'real'}.mp4", folder / name / "fine.mp4")
        if side == "real":
            shutil.rmtree(folder / "real")
            shutil.copytree("fixtures/real", folder / "real")
            (folder / "real" / "manifest.json").unlink()
        return folder / side / "manifest.json"

    return place


def _checkpoint_of_run(folder: Path, entry: Entry) -> Path:
    run = Path("out") / "runs" / folder.name / "checkpoints"
    run.mkdir(parents=True)
    return run / "last.ckpt"


def _cache(folder: Path, entry: Entry) -> Path:
    caches = Path("out") / "caches"
    caches.mkdir(parents=True, exist_ok=True)
    return caches / folder.name


def _evaluate(folder: Path, *more: str, protocol: str = "fixtures/pixels.yaml") -> list[str]:
    sides = ["--real", str(folder / "real"), "--generated", str(folder / "made"), "--store", "out/store"]
    return ["evaluate", *sides, "--protocol", protocol, "--out", "out/result.json", *more]


def _pairs(folder: Path, entry: Entry) -> Path:
    for side in ("made", "real"):
        (folder / side).mkdir()
        shutil.copy(f"fixtures/{'fine' if side == 'made' else 'real'}.mp4", folder / side / "fine.mp4")
    return folder / entry.filename


def _generate(**files: str) -> list[str]:
    given = {"checkpoint": "fixtures/model.safetensors", "portrait": "fixtures/face.png", "audio": "fixtures/voice.wav"}
    options = [f"--{name}={file}" for name, file in (given | files).items()]
    return ["generate", *options, "--no-crop", "--out", "out/video.mp4"]


def _fusions(path: Path) -> list[list[str]]:
    return [_generate(checkpoint=str(path)), ["register", str(path), "--name", "corpus", "--tracking", "off"]]


KINDS: dict[str, tuple[Place, Commands]] = {
    "video": (_video, lambda folder, path: [_evaluate(folder, "--report", "out/worst.html", "--csv", "out/rows.csv")]),
    "sound": (_beside, lambda folder, path: [_generate(audio=str(path))]),
    "picture": (_beside, lambda folder, path: [_generate(portrait=str(path))]),
    "config": (
        _beside,
        lambda folder, path: [
            ["train", "--config", str(path), "--out", "out/trained"],
            _evaluate(Path("fixtures"), protocol=str(path))[:-2],
        ],
    ),
    "result": (
        _beside,
        lambda folder, path: [
            ["leaderboard", str(path), "--out", "out/board"],
            ["leaderboard", "submit", str(path), "--out", "out/pack.zip"],
        ],
    ),
    "pairs": (_pairs, lambda folder, path: [_evaluate(folder, "--pairs", str(path))]),
    "generated manifest": (_manifest("made"), lambda folder, path: [_evaluate(folder)]),
    "real manifest": (
        _manifest("real"),
        lambda folder, path: [_evaluate(folder)],
    ),
    "celebv list": (
        _beside,
        lambda folder, path: [
            ["prepare", "celebv-hq", "--info", str(path), "--out", f"out/celebv/{folder.name}", "--plan"],
            ["prepare", "celebv-hq", "--info", str(path), "--out", f"out/celebv/{folder.name}", "--workers", "1"],
        ],
    ),
    "checkpoint": (
        _beside,
        lambda folder, path: [["import-checkpoint", "letstalk", str(path), "--out", "out/imported.safetensors"]],
    ),
    "run checkpoint": (
        _checkpoint_of_run,
        lambda folder, path: [["train", "--config", "fixtures/run.yaml", "--out", str(path.parents[1])]],
    ),
    "model": (_beside, lambda folder, path: [_generate(checkpoint=str(path))]),
    "cache": (
        _cache,
        lambda folder, path: [["cache", "verify", str(path)]],
    ),
    "pack": (_beside, lambda folder, path: [["leaderboard", "check", str(path)]]),
}


def trials_of(entry: Entry, number: int) -> Iterator[Trial]:
    """Make an entry's file below ``corpus`` (or ``out``, where a command may write beside it) and yield its trials."""
    place, commands = KINDS[entry.kind]
    folder = Path("corpus") / f"{number:03d}"
    folder.mkdir(parents=True)
    path = place(folder, entry)
    entry.make(path)
    for arguments in commands(folder, path):
        name = f"{entry.name} | {' '.join(word for word in arguments if not word.startswith('-'))[:60]}"
        # What is wrong with the keys of a run is not what is wrong with it as a protocol.
        as_protocol = entry.kind == "config" and arguments[0] == "evaluate"
        yield Trial(name, tuple(arguments), entry.codes, "" if as_protocol else entry.says)
