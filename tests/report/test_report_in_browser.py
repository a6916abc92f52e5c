"""Reports in a real browser: nothing serious for axe, nothing loaded, nothing run, readable on a phone and on paper."""

import functools
import http.server
import io
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_other_reports import BOARD, TABLES, harden
from views import FLIPS, HOSTILE, SHAPES, case, flip, keep_results, table, view

from brinkmap.report import publish, write_report
from brinkmap.report.difference import write_difference
from brinkmap.report.view import TYPICAL, WORST

pytestmark = pytest.mark.slow

sync = pytest.importorskip("playwright.sync_api")
CHROMIUM = os.environ.get("CHROMIUM", shutil.which("chromium") or "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
KINDS = ["image", "signal", "clip", "noise", "difference", "harden", "leaderboard"]


def noise(count=8):
    rng = np.random.default_rng(1)
    for index in range(count):
        answers = rng.dirichlet(np.ones(1000), 2).astype(np.float32)
        yield case((3, 224, 224), index, strength=0.3, before=answers[0], after=answers[1],
                   choice=TYPICAL if index % 2 else WORST)  # fmt: skip


def hostile(**more):
    settings = {"title": HOSTILE[0], "command": HOSTILE[1], "run": dict(zip(HOSTILE, HOSTILE, strict=True)),
                "source": {"data": HOSTILE[4]}, "thresholds": [(HOSTILE[3], 0.5, HOSTILE[0], False)],
                "extra": {"unnatural": HOSTILE}, "unit": HOSTILE[3], "rate_hz": 100.0}  # fmt: skip
    return view(**(settings | more))


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """By kind: the path of a report whose every name is hostile."""
    pytest.importorskip("axe_playwright_python")
    root = tmp_path_factory.mktemp("reports")
    shapes = {"image": 2, "signal": 1, "clip": 3}
    made = {
        kind: write_report(root / kind, hostile(cases=[case(SHAPES[rank]), case(SHAPES[rank], 1, choice=TYPICAL)]))
        for kind, rank in shapes.items()
    }
    many = table(*(flip(index, 1 + index % 90, 1 + index / 900, label=index % 60, reference=index % 60)
                   for index in range(900)))  # fmt: skip
    made["noise"] = write_report(root / "noise", hostile(rows=many, cases=list(noise()), class_names=HOSTILE * 200))
    for name in ("image", "clip"):
        keep_results(root / name, FLIPS)
    shutil.copytree(root / "image", root / "again")
    made["difference"] = write_difference(root / "image", root / "again", root / "difference")
    (root / "harden").mkdir()
    harden(root / "harden", audited=HOSTILE[0])
    made["harden"] = root / "harden" / "report.html"
    from brinkmap.benchmark.board import keep_board

    keep_board(root / "board", TABLES)
    made["leaderboard"] = publish(root / "board", "leaderboard", BOARD | {"about": HOSTILE[1]})
    return made


@pytest.fixture(scope="module")
def browser():
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}; set CHROMIUM")
    with sync.sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@pytest.fixture
def opened(browser, reports):
    """Opens a report of a kind; its page knows what it asked for and what it complained of."""
    contexts = []

    def open_(kind, **settings):
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.asked, page.said = [], []
        page.on("request", lambda one: page.asked.append(one.url))
        page.on("pageerror", lambda one: page.said.append(str(one)))
        page.on("dialog", lambda one: (page.said.append(one.message), one.dismiss()))
        page.goto(reports[kind].as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_serious(opened, kind, scheme):
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(opened(kind, color_scheme=scheme, reduced_motion="reduce")).response["violations"]
    grave = [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in ("serious", "critical")
    ]
    assert grave == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_loaded_and_nothing_runs(opened, reports, kind):
    page = opened(kind)
    page.wait_for_timeout(200)
    assert [url for url in page.asked if not url.startswith("data:")] == [reports[kind].as_uri()]
    assert page.said == []
    assert page.title() != "ran"
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate(
        "[...document.querySelectorAll('*')].every(e => e.getAttributeNames().every(n => !/^on/.test(n)))"
    )


def test_the_page_would_have_caught_a_script_that_runs(browser, tmp_path):
    """The probes work: in a page without our escaping they do set the title."""
    (tmp_path / "bad.html").write_text("<meta charset=utf-8>" + HOSTILE[1])
    page = browser.new_page()
    page.goto((tmp_path / "bad.html").as_uri())
    page.wait_for_function("document.title === 'ran'")
    page.close()


@pytest.mark.parametrize("width", [320, 390])
@pytest.mark.parametrize("kind", KINDS)
def test_a_narrow_screen_does_not_scroll_sideways(opened, kind, width):
    page = opened(kind, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("kind", KINDS)
def test_it_prints_to_pdf(opened, kind):
    printed = opened(kind).pdf(format="A4")
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") + printed.count(b"/Type /Page/") >= 1


def test_pages_of_noise_stay_below_3_mb(reports):
    assert max(path.stat().st_size for path in reports.values()) < 3_000_000
    assert reports["noise"].stat().st_size > 1_000_000  # it is a hard case indeed


def moves(page, place):
    """Whether something changes within a second; the page's policy lets no script wait for it."""
    first = page.evaluate(place)
    for _ in range(10):
        page.wait_for_timeout(100)
        if page.evaluate(place) != first:
            return True
    return False


def test_clips_move_can_be_stopped_by_keyboard_and_stand_still_where_motion_is_not_wanted(opened):
    page, where = opened("clip"), ".clip img"
    place = f"getComputedStyle(document.querySelector('{where}')).transform"
    assert moves(page, place)
    page.locator("#pause").focus()
    page.keyboard.press("Space")
    assert not moves(page, place)
    still = opened("clip", reduced_motion="reduce")
    assert still.evaluate(f"getComputedStyle(document.querySelector('{where}')).animationName") == "none"
    box, frame = still.locator(where).first.bounding_box(), still.locator(".clip").first.bounding_box()
    assert box["width"] <= frame["width"] + 1


def test_every_frame_of_a_clip_is_shown_whole(opened):
    page = opened("clip")
    image, frame = page.locator(".clip img").first.bounding_box(), page.locator(".clip").first.bounding_box()
    assert image["width"] == pytest.approx(4 * frame["width"], rel=0.03)
    assert image["height"] == pytest.approx(frame["height"], abs=3)


def test_the_keyboard_reaches_the_result_first_and_then_everything_that_scrolls(opened):
    page = opened("signal")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the result"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.classList.contains('scroll')")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("kind", KINDS)
def test_light_and_dark_differ_and_both_are_legible(opened, kind):
    shades = {}
    for scheme in ("light", "dark"):
        page = opened(kind, color_scheme=scheme, viewport={"width": 900, "height": 700})
        with Image.open(io.BytesIO(page.screenshot())) as shot:
            shades[scheme] = np.asarray(shot.convert("L"))
    assert np.median(shades["light"]) > 220
    assert np.median(shades["dark"]) < 50


def test_a_server_may_forbid_everything_and_it_still_shows(browser, reports):
    """Served with a policy of its own, as a CI system's artifact viewer does."""

    class Strict(http.server.SimpleHTTPRequestHandler):
        def end_headers(self):
            self.send_header(
                "Content-Security-Policy", "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
            )
            super().end_headers()

        def log_message(self, *_):
            pass

    handler = functools.partial(Strict, directory=str(reports["image"].parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = browser.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/report.html")
        assert page.locator("img").first.evaluate("e => e.naturalWidth") > 0
        page.close()
        server.shutdown()
