"""What SECURITY.md promises, held against the source: what unpickles, opens scripted networks or starts servers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(path for name in ("lt_bench", "data_prep", "experiments") for path in (ROOT / name).rglob("*.py"))
PROGRAMS = {"torch.jit.load", "onnxruntime.InferenceSession"}
"""What opens files that are programs."""


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    """File, dotted name and node of every call."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield path.relative_to(ROOT).as_posix(), ast.unparse(node.func), node


CALLS = list(calls())


def keyword(node: ast.Call, name: str) -> object:
    return next((ast.unparse(k.value) for k in node.keywords if k.arg == name), None)


def test_pickles_are_read_in_one_place_and_with_weights_only():
    found = [(file, keyword(node, "weights_only")) for file, name, node in CALLS if name == "torch.load"]
    assert found == [("lt_bench/assets/weights.py", "True")]
    fits = [keyword(node, "weights_only") for file, name, node in CALLS if name == "trainer.fit"]
    assert fits
    assert set(fits) == {"True"}


def test_nothing_else_unpickles_or_evaluates():
    forbidden = re.compile(
        r"^(pickle\.(load|loads|Unpickler)|marshal\.loads?|joblib\.load|eval|exec|torch\.hub\.load)$"
    )
    found = [(file, ast.unparse(node)) for file, name, node in CALLS if forbidden.match(name)]
    assert found == [("lt_bench/cli/main.py", "exec('')")]  # of nothing, for what CPython does then
    assert [(f, n) for f, n, node in CALLS if n == "np.load" and keyword(node, "allow_pickle") != "False"] == []
    assert [(f, n) for f, n, _ in CALLS if n in ("tarfile.extractall", "shutil.unpack_archive")] == []
    assert [(f, n) for f, n, _ in CALLS if n.endswith((".extractall", ".unsafe_load", ".full_load"))] == []
    loaders = {ast.unparse(k.value) for _, n, node in CALLS if n == "yaml.load" for k in node.keywords}
    assert loaders == {"_Loader"}
    from lt_bench.config.load import _Loader

    assert not any(":python/" in str(tag) for tag in _Loader.yaml_constructors)


def test_scripted_networks_are_opened_from_the_pinned_table_alone():
    opened = {file for file, name, _ in CALLS if name in PROGRAMS}
    assert opened == {
        "lt_bench/perception/i3d.py",
        "lt_bench/perception/arcface.py",
        "lt_bench/perception/speech/moonshine.py",
    }
    # Nobody outside these files hands them a path.
    given = {
        (file, name)
        for file, name, node in CALLS
        if name.rpartition(".")[2] in ("load_i3d", "ArcFaceEmbedder") and (node.args or node.keywords)
    }
    assert given == {("lt_bench/perception/i3d.py", "load_i3d")}
    i3d = (ROOT / "lt_bench/perception/i3d.py").read_text(encoding="utf-8")
    assert "load_i3d(asset_path(WEIGHTS))" in i3d


def test_servers_stay_on_the_loopback_interface():
    everything = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    assert "0.0.0.0" not in everything
    assert '"include_dashboard": False' in everything
    started = [ast.unparse(node) for _, name, node in CALLS if name.startswith("subprocess.")]
    assert started
    assert not any(word in call for call in started for word in ("mlflow", "http.server", "ray start"))


def test_every_pinned_asset_that_is_fetched_has_a_hash():
    from lt_bench.assets import assets

    for entry in assets().values():
        assert entry.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", entry.sha256), entry.name
        assert entry.url.startswith(("https://", "pypi:", "http://")), entry.name


def test_the_lock_pins_every_requirement_by_hash_and_names_no_source():
    from packaging.requirements import Requirement

    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links", text)
    blocks = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)((?:[^\n]*\\\n)+[^\n]*)", text, re.MULTILINE)
    pinned = {name.lower().replace("_", "-").replace(".", "-"): version for name, version, _ in blocks}
    assert len(pinned) == len(re.findall("==", text)) > 100
    assert all("--hash=sha256:" in rest for _, _, rest in blocks)
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # The extra gpu replaces a package of the others, so it is never part of the same installation.
    extras = [extra for name, extra in project["optional-dependencies"].items() if name != "gpu"]
    wanted = [*project["dependencies"], *(requirement for extra in extras for requirement in extra)]
    for requirement in map(Requirement, wanted):
        name = requirement.name.lower().replace("_", "-")
        if name != "lt-bench":
            assert requirement.specifier.contains(pinned[name]), name


@pytest.mark.parametrize("path", ["SECURITY.md", "requirements.lock", "Makefile"])
def test_what_a_reader_is_told_exists(path: str):
    assert (ROOT / path).is_file()
    if path == "Makefile":
        text = (ROOT / path).read_text(encoding="utf-8")
        assert "\naudit:" in text
        assert "\nlock:" in text
