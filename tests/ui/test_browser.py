"""The page in a real browser against a real `brinkmap serve`: from an upload to the flip, by keyboard, on a phone."""

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

pytest.importorskip("torch")
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
EVIL = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'
VICTIM = """
import numpy as np
def factory():
    def answers(x):
        dark = x.mean(axis=(1, 2, 3)) * 20 - 10
        return np.stack([dark, -dark, dark * 0], axis=1)
    answers.shape, answers.classes, answers.outputs = (1, 8, 8), 3, "logits"
    return answers
"""


@contextlib.contextmanager
def serving(folder, *flags):
    """A server of its own process: the process and its address."""
    (folder / "evil.py").write_text(VICTIM)
    (folder / "names.txt").write_text(f"{EVIL}\n'\"><svg onload=window.hit=1>\n${{7*7}}\n")
    command = [sys.executable, "-m", "brinkmap", "serve", "--port", "0", "--class-names", str(folder / "names.txt"),
               "--victim", f"{folder / 'evil.py'}:factory", *flags]  # fmt: skip
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield running, re.search(r"http://\S+", running.stdout.readline())[0]
    finally:
        running.kill()
        running.wait()


MANY = ("--queries", "100000", "--attacks", "8", "--sessions", "64", "--sessions-each", "64")
"""Each visit of a test is a session of its own, all from one address and within five minutes."""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("served"), *MANY) as (_, address):
        yield address


@pytest.fixture(scope="module")
def browser():
    if not Path(CHROMIUM).exists():
        pytest.skip(f"there is no browser at {CHROMIUM}")
    with playwright.sync_playwright() as play:
        launched = play.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        expect.set_options(timeout=20_000)  # for busy machines
        yield launched
        launched.close()


@contextlib.contextmanager
def visiting(browser, address, **options):
    """A page of a new visitor; whatever it logs as an error fails the test."""
    context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
    page = context.new_page()
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda said: page.problems.append(said.text) if said.type == "error" else None)
    page.goto(address)
    ready(page)
    yield page
    context.close()


def ready(page):
    expect(page.locator("#begin")).to_be_enabled(timeout=60_000)


def choose(page, victim):
    page.get_by_label("The classifier under test").select_option(victim)
    ready(page)


def begin(page, pace="0"):
    page.evaluate("pace => { document.getElementById('pace').value = pace }", pace)
    page.get_by_role("button", name="Start the attack").click()


def ended(page):
    expect(page.locator("#share")).to_be_visible(timeout=240_000)
    ready(page)


def uploads():
    """A file for each rank, made of samples that come with Brinkmap."""
    from brinkmap.data import load_data

    picture, strip, clip = (
        load_data(name, limit=11).stacked() for name in ("digits-on-textures", "abnormal-beats", "moving-digits")
    )
    drawn = io.BytesIO()
    Image.fromarray(np.rint(picture[6, 0] * 255).astype(np.uint8)).save(drawn, "PNG")
    rows = "".join(f"{at / 125:.3f},{5 * value - 2:.5f}\n" for at, value in enumerate(strip[6, 0]))
    frames = [Image.fromarray(np.rint(frame * 255).astype(np.uint8)) for frame in clip[10, 0]]
    rolled = io.BytesIO()
    frames[0].save(rolled, "GIF", save_all=True, append_images=frames[1:])
    return {
        "digits-on-textures": ("six.png", "image/png", drawn.getvalue()),
        "abnormal-beats": ("strip.csv", "text/csv", f"time_s,II (mV)\n{rows}".encode()),
        "moving-digits": ("walk.gif", "image/gif", rolled.getvalue()),
    }


@pytest.mark.parametrize("victim", ["digits-on-textures", "abnormal-beats", "moving-digits"])
def test_from_an_upload_to_the_flip(browser, address, victim):
    name, kind, content = uploads()[victim]
    with visiting(browser, address) as page:
        choose(page, victim)
        page.get_by_label("Or a file of your own").set_input_files({"name": name, "mimeType": kind, "buffer": content})
        expect(page.locator("#uploaded")).to_contain_text(name)
        begin(page)
        ended(page)
        expect(page.locator(".verdict")).to_contain_text("became")
        expect(page.locator("#stage-title")).to_contain_text(name)
        shown = int(page.locator(".figures b").first.inner_text())
        limits = page.evaluate("fetch('/api/hello', {method: 'POST'}).then(said => said.json())")["limits"]
        assert shown == limits["spent"] > 1
        for canvas in page.locator(".panels canvas").all():
            colours = canvas.evaluate(
                "one => new Set(one.getContext('2d').getImageData(0, 0, one.width, one.height).data).size"
            )
            assert colours > 3, "nothing is drawn"
        classes = {"digits-on-textures": 10, "abnormal-beats": 4, "moving-digits": 8}[victim]
        assert page.locator(".classes tbody tr").count() == classes
        assert page.problems == []


def test_by_keyboard_alone(browser, address):
    with visiting(browser, address) as page:

        def tab_to(selector):
            for _ in range(60):
                if page.evaluate("selector => document.activeElement.matches(selector)", selector):
                    return
                page.keyboard.press("Tab")
            raise AssertionError(f"{selector} is not reached")

        tab_to("#victim")
        page.keyboard.type("digits")
        ready(page)
        tab_to(".thumb input")
        page.keyboard.press("ArrowRight")
        assert page.evaluate("document.activeElement.value") == "1"
        tab_to("#budget")
        page.keyboard.press("Control+A")
        page.keyboard.type("60")
        tab_to("#begin")
        page.keyboard.press("Enter")
        expect(page.locator("#pause")).to_be_enabled()
        assert page.evaluate("document.activeElement.id") == "stage-title", "focus follows to the attack"
        tab_to("#pause")
        page.keyboard.press("Space")
        expect(page.locator("#pause")).to_have_text("Go on")
        tab_to("#step")
        page.wait_for_timeout(600)
        before = int(page.locator(".figures b").first.inner_text())
        page.keyboard.press("Enter")
        expect(page.locator(".figures b").first).to_have_text(str(before + 1))
        tab_to("#stop")
        page.keyboard.press("Enter")
        expect(page.locator(".detail")).to_contain_text("Stopped by you")
        tab_to(".timeline input")
        page.keyboard.press("Home")
        expect(page.locator(".told").first).to_have_text("query 1")
        assert page.problems == []


def test_a_replay_asks_for_nothing(browser, address):
    with visiting(browser, address) as page:
        begin(page)
        ended(page)
        last = page.locator(".told").first.inner_text()
        asked = []
        page.on("request", lambda request: asked.append(request.url) if not request.url.startswith("data:") else None)
        page.get_by_role("button", name="Replay").click()
        expect(page.get_by_role("button", name="Hold")).to_be_visible()
        expect(page.get_by_role("button", name="Replay")).to_be_visible(timeout=40_000)
        expect(page.locator(".told").first).to_have_text(last)
        assert asked == []


@pytest.mark.parametrize("victim", ["digits-on-textures", "abnormal-beats", "moving-digits", "evil.py:factory"])
def test_a_narrow_screen_needs_no_scrolling_to_the_side(browser, address, victim):
    with visiting(browser, address, viewport={"width": 320, "height": 640}) as page:
        choose(page, victim)
        for summary in page.locator("form summary").all():
            summary.click()
        wide = "document.scrollingElement.scrollWidth"
        assert page.evaluate(wide) == 320
        if victim == "evil.py:factory":
            page.get_by_label("Or a file of your own").set_input_files(dark(f"{'w' * 90}.png"))
            expect(page.locator("#uploaded")).to_contain_text("www")
        begin(page)
        ended(page)
        assert page.evaluate(wide) == 320


def dark(name):
    file = io.BytesIO()
    Image.new("L", (8, 8), 150).save(file, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": file.getvalue()}


def test_markup_in_labels_and_file_names_stays_text(browser, address, tmp_path):
    with visiting(browser, address) as page:
        choose(page, "evil.py:factory")
        # of a path a browser sends the last part only
        named = '<img src=x onerror="window.hit=1">.png'
        page.get_by_label("Or a file of your own").set_input_files(dark(named))
        expect(page.locator("#uploaded")).to_contain_text("onerror")
        begin(page)
        ended(page)
        expect(page.locator(".classes")).to_contain_text(EVIL)
        expect(page.locator("#stage-title")).to_contain_text("<img src=x onerror=")
        assert page.locator("#stage img, #stage script, #stage svg").count() == 0
        assert page.evaluate("window.hit") is None
        page.get_by_label("Or a file of your own").set_input_files({**dark(named), "buffer": b"words"})
        expect(page.locator("#uploaded")).to_contain_text("not a kind of file")
        assert page.evaluate("window.hit") is None
        assert saved_is_inert(browser, page, tmp_path)


def saved_is_inert(browser, page, folder):
    """The saved page, opened without network: it replays, and what is in its labels does not run."""
    with page.expect_download() as coming:
        page.get_by_role("link", name="HTML").click()
    coming.value.save_as(folder / "saved.html")
    context = browser.new_context(offline=True)
    saved = context.new_page()
    problems = []
    saved.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    saved.goto((folder / "saved.html").as_uri())
    expect(saved.locator(".classes")).to_contain_text(EVIL)
    expect(saved.locator(".verdict")).to_contain_text("became")
    saved.get_by_role("button", name="Replay").click()
    expect(saved.get_by_role("button", name="Replay")).to_be_visible(timeout=40_000)
    hit = saved.evaluate("window.hit")
    context.close()
    return hit is None and problems == []


def test_a_gif_is_saved(browser, address):
    with visiting(browser, address) as page:
        begin(page)
        ended(page)
        with page.expect_download() as coming:
            page.get_by_role("link", name="GIF").click()
        assert coming.value.suggested_filename == "brinkmap-attack.gif"
        assert Image.open(coming.value.path()).n_frames > 1


def test_a_server_that_is_killed_in_mid_attack_is_said_so(browser, tmp_path):
    with serving(tmp_path) as (running, address), visiting(browser, address) as page:
        begin(page, pace="12")
        expect(page.locator(".told").first).to_have_text(re.compile(r"query [3-9]"), timeout=20_000)
        running.send_signal(signal.SIGKILL)
        running.wait()
        expect(page.locator(".verdict")).to_have_text("Connection lost: this attack is not going on here.")
        expect(page.locator(".detail")).to_contain_text(re.compile(r"does not answer.*Reached: (query|the flip)"))
        for name in ("pause", "step", "stop"):
            expect(page.locator(f"#{name}")).to_be_disabled()
        expect(page.locator("#share")).to_be_hidden()
        reached = page.locator(".told").first.inner_text()
        page.wait_for_timeout(800)
        assert page.locator(".told").first.inner_text() == reached, "nothing pretends to go on"
        page.get_by_role("button", name="Replay").click()
        expect(page.get_by_role("button", name="Replay")).to_be_visible(timeout=20_000)
        begin(page)
        expect(page.locator("#order-error")).to_contain_text("The server does not answer")


def test_what_is_refused_is_said_beside_the_button(browser, address):
    with visiting(browser, address) as page:
        page.get_by_label("Agent: who proposes").select_option("square")
        begin(page)
        expect(page.locator("#order-error")).to_contain_text("max_l2")
        expect(page.locator("#begin")).to_be_enabled()


def test_nothing_moves_by_itself_for_those_who_ask_for_stillness(browser, address):
    for motion, said in (("reduce", "Play the clip"), ("no-preference", "Hold the clip")):
        with visiting(browser, address, reduced_motion=motion) as page:
            choose(page, "moving-digits")
            begin(page)
            ended(page)
            expect(page.get_by_role("button", name=said)).to_be_visible()


def test_a_screen_reader_is_told_of_the_flip(browser, address):
    with visiting(browser, address) as page:
        choose(page, "abnormal-beats")
        begin(page)
        ended(page)
        expect(page.locator("p.unseen[role=status]")).to_contain_text("became")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("victim", ["digits-on-textures", "abnormal-beats", "moving-digits"])
def test_axe_finds_nothing_serious(browser, address, victim, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with visiting(browser, address, color_scheme=scheme, reduced_motion="reduce") as page:
        choose(page, victim)
        for summary in page.locator("form summary").all():
            summary.click()
        before = _serious(axe, page)
        begin(page)
        ended(page)
        assert (before, _serious(axe, page)) == ([], [])


def _serious(axe, page):
    found = [one for one in axe.Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    return [(one["id"], [node["html"][:120] for node in one["nodes"]]) for one in found]
