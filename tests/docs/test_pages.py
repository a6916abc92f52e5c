"""Every code block of the documentation runs or is checked, every link leads somewhere, and nothing is left out."""

import re
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from blocks import ROOT, Reader, blocks_of, check_python, check_shell, command_names, extras_of_package

README, DOCS = ROOT / "README.md", ROOT / "docs"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))
"""Run as a whole, shell commands included, and held to what they print: minutes."""

NOT_FOLLOWED = {
    "http-endpoint.md": "its commands need services that are somebody else's",
    "ecg-records.md": "its commands need recordings and a model of them",
    "audit-an-ecg-model.md": "its commands need recordings of MIT-BIH",
    "audit-a-video-model.md": "its commands need videos and a model of them",
    "many-workers.md": "its commands need a cluster and a bucket",
    "live-page.md": "its commands wait for visitors",
    "watch-a-run.md": "its commands look at runs that are under way",
}
"""How-to pages whose shell commands are checked against the flags that exist, and not run."""
FOLLOWED = [
    page for page in sorted((DOCS / "how-to").glob("*.md")) if page.name not in NOT_FOLLOWED and blocks_of(page, "sh")
]


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in TUTORIALS and blocks_of(page, "python")], ids=name
)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path)
    for block in blocks_of(page, "python"):
        if not block.not_run:
            reader.run(block)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks_of(page)], ids=name)
def test_what_is_not_run_is_right_as_far_as_can_be_seen(page):
    for block in blocks_of(page):
        (check_shell if block.language == "sh" else check_python)(block)


@pytest.mark.slow
@pytest.mark.parametrize("page", [README, *TUTORIALS], ids=name)
def test_a_reader_gets_what_the_page_shows(page, tmp_path, monkeypatch):
    follow(page, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("page", FOLLOWED, ids=name)
def test_the_commands_of_a_how_to_page_run(page, tmp_path, monkeypatch):
    stage(tmp_path, monkeypatch)
    follow(page, tmp_path, monkeypatch, "sh")


def follow(page, folder, monkeypatch, *languages):
    pytest.importorskip("torch")
    monkeypatch.chdir(folder)
    reader = Reader(folder)
    for block in blocks_of(page, *(languages or ("python", "sh"))):
        if not block.not_run:
            reader.run(block)


def stage(folder, monkeypatch):
    """What how-to pages take for granted: the reader's own model, pictures and filters, and the repository's files."""
    from PIL import Image

    monkeypatch.chdir(folder)
    [making] = [
        block for block in blocks_of(README, "python") if "model.onnx" in block.code and "save_model" in block.code
    ]
    Reader(folder).python(making)
    (folder / "other.onnx").write_bytes((folder / "model.onnx").read_bytes())
    held = np.load(folder / "test.npz")
    for index, (picture, label) in enumerate(zip(held["x"][:60], held["y"], strict=False)):
        for place in (f"photos/{label}", f"held-out/{label}"):
            (folder / place).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.uint8(255 * picture[0])).save(folder / place / f"{index}.png")
    (folder / "photo.png").write_bytes((folder / f"photos/{held['y'][0]}/0.png").read_bytes())
    filters = "\n".join(block.code for block in blocks_of(DOCS / "how-to" / "your-own-filter.md", "python"))
    (folder / "my_filters.py").write_text(filters)
    (folder / "my_package").mkdir()
    (folder / "my_package" / "filters.py").write_text(filters)
    for tree in ("examples", "benchmarks", "scripts"):
        (folder / tree).symlink_to(ROOT / tree)


def test_the_two_commands_come_first():
    first = blocks_of(README, "sh")[0]
    assert first.commands == [["make", "demo"], ["make", "test"]]
    assert re.search(r"^make test$", (ROOT / ".ci" / "run").read_text(), re.M)


def test_links_lead_somewhere():
    done = subprocess.run([sys.executable, ROOT / "scripts" / "check_links"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_page_is_in_the_navigation():
    site = pytest.importorskip("mkdocs.config")
    config = site.load_config(str(ROOT / "mkdocs.yml"))
    config = config.plugins.on_config(config)
    listed = set(re.findall(r"[\w./-]+\.md", str(config.nav)))
    there = {str(page.relative_to(DOCS)) for page in PAGES[1:] if not page.name.endswith("-notes.md")}
    assert there <= listed
    assert {f"reference/commands/{command}.md" for command in command_names()} <= listed


def test_every_command_is_in_the_readme():
    said = README.read_text()
    assert [
        command for command in command_names() if f"`{command}`" not in said and f"brinkmap {command}" not in said
    ] == []


def test_every_extra_is_in_the_readme_and_no_other():
    table = README.read_text().split("## Extras")[1]
    rows = re.findall(r"^\| (`.+?`) \|", table, re.M)
    assert {extra for row in rows for extra in re.findall(r"`([\w-]+)`", row)} == extras_of_package()


@pytest.mark.parametrize("kind", ["agents", "distortions", "explainers", "victims"])
def test_everything_that_goes_by_a_name_is_in_the_documentation(kind):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    said = "\n".join(page.read_text() for page in PAGES)
    assert [one for one in project["entry-points"][f"brinkmap.{kind}"] if f"`{one}`" not in said] == []


def test_every_public_module_has_a_reference_page():
    said = "\n".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    packages = ("agents", "benchmark", "compare", "data", "distortions", "explain", "harden", "testing", "victims")
    assert [one for one in packages if f"::: brinkmap.{one}\n" not in said] == []
    assert "::: brinkmap\n" in said


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("audit_*.py")), ids=lambda path: path.name)
def test_example_runs(example, tmp_path, monkeypatch):
    import runpy

    if not (ROOT.parent / "shared" / "data").is_dir():
        pytest.skip("the real data are not here")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(example), "resnet20", "20"])
    runpy.run_path(str(example), run_name="__main__")
    assert (tmp_path / "brinkmap-results" / "resnet20" / "report.html").exists()
