"""Configurations, and the JSON and CSV files that commands read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hostile.entry import Entry, Make, folder, loop, pipe, sparse, written

DEEP = 100_000
CANARY = "touch canary"


def _yaml(name: str, content: str | bytes, says: str = "") -> Entry:
    return Entry(f"config {name}", "config", written(content), (2,), says, f"{name.replace(' ', '_')}.yaml")


_LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{k}: &a{k} [*a{k - 1}, *a{k - 1}, *a{k - 1}]\n" for k in range(1, 60))

CONFIGS = (
    _yaml("with a tag that runs a command", f"train: !!python/object/apply:os.system ['{CANARY}']\n"),
    _yaml("with a tag that makes an object", "train: !!python/object/new:subprocess.Popen [[touch, canary]]\n"),
    _yaml("with a name tag", "train: !!python/name:os.system\n"),
    _yaml("with a module tag", "train: !!python/module:antigravity\n"),
    _yaml("with an unknown tag", "train: !evil {a: 1}\n"),
    _yaml("with a billion laughs", _LAUGHS, "aliases"),
    _yaml("that contains itself", "train: &a {steps: *a}\n", "aliases"),
    _yaml("with a merge of itself", "train: &a\n  <<: *a\n", "aliases"),
    _yaml("of deep lists", "train: " + "[" * DEEP + "]" * DEEP),
    _yaml("of deep lists that do not end", "[" * DEEP),
    _yaml("of deep mappings", "{a: " * DEEP),
    _yaml("of deep blocks", "\n".join(" " * k + "a:" for k in range(1200))),
    _yaml("of deep sequences", "- " * DEEP),
    _yaml("of 120 000 keys", "".join(f"{k}: \n" for k in range(120_000))),
    _yaml("of 90 000 overrides", "train: {" + ", ".join(f"k{k}: 1" for k in range(90_000)) + "}\n"),
    _yaml("of one key many times", "a: 1\n" * 100_000, "stands twice"),
    _yaml("with a list as key", "[1, 2]: 3\n"),
    _yaml("with a mapping as key", "? {a: 1}\n: 2\n"),
    _yaml("of 0 bytes", ""),
    _yaml("of NUL bytes", b"\0" * 1000),
    _yaml("in UTF-16", "train: {steps: 1}\n".encode("utf-16")),
    _yaml("in Latin-1", "train: {stéps: 1}\n".encode("latin-1"), "UTF-8"),
    _yaml("of control characters", "train: {steps: \x07\x1b[31m}\n"),
    _yaml("that is a list", "- 1\n", "mapping"),
    _yaml("that is a number", "1\n", "mapping"),
    _yaml("with a tab", "train:\n\tsteps: 1\n"),
    _yaml("of several documents", "train: {}\n---\ntrain: {}\n"),
    _yaml("with an unknown key", "train: {stepps: 1}\n", "did you mean 'steps'"),
    _yaml("with NaN", "train: {learning_rate: .nan}\n", "learning_rate"),
    _yaml("with infinity", "train: {learning_rate: -.inf}\n", "learning_rate"),
    _yaml("with a number of 10 000 digits", f"train: {{steps: {'9' * 10_000}}}\n"),
    _yaml("with a huge hexadecimal number", f"train: {{steps: 0x{'f' * 20_000}}}\n"),
    _yaml("with a huge sexagesimal number", "train: {steps: 1" + ":59" * 9000 + "}\n"),
    _yaml("with a date", "train: {steps: 2024-02-30}\n"),
    _yaml("with binary data", "train: {steps: !!binary 'AAAA'}\n"),
    _yaml("with a set", "train: !!set {steps}\n"),
    _yaml("with negative steps", "train: {steps: -5}\n", "steps"),
    _yaml("with steps of no number", "train: {steps: many}\n", "train.steps"),
    _yaml("with a huge resolution", "data: {resolution: 1000000000}\n"),
    _yaml("with negative resolution", "data: {resolution: -64}\n"),
    _yaml("with an unknown preset", "model: {preset: XXXL}\n", "model.preset"),
    _yaml("with a codec that leads out", "data: {codec: 'kl:../../../../etc'}\n"),
    _yaml("with a plugin that is no Python", "model: {plugins: [/etc/passwd]}\n", "Python file"),
    _yaml("with a NUL in a path", 'data: {cache: "a\\0b"}\n'),
    _yaml("with a path of 5000 letters", f"data: {{cache: {'a' * 5000}}}\n"),
    _yaml("based on itself", "base: based_on_itself.yaml\n"),
    _yaml("based on a device", "base: /dev/zero\n"),
    _yaml("based on a random device", "base: /dev/urandom\n"),
    _yaml("based on a folder", "base: .\n"),
    _yaml("based on a list", "base: [a]\n"),
    _yaml("based on nothing", "base: nowhere.yaml\n"),
    _yaml("based on a file that is no YAML", "base: ../../../outside/secret.mp4\n"),
    _yaml("of 2 MB", "a: b\n" * 400_000),
    Entry("config of 3 GB of zeros", "config", sparse(3 * 10**9), file="zeros.yaml"),
    Entry("config that links to itself", "config", loop, file="loop.yaml"),
    Entry("config that is a pipe", "config", pipe, file="pipe.yaml"),
    Entry("config that is a folder", "config", folder, file="folder.yaml"),
)


def _json(name: str, kind: str, content: str | bytes | Make, codes: tuple[int, ...] = (2,), says: str = "") -> Entry:
    make = content if callable(content) else written(content)
    return Entry(f"{kind} {name}", kind, make, codes, says, f"{name.replace(' ', '_').replace('/', '')}.json")


def broken_json(kind: str, codes: tuple[int, ...] = (2,)) -> tuple[Entry, ...]:
    """What no JSON file may be, whatever it is about."""
    return (
        _json("of 0 bytes", kind, "", codes),
        _json("cut", kind, '{"format": "lt_', codes),
        _json("that is a list", kind, "[1, 2]", codes),
        _json("that is null", kind, "null", codes),
        _json("of other bytes", kind, b"\xff\xfe\0\x80", codes),
        _json("of deep lists", kind, "[" * DEEP + "]" * DEEP, codes),
        _json("of deep objects", kind, '{"a":' * DEEP + "1" + "}" * DEEP, codes),
        _json("with a number of 10 000 digits", kind, '{"format": ' + "9" * 10_000 + "}", codes),
        _json("of 60 MB of lists", kind, b"[" + b"[]," * (2 * 10**7) + b"0]", codes),
        _json("of 3 GB of zeros", kind, sparse(3 * 10**9), codes),
        _json("that links to itself", kind, loop, codes),
        _json("that is a pipe", kind, pipe, codes),
        _json("that is a folder", kind, folder, codes),
    )


def changed(source: str, change: Callable[[dict[str, Any]], Any]) -> Make:
    """A copy of a fixture's JSON document with something else in it."""

    def make(path: Path) -> None:
        document = json.loads(Path("fixtures", source).read_text(encoding="utf-8"))
        path.write_text(json.dumps(change(document) or document), encoding="utf-8")

    return make


def _result(name: str, change: Callable[[dict[str, Any]], Any], codes: tuple[int, ...] = (2,), says: str = "") -> Entry:
    return _json(name, "result", changed("result.json", change), codes, says)


def _renamed_clip(name: str) -> Callable[[dict[str, Any]], Any]:
    def change(document: dict[str, Any]) -> None:
        old = document["clips"][0]["id"]
        document["clips"][0]["id"] = name
        for score in document["scores"].values():
            score["per_video"] = {name if key == old else key: value for key, value in score["per_video"].items()}

    return change


def _first_score(**values: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda document: next(iter(document["scores"].values())).update(values)


EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>\x1b[31m\u202e\n[red]'

RESULTS = (
    *broken_json("result"),
    _result("of a newer version", lambda d: d.update(version=2), says="version"),
    _result("of version true", lambda d: d.update(version=True), says="version"),
    _result("of another format", lambda d: d.update(format="other"), says="format"),
    _result("with an unknown key", lambda d: d.update(evil=1), says="evil"),
    _result("without scores", lambda d: d.pop("scores") and None, says="scores"),
    _result("with NaN", _first_score(value=float("nan"))),
    _result("with infinity", _first_score(value=float("inf"))),
    _result("with text for a number", _first_score(value="1.0"), says="value"),
    _result("with a value and a reason why it is missing", _first_score(missing="gone")),
    _result("with a value of an unknown clip", lambda d: next(iter(d["scores"].values()))["per_video"].update(x=1.0)),
    _result("with a clip twice", lambda d: d["clips"].append(d["clips"][0]), says="twice"),
    _result("with frames of 10^30", lambda d: d["clips"][0].update(frames=10**30), (0, 2)),
    _result("with a clip that leads out", _renamed_clip("../../../outside/secret"), says="clip"),
    _result("with a clip at an absolute path", _renamed_clip("/etc/hostname"), says="clip"),
    _result("with a file that leads out", lambda d: d["clips"][0].update(generated="../../secret.mp4"), says="files"),
    _result("with a file at an absolute path", lambda d: d["clips"][0].update(real="/etc/hostname"), says="files"),
    _result("with a NUL in a clip", _renamed_clip("a\0b"), says="clip"),
    _result("with scripts for names", lambda d: d.update(system=EVIL), (0,)),
    _result("with a lone surrogate for a name", lambda d: d.update(system="\ud800"), (0, 2)),
    _result(
        "with 1e308 for every value",
        lambda d: (
            [
                s.update(value=1e308, per_video=dict.fromkeys(s["per_video"], 1e308))
                for s in d["scores"].values()
                if s["value"] is not None
            ]
            and None
        ),
        (0, 2),
    ),
)


def _pairs(
    name: str, content: str | bytes | Make, codes: tuple[int, ...] = (2,), says: str = "", end: str = "csv"
) -> Entry:
    make = content if callable(content) else written(content)
    return Entry(f"pairs {name}", "pairs", make, codes, says, f"{name.replace(' ', '_')}.{end}")


_OUT = "../../../outside/secret.mp4"

PAIRS = (
    _pairs("that lead out", f"real,generated\nfine,{_OUT}\n", says="inside"),
    _pairs("at an absolute path", "real,generated\nfine,/etc/hostname\n", says="inside"),
    _pairs("in JSON that lead out", json.dumps({"fine": _OUT}), says="inside", end="json"),
    _pairs("with a NUL in a name", json.dumps({"fine": "a\0b"}), end="json"),
    _pairs("with a NUL in a row", b"real,generated\nfine,\0\n", (1, 2)),
    _pairs("with a long name", f"real,generated\nfine,{'a' * 5000}\n", (1, 2)),
    _pairs("with a field of 1 MB", f"real,generated\nfine,{'a' * 10**6}\n"),
    _pairs("of other bytes", b"real,generated\nfine,\xff\xfe\n"),
    _pairs("of other columns", "a,b\n1,2\n", says="columns"),
    _pairs("of 0 bytes", "", says="columns"),
    _pairs("of 100 000 rows", "real,generated\n" + "".join(f"x{k},y\n" for k in range(100_000))),
    _pairs("that name a video twice", "real,generated\nfine,a\nfine,b\n", says="twice"),
    *(
        Entry(f"pairs {e.name[6:]} (JSON)", "pairs", e.make, (1, 2) if e.file == "x" else (2,), "", e.file)
        for e in broken_json("pairs")
    ),
)

MANIFESTS = (
    *broken_json("generated manifest", (0, 2)),
    *broken_json("real manifest", (1, 2)),
    _json(
        "of a newer version", "generated manifest", '{"format": "lt_bench generated set", "version": 2}', says="version"
    ),
    _json(
        "with a seed of text",
        "generated manifest",
        '{"format": "lt_bench generated set", "version": 1, "seed": "x"}',
        says="seed",
    ),
    _json(
        "with scripts for names",
        "generated manifest",
        json.dumps({"format": "lt_bench generated set", "version": 1, "system": EVIL}),
        (0,),
    ),
    _json(
        "with NaN facts",
        "generated manifest",
        '{"format": "lt_bench generated set", "version": 1, "parameters": NaN}',
        (0, 2),
    ),
    _json(
        "with infinite facts",
        "generated manifest",
        '{"format": "lt_bench generated set", "version": 1, "parameters": 1e999}',
        (0, 2),
    ),
    _json(
        "of a newer version",
        "real manifest",
        changed("real/manifest.json", lambda d: d.update(version=2)),
        says="version",
    ),
    _json(
        "whose video leads out",
        "real manifest",
        changed("real/manifest.json", lambda d: d["clips"][0].update(video="../../../outside/secret.mp4")),
    ),
    _json(
        "whose id leads out", "real manifest", changed("real/manifest.json", lambda d: d["clips"][0].update(id="../x"))
    ),
    _json(
        "with a wrong hash",
        "real manifest",
        changed("real/manifest.json", lambda d: d["clips"][0]["sha256"].update(video="0" * 64)),
    ),
    _json(
        "with a clip twice", "real manifest", changed("real/manifest.json", lambda d: d["clips"].append(d["clips"][0]))
    ),
    _json(
        "of resolution 10^9",
        "real manifest",
        changed("real/manifest.json", lambda d: d.update(resolution=10**9)),
        (1, 2),
    ),
    _json(
        "of resolution -1", "real manifest", changed("real/manifest.json", lambda d: d.update(resolution=-1)), (1, 2)
    ),
)

LISTS = (
    *broken_json("celebv list"),
    _json(
        "with a name that leads out",
        "celebv list",
        json.dumps(
            {
                "clips": {
                    "../../outside/x": {
                        "ytb_id": "../outside/secret",
                        "duration": {"start_sec": 0, "end_sec": 1},
                        "bbox": {"top": 0, "bottom": 1, "left": 0, "right": 1},
                    }
                }
            }
        ),
        (0, 2),
    ),
    _json(
        "with numbers that are none",
        "celebv list",
        json.dumps(
            {
                "clips": {
                    "a": {"ytb_id": "a", "duration": {"start_sec": "nan", "end_sec": 1e999}, "bbox": []},
                    "b": 1,
                    "c": None,
                }
            }
        ),
        (0, 2),
    ),
)
