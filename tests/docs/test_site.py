"""The site builds without a warning, loads nothing from elsewhere, and its reference leaves nothing public out."""

import importlib
import re
import subprocess
import sys

import pytest
from blocks import ROOT, command_names

PACKAGES = {
    "brinkmap": "brinkmap",
    "victims": "brinkmap.victims",
    "victims-http": "brinkmap.victims.http",
    "data": "brinkmap.data",
    "data-ecg": "brinkmap.data.ecg",
    "distortions": "brinkmap.distortions",
    "agents": "brinkmap.agents",
    "environments": "brinkmap.env",
    "explain": "brinkmap.explain",
    "harden": "brinkmap.harden",
    "benchmark": "brinkmap.benchmark",
    "compare": "brinkmap.compare",
    "testing": "brinkmap.testing",
}
"""Each reference page's package."""
MODULES = {"brinkmap": {"benchmark"}}
"""Public names that are modules, with pages of their own."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs")
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return place


@pytest.mark.slow
def test_no_page_loads_anything_from_elsewhere(site):
    assert len(list(site.rglob("*.html"))) > 40
    (site / "wrong.html").write_text('<script src="https://example.org/x.js"></script>')
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "check_links", "--site", site], capture_output=True, text=True
    )
    (site / "wrong.html").unlink()
    assert [line for line in done.stderr.splitlines() if "loads from" in line] == [
        f"{site / 'wrong.html'} loads from elsewhere"
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "package"), PACKAGES.items(), ids=PACKAGES)
def test_the_reference_has_every_public_name(site, page, package):
    headings = re.findall(r'<h[2-6] id="([\w.]+)"', (site / "reference" / f"{page}.html").read_text())
    shown = {heading.rsplit(".", 1)[-1] for heading in headings} | MODULES.get(page, set())
    assert set(importlib.import_module(package).__all__) <= shown


@pytest.mark.slow
def test_every_command_has_a_page_with_its_help(site):
    for command in command_names():
        assert f"usage: brinkmap {command} [-h]" in (site / "reference" / "commands" / f"{command}.html").read_text()
