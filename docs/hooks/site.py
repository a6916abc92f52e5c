"""What the documentation site has beyond its files: globs in the navigation, a page a command, a page a notebook.

A page a command is what `brinkmap COMMAND --help` prints at build time, so it cannot say anything else.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

COMMANDS = "reference/commands"
WIDTH = "84"
"""Columns that a help text is wrapped to."""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replace each glob of the navigation by the pages that it names and that stand nowhere else."""
    pages = sorted(_pages(Path(config.docs_dir)))
    stated = set(_paths(config.nav))
    config.nav = [_expanded(entry, pages, stated) for entry in config.nav or []]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made at build time."""
    docs = Path(config.docs_dir)
    for name in command_names():
        files.append(File.generated(config, f"{COMMANDS}/{name}.md", content=_command_page(name)))
    for notebook in sorted((docs / "notebooks").glob("*.ipynb")):
        page = notebook.relative_to(docs).with_suffix(".md").as_posix()
        files.append(File.generated(config, page, content=_notebook_page(notebook)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """A link to a notebook leads to the page that is made of it."""
    return re.sub(r"\]\(((?:\.\./)*notebooks/\w+)\.ipynb\)", r"](\1.md)", markdown)


def command_names() -> list[str]:
    """The subcommands of `brinkmap`, as its own help lists them."""
    listed = re.search(r"\{([a-z,-]+)\}", help_of())
    if listed is None:
        raise RuntimeError("`brinkmap --help` names no subcommands; the reference cannot be made.")
    return listed[1].split(",")


def help_of(*command: str) -> str:
    """What `brinkmap COMMAND --help` prints, at a fixed width and without colours."""
    from brinkmap.cli import main

    before, said = dict(os.environ), io.StringIO()
    os.environ.update(COLUMNS=WIDTH, NO_COLOR="1", TERM="dumb")
    try:
        with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
            main([*command, "--help"])
    finally:
        os.environ.clear()
        os.environ.update(before)
    return "\n".join(line.rstrip() for line in COLOURS.sub("", said.getvalue()).splitlines()).strip()


def _command_page(name: str) -> str:
    return (
        f"# brinkmap {name}\n\nWhat `brinkmap {name} --help` prints; made anew at every build.\n\n"
        f"```text\n{help_of(name)}\n```\n"
    )


def _notebook_page(path: Path) -> str:
    """A notebook as it was executed last: its text, its code and what that printed or drew."""
    cells = json.loads(path.read_text())["cells"]
    parts = []
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
        elif cell["cell_type"] == "code":
            parts.append(f"```python\n{source}\n```")
            parts += [shown for output in cell["outputs"] for shown in _shown(output)]
    return "\n\n".join(parts) + "\n"


def _shown(output: dict[str, Any]) -> Iterator[str]:
    data = output.get("data", {})
    if "image/png" in data:
        picture = base64.b64encode(base64.b64decode("".join(data["image/png"]))).decode()
        yield f'<img alt="What the cell above draws." src="data:image/png;base64,{picture}">'
        return
    text = "".join(output.get("text", data.get("text/plain", ""))).rstrip()
    if text:
        yield f"```text\n{text}\n```"


def _pages(docs: Path) -> Iterator[str]:
    for path in docs.rglob("*.md"):
        if not path.name.endswith("-notes.md"):
            yield path.relative_to(docs).as_posix()
    for path in docs.glob("notebooks/*.ipynb"):
        yield path.relative_to(docs).as_posix()
    yield from (f"{COMMANDS}/{name}.md" for name in command_names())


def _paths(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    for inner in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
        yield from _paths(inner)


def _expanded(entry: Any, pages: list[str], stated: set[str]) -> Any:
    if isinstance(entry, dict):
        return {title: _expanded(inner, pages, stated) for title, inner in entry.items()}
    if isinstance(entry, list):
        inner = [_expanded(one, pages, stated) for one in entry]
        return [page for one in inner for page in (one if isinstance(one, list) else [one])]
    if "*" not in entry:
        return entry
    return [page.replace(".ipynb", ".md") for page in pages if _named(page, entry) and page not in stated]


def _named(page: str, glob: str) -> bool:
    """`**` stands for folders of any depth, and `*` for no more than a name."""
    if "**/" in glob:
        return fnmatch(page, glob.replace("**/", "*"))
    return page.count("/") == glob.count("/") and fnmatch(page, glob)
