"""The lookup table of interchangeable classes, and what plugins add to it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lt_bench.errors import ConfigError
from lt_bench.files import sha256_file
from lt_bench.plugins import load_plugins, loaded_plugins, plugins_defining
from lt_bench.registry import Registry

OWN = "tests_registry_own"


class Shape:
    """A base class, as codecs and metrics have one."""

    name: str


@pytest.fixture
def shapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[Shape]:
    (tmp_path / f"{OWN}.py").write_text(f"from {__name__} import Shape\nclass Round(Shape):\n    name = 'round'\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, OWN, raising=False)
    return Registry("shape", Shape, {"round": f"{OWN}:Round", "absent": "no.such.module:Absent"})


def test_names_are_listed_and_checked_without_an_import(shapes: Registry[Shape]) -> None:
    assert shapes.names() == ("absent", "round")
    shapes.check("round")
    assert "round" in shapes
    assert "square" not in shapes
    assert OWN not in sys.modules


def test_a_class_is_imported_when_it_is_asked_for(shapes: Registry[Shape]) -> None:
    assert shapes.get("round").name == "round"
    assert OWN in sys.modules


def test_an_unknown_name_lists_the_known_ones(shapes: Registry[Shape]) -> None:
    with pytest.raises(ConfigError, match=r"^shape: expected one of absent, round, got 'square'$"):
        shapes.get("square")
    with pytest.raises(ConfigError, match=r"^key 'a\.shape': expected one of absent, round, got 'square'$"):
        shapes.check("square", "key 'a.shape'")


def test_a_registered_class_is_found(shapes: Registry[Shape]) -> None:
    @shapes.register
    class Square(Shape):
        name = "square"

    assert shapes.get("square") is Square
    assert shapes.names() == ("absent", "round", "square")


@pytest.mark.parametrize("name", ["round", "square"])
def test_a_name_stands_once(shapes: Registry[Shape], name: str) -> None:
    shapes.register(type("Square", (Shape,), {"name": "square"}))
    with pytest.raises(ConfigError, match=f"shape Other: expected a name that is not taken, got '{name}', which is "):
        shapes.register(type("Other", (Shape,), {"name": name}))


def test_the_same_definition_again_replaces_the_earlier_one(shapes: Registry[Shape]) -> None:
    first, second = (shapes.register(type("Square", (Shape,), {"name": "square"})) for _ in range(2))
    assert shapes.get("square") is second is not first


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        (int, "shape int: expected a subclass of Shape, got another object"),
        (lambda: None, "expected a subclass of Shape, got another object"),
        (type("Bare", (Shape,), {}), "shape Bare: expected a class attribute 'name' with a text, got None"),
        (type("Odd", (Shape,), {"name": 3}), "shape Odd: expected a class attribute 'name' with a text, got 3"),
    ],
)
def test_only_named_classes_of_the_kind_are_taken(shapes: Registry[Shape], entry: type, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        shapes.register(entry)


SHAPES = Registry("shape", Shape, {})
PLUGIN = (
    "import sys\ntests = sys.modules[{module!r}]\n@tests.SHAPES.register\nclass A(tests.Shape):\n    name = {name!r}\n"
)


def test_a_plugin_adds_a_class_and_is_known_as_its_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SHAPES, "_added", {})
    file = tmp_path / "own.py"
    file.write_text(PLUGIN.format(module=__name__, name="own"))
    load_plugins([file])
    assert SHAPES.names() == ("own",)
    assert loaded_plugins()[-1] == file.resolve()
    assert plugins_defining(SHAPES.get("own"), Shape, int) == {"own.py": sha256_file(file)}


def test_a_plugin_with_a_taken_name_is_named_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SHAPES, "_added", {})
    for stem in ("first", "second"):
        (tmp_path / f"{stem}.py").write_text(PLUGIN.format(module=__name__, name="taken"))
    load_plugins([tmp_path / "first.py"])
    with pytest.raises(ConfigError, match=r"second\.py: shape A: expected a name that is not taken, got 'taken'"):
        load_plugins([tmp_path / "second.py"])
    assert tmp_path / "second.py" not in loaded_plugins()
