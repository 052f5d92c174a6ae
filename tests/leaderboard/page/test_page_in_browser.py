"""The page in a real browser: it sorts, filters, plays in sync, fits a narrow window, and runs nobody else's code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lt_bench.evaluation.results.settings import hash_of_settings
from lt_bench.leaderboard.build import build_leaderboard

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)"
)
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Opens a file; at the end, fails if the page complained or asked for anything but itself."""
    complaints: list[str] = []
    contexts: list[Any] = []

    def open_file(path: Path, **options: Any) -> Any:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda r: complaints.append(r.url) if r.url.startswith("http") else None)
        page.goto(path.resolve().as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    assert complaints == []


def systems(page: Any) -> list[str]:
    rows = page.locator("#board-1 tbody tr:visible th")
    return [text.split("\n")[0].strip() for text in rows.all_inner_texts()]


def test_sorting_filtering_and_more_columns(open_page, fake, write_results, tmp_path):
    paths = write_results(fake("a-direct", 0.9), fake("b-direct", 0.5), fake("c-siamese", 0.7))
    page = open_page(build_leaderboard(paths, tmp_path / "out", published=True).page)
    assert systems(page) == ["a-direct", "c-siamese", "b-direct"]
    head = page.locator("#board-1 thead th", has_text="lip_corr").first
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert systems(page) == ["b-direct", "c-siamese", "a-direct"]
    page.keyboard.press("Enter")  # the button has the focus
    assert systems(page) == ["a-direct", "c-siamese", "b-direct"]
    field = page.get_by_label("Show only rows")
    field.fill("direct")
    assert systems(page) == ["a-direct", "b-direct"]
    field.fill("")
    assert len(systems(page)) == 3
    hidden = page.locator("#board-1 thead th.extra").first
    if hidden.count():
        assert not hidden.is_visible()
        page.locator("[data-columns=board-1]").check()
        assert hidden.is_visible()


@pytest.mark.parametrize("inside", [True, False])
def test_videos_play_side_by_side_in_sync(open_page, run_folder, tmp_path, monkeypatch, inside):
    if not inside:
        monkeypatch.setattr("lt_bench.leaderboard.page.attachments.MAX_INSIDE", 10)
    page = open_page(build_leaderboard([run_folder], tmp_path / "out", samples=1).page)
    sample = page.locator(".sample").first
    sample.scroll_into_view_if_needed()
    videos = sample.locator("video")
    videos.nth(1).wait_for()
    assert videos.count() == 2
    page.wait_for_function(
        "[...document.querySelectorAll('.sample video')].every(v => v.readyState >= 2)", timeout=10000
    )
    seek = "bar => { bar.value = 0.2; bar.dispatchEvent(new Event('input')); }"
    sample.locator("input[type=range]").evaluate(seek)
    page.wait_for_function("[...document.querySelectorAll('.sample video')].every(v => !v.seeking)", timeout=10000)
    assert videos.evaluate_all("all => all.map(v => v.currentTime.toFixed(2))") == ["0.20", "0.20"]
    assert videos.evaluate_all("all => all.map(v => v.muted)") == [False, True]
    sample.get_by_role("radio").nth(1).check()
    assert videos.evaluate_all("all => all.map(v => v.muted)") == [True, False]
    sample.get_by_role("button", name="Play").click()
    page.wait_for_function("[...document.querySelectorAll('.sample video')].every(v => !v.paused)", timeout=10000)
    sample.get_by_role("button", name="Play").click()
    assert videos.evaluate_all("all => all.every(v => v.paused)")
    assert videos.evaluate_all("all => all.map(v => v.src.split(':')[0])") == ["blob" if inside else "file"] * 2


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_has_no_sideways_scroll_and_readable_text(open_page, fake, write_results, tmp_path, scheme):
    paths = write_results(fake("a-direct", 0.9), fake("b-with-quite-a-long-name-to-fit", 0.5))
    made = build_leaderboard(paths, tmp_path / "out", published=True)
    page = open_page(made.page, viewport={"width": 360, "height": 700}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    body, text = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    light = [sum(map(int, colour[4:-1].split(","))) for colour in (body, text)]
    assert (light[0] > light[1]) == (scheme == "light")
    page.screenshot(path=str(tmp_path / f"{scheme}.png"))


def test_every_control_has_a_name(open_page, fake, write_results, tmp_path):
    page = open_page(build_leaderboard(write_results(fake("a", 0.9), fake("b", 0.5)), tmp_path / "out").page)
    unnamed = """() => [...document.querySelectorAll('button, input, select, a')].filter(e =>
        !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length)).map(e => e.outerHTML)"""
    assert page.evaluate(unnamed) == []


def test_names_from_result_files_run_no_code(open_page, fake, write_results, tmp_path):
    page = open_page(build_leaderboard(write_results(fake(EVIL, 0.9), fake("b", 0.5)), tmp_path / "out", EVIL).page)
    page.wait_for_timeout(200)
    assert page.locator("img").count() == 0
    assert EVIL in page.locator("h1").inner_text()


HOSTILE = '"\'><script>alert(1)</script></style></title><svg onload=alert(2)> x" onerror="alert(3)" onfocus="alert(4)'


def _poisoned(document: Any, key: str = "") -> Any:
    """A result's document with hostile text in every free text, names of clips included."""
    fixed = ("scope", "aggregate", "format", "kind", "fault", "settings_hash")
    if isinstance(document, dict):
        named = key in ("per_video", "packages")
        made = {(_safe_name(k) if named else k): _poisoned(v, k) for k, v in document.items()}
        return made | ({"settings_hash": hash_of_settings(made["settings"])} if "settings_hash" in made else {})
    if isinstance(document, list):
        return [_poisoned(item, key) for item in document]
    if not isinstance(document, str) or key in fixed:
        return document
    if key in ("id", "clip"):
        return _safe_name(document)
    return document if key == "name" else document + HOSTILE


def _safe_name(name: str) -> str:
    return name + HOSTILE.replace("/", "")  # names of clips lead nowhere


def test_no_text_of_a_result_runs_code_anywhere_on_the_page(open_page, fake, tmp_path):
    from lt_bench.evaluation.results.result_file import Miss, to_document

    for name, level in (("a", 0.9), ("b", 0.5)):
        result = fake(name, level, misses=(Miss("fake00_take0", "psnr", "because ", fault="generated"),))
        document = json.loads(json.dumps(to_document(result)))
        poisoned = _poisoned(document) | {
            "meta": {k: f"{v}{HOSTILE}" for k, v in document["meta"].items() if k in ("portrait", "audio")}
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(poisoned))
    page = open_page(
        build_leaderboard([tmp_path / "a.json", tmp_path / "b.json"], tmp_path / "out", HOSTILE, published=True).page
    )
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    for button in page.locator("#board-1 thead button").all()[:3]:
        button.click()
    page.wait_for_timeout(200)
    assert page.locator("script").count() == 1
    handlers = "[...document.querySelectorAll('*')].flatMap(e => [...e.attributes]).filter(a => /^on/.test(a.name))"
    assert page.evaluate(f"{handlers}.length") == 0
    assert HOSTILE in page.locator("h1").inner_text()
