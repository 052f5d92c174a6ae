"""The page: whole, escaped, and free of requests."""

from __future__ import annotations

import base64
import dataclasses
import html.parser
import re

from lt_bench.leaderboard.build import build_leaderboard

EVIL = '<script>alert("x")</script>'


class Parser(html.parser.HTMLParser):
    """Collects elements, and checks that those with an end are closed in order."""

    VOID = ("meta", "link", "input", "br", "line", "circle", "path")

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.stack.pop() == tag


def parse(text: str) -> Parser:
    parser = Parser()
    parser.feed(text)
    assert parser.stack == []
    return parser


def test_names_are_escaped_everywhere(fake, write_results, tmp_path):
    evil = fake(EVIL, 0.9)
    score = dataclasses.replace(evil.scores["psnr"], title=EVIL, source=EVIL, unit=EVIL)
    missing = dataclasses.replace(evil.scores["fd_squeezenet"], missing=EVIL)
    evil = dataclasses.replace(
        evil,
        scores={**evil.scores, "psnr": score, "fd_squeezenet": missing},
        meta={**evil.meta, "portrait": EVIL, "audio": EVIL},
    )
    made = build_leaderboard(write_results(evil, fake("b", 0.5)), tmp_path / "out", title=EVIL)
    text = made.page.read_text()
    assert EVIL not in text
    assert text.count("&lt;script&gt;alert") >= 8
    assert sum(tag == "script" for tag, _ in parse(text).elements) == 1
    assert EVIL not in made.markdown.read_text()


def test_the_page_asks_no_server_for_anything(fake, write_results, tmp_path):
    text = build_leaderboard(write_results(fake(), fake("b", 0.5)), tmp_path / "out").page.read_text()
    for tag, attributes in parse(text).elements:
        for name in ("src", "href", "poster", "action", "data"):
            value = attributes.get(name)
            relative = value is not None and tag == "a" and ":" not in value and not value.startswith("/")
            assert value is None or relative or value.startswith(("#", "data:")), (tag, name, value)
    assert not re.search(r"https?://|@import|url\(|fetch\(|XMLHttpRequest", text)


def test_the_page_says_what_was_measured(fake, write_results, tmp_path):
    text = build_leaderboard(
        write_results(fake("a", 0.9), fake("b", 0.5)), tmp_path / "out", "My title"
    ).page.read_text()
    for part in ("My title", "synthetic data", "fake-v1, version 1", "12 of 12", "a" * 16, "0123456789", "350 steps"):
        assert part in text, part
    assert "a is first of 2 systems by lip_corr" in text
    assert "asset &#39;squeezenet1_1_caffe.safetensors&#39; is absent" in text
    real = dataclasses.replace(fake().real, dataset="grid-sample")
    results = write_results(fake("a", 0.9, real=real))
    assert "synthetic data" not in build_leaderboard(results, tmp_path / "real").page.read_text()


def test_videos_are_inside_the_page_beside_the_real_clip(run_folder, tmp_path):
    made = build_leaderboard([run_folder], tmp_path / "out", samples=2)
    elements = parse(made.page.read_text()).elements
    embedded = [a["data-video"] for tag, a in elements if tag == "video" and "data-video" in a]
    files = [path.read_bytes() for path in sorted(run_folder.parent.rglob("*.mp4"))]
    assert len(embedded) == 4  # two clips: real and generated
    assert {base64.b64decode(video) for video in embedded} <= set(files)
    posters = [a["poster"] for tag, a in elements if tag == "video"]
    assert len(posters) == len(embedded)
    assert all(base64.b64decode(poster.partition(",")[2])[:3] == b"\xff\xd8\xff" for poster in posters)
    assert sum(tag == "path" and a.get("class", "").startswith("curve") for tag, a in elements) == 1


def test_many_videos_lie_beside_the_page_once_each_and_what_is_stale_is_removed(run_folder, tmp_path, monkeypatch):
    monkeypatch.setattr("lt_bench.leaderboard.page.attachments.MAX_INSIDE", 10)
    made = build_leaderboard([run_folder], tmp_path / "out", samples=2)
    videos = [a for tag, a in parse(made.page.read_text()).elements if tag == "video"]
    files = {path.read_bytes() for path in run_folder.parent.rglob("*.mp4")}
    assert len(videos) == 4
    for attributes in videos:
        assert (made.page.parent / attributes["data-file"]).read_bytes() in files
        assert (made.page.parent / attributes["data-poster"]).read_bytes()[:3] == b"\xff\xd8\xff"
    assert len(list((made.page.parent / "media").iterdir())) == 8
    build_leaderboard([run_folder], tmp_path / "out", samples=1)
    assert len(list((made.page.parent / "media").iterdir())) == 4


def test_a_rivals_videos_are_shown_on_request(fake, write_results, run_folder, tmp_path):
    (path,) = write_results(fake("rival", 0.6))
    videos, real = run_folder / "videos", run_folder.parent / "cache" / "real" / "test"
    made = build_leaderboard([path], tmp_path / "out", real=real, videos={"rival": videos})
    assert made.page.read_text().count("data-video=") == 4
