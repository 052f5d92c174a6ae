"""Numbers as text, ticks and plots."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lt_bench.leaderboard.formats.numbers import (
    duration,
    nice_ticks,
    short_count,
    short_number,
    short_operations,
    short_spread,
    tick_labels,
)
from lt_bench.leaderboard.page.label_placement import CHARACTER, HEIGHT, RADIUS, Box, place_labels
from lt_bench.leaderboard.page.parallel_coordinates import Dimension, parallel_plot
from lt_bench.leaderboard.page.plots import Dot, Line, Point, Reference, dot_plot, line_plot, scatter_plot

finite = st.floats(-1e9, 1e9)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.8871, "0.887"),
        (20.884, "20.88"),
        (412.34, "412.3"),
        (12345.6, "12,346"),
        (0.00002, "2.00e-05"),
        (-0.5, "-0.500"),
    ],
)
def test_short_number(value, text):
    assert short_number(value) == text


def test_other_texts():
    assert [short_count(v) for v in (None, 512, 52_010, 2_412_000, 670.9e6)] == ["–", "512", "52.0k", "2.4M", "670.9M"]
    assert [short_operations(v) for v in (None, 512, 2_412_000, 270.1e9, 3.43e12)] == [
        "–",
        "512",
        "2.4M",
        "270.1G",
        "3.4T",
    ]
    assert [duration(v) for v in (None, 4.21, 59.99, 185, 7620)] == [
        "–",
        "4.2 s",
        "1 min 00 s",
        "3 min 05 s",
        "2 h 07 min",
    ]
    assert short_spread(0.0141, 0.887) == "0.014"
    assert short_spread(0.018, 20.9) == "0.02"
    assert tick_labels([0.5, 1.0, 1.5]) == ["0.5", "1.0", "1.5"]
    assert tick_labels([2.45e6, 2.5e6]) == ["2.45M", "2.50M"]


@settings(deadline=None, max_examples=60)
@given(finite, st.floats(1e-6, 1e9), st.integers(1, 10))
def test_ticks_are_round_ascending_and_inside(low, span, count):
    high = low + span
    ticks = nice_ticks(low, high, count)
    slack = 1e-6 * max(abs(low), abs(high), 1)
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert ticks == sorted(ticks)
    assert len(ticks) <= 3 * count + 2


values = st.one_of(st.none(), st.floats(-1e6, 1e6))


@settings(deadline=None, max_examples=30)
@given(st.lists(values, min_size=1, max_size=6), st.booleans())
def test_dot_plots_are_well_formed_with_finite_coordinates(numbers, reference):
    dots = [Dot(f"<{k}>", k, v, v, v, () if v is None else (v, v), v) for k, v in enumerate(numbers)]
    check(
        dot_plot("a & b", dots, Reference(1.0, "ceiling") if reference else None),
        "dot",
        sum(v is not None for v in numbers),
    )


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.floats(-10, 1e6), min_size=2, max_size=8), min_size=1, max_size=4))
def test_line_plots_are_well_formed_with_finite_coordinates(curves):
    lines = [Line("x", k, tuple(enumerate(ys))) for k, ys in enumerate(curves)]
    check(line_plot("loss", lines, "step", "loss"), "curve", len(curves))


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.floats(0, 1e9), st.floats(-1, 1)), min_size=2, max_size=9))
def test_scatter_plots_are_well_formed_with_finite_coordinates(places):
    check(scatter_plot("t", [Point("p", 0, x, y) for x, y in places], "x", "y"), "dot", len(places))


def check(svg: str, kind: str, count: int) -> None:
    root = ET.fromstring(svg)
    found = [e for e in root.iter() if kind in e.get("class", "").split()]
    assert len(found) == count
    for element in root.iter():
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "d"):
            for number in re.findall(r"-?[\d.]+|nan|inf", element.get(name, "")):
                assert math.isfinite(float(number))


def test_an_interval_surrounds_its_dot_and_better_is_further_right():
    root = ET.fromstring(dot_plot("s", [Dot("a", 0, 0.5, 0.4, 0.6), Dot("b", 1, 0.9, 0.8, 1.0)]))
    dots = [float(e.get("cx")) for e in root.iter() if e.get("class") == "dot"]
    bars = [(float(e.get("x1")), float(e.get("x2"))) for e in root.iter() if e.get("class") == "interval"]
    assert dots[0] < dots[1]
    assert all(low < dot < high for dot, (low, high) in zip(dots, bars, strict=True))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(10, 390), st.floats(10, 190)), min_size=1, max_size=12))
def test_names_lie_on_no_other_name_and_on_no_dot(dots):
    texts = [f"system-{'x' * (k % 5)}" for k in range(len(dots))]
    places = place_labels(dots, texts, Box(0, 0, 400, 200))
    boxes = [
        Box(p[0], p[1] + 3 - HEIGHT, p[0] + CHARACTER * len(text), p[1] + 3)
        for p, text in zip(places, texts, strict=True)
        if p is not None
    ]
    marks = [Box(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in dots]
    assert not any(a.overlaps(b) for k, a in enumerate(boxes) for b in boxes[:k])
    assert not any(box.overlaps(mark) for box in boxes for mark in marks)
    assert all(box.inside(Box(0, 0, 400, 200)) for box in boxes)


def test_two_systems_side_by_side_both_keep_their_names():
    assert None not in place_labels(
        [(200, 100), (206, 101)], ["direct-direct", "symbiotic-direct"], Box(0, 0, 440, 214)
    )


def test_parallel_coordinates_turn_every_axis_so_that_up_is_better():
    axes = [Dimension("corr", True, (0.9, 0.1)), Dimension("error", False, (0.2, 0.8)), Dimension("c", True, (None, 1))]
    root = ET.fromstring(parallel_plot("t", [("good", 0), ("bad", 1)], axes))
    good, bad = (e.get("d") for e in root.iter() if e.get("class", "").startswith("curve"))
    assert [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", good)] == [30, 30]
    assert [float(y) for y in re.findall(r"[ML][\d.]+ ([\d.]+)", bad)] == [236, 236, 133]
    check(ET.tostring(root, encoding="unicode"), "curve", 2)
