"""The code blocks of a page: found, checked without being run, and run as a reader would."""

import ast
import contextlib
import io
import itertools
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?:<!-- not run: (?P<reason>.+?) -->\n)?```(?P<language>\w*)\n(?P<code>.*?)^```$", re.M | re.S)
PASSED_OVER = ("make", "pip")
"""Commands that are checked and not run: what they install is there already."""
PLAIN = {"cat", "cd", "echo", "export", "kill", "ls", "mkdir", "python", "sleep", "unzip"}
NUMBER = re.compile(r"-?\d[\d,]*\.?\d*(?:e-?\d+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block, and what stands right below it as what it prints."""

    page: Path
    line: int
    language: str
    code: str
    not_run: str | None
    """Why, where the page says that a block is not run."""
    printed: str | None

    def __str__(self):
        return f"{self.page.name}:{self.line}"

    @property
    def commands(self):
        """The commands of a shell block, a list of words each."""
        found = []
        for line in self.code.replace("\\\n", " ").splitlines():
            words = shlex.shlex(line, posix=True, punctuation_chars="&|;")
            words.whitespace_split = True
            for apart, some in itertools.groupby(words, key=lambda word: set(word) <= set("&|;")):
                found += [] if apart else [list(some)]
        return found


def blocks_of(page, *languages):
    """The blocks of a page in order, of some languages or of all that are run or checked."""
    text, found = page.read_text(), []
    matches = list(FENCE.finditer(text))
    for match, after in itertools.zip_longest(matches, matches[1:]):
        printed = None
        if after is not None and after["language"] == "text" and not text[match.end() : after.start()].strip():
            printed = after["code"]
        line = text[: match.start("code")].count("\n")
        found.append(Block(page, line, match["language"], match["code"], match["reason"], printed))
    return [one for one in found if one.language in (languages or ("python", "py", "sh"))]


def check_python(block):
    """That a block is Python, whether or not it is run."""
    ast.parse(block.code, str(block))


def check_shell(block):
    """That every command exists and takes the flags that it is given."""
    for words in block.commands:
        while "=" in words[0] and words[0].split("=")[0].isidentifier():
            words = words[1:]
        name, rest = words[0], words[1:]
        if name == "brinkmap":
            parsed(rest, str(block))
        elif name == "make":
            targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
            assert set(rest) <= targets, f"{block}: no target {set(rest) - targets} in the Makefile"
        elif name == "pip":
            asked = {extra for word in rest for extras in re.findall(r"\[(.+?)\]", word) for extra in extras.split(",")}
            assert asked <= extras_of_package(), f"{block}: no extra {asked - extras_of_package()}"
        elif name == "python" and rest[0].split("/")[0] in ("benchmarks", "scripts", "examples"):
            assert (ROOT / rest[0]).is_file(), f"{block}: no file {rest[0]}"
        else:
            assert name in PLAIN or (ROOT / name).is_file(), f"{block}: {name!r} is no command known here"


def parsed(words, where):
    """The flags of a `brinkmap` command as it reads them; nothing is run."""
    from brinkmap import cli

    said = io.StringIO()
    kept = [word for word in words if word not in ("--help", "--version")]
    if len(kept) < len(words):
        assert kept == [] or kept[0] in command_names(), f"{where}: no command {kept[0]}"
        return None
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            return cli._parsed(without_config(words))
    except SystemExit:
        raise AssertionError(f"{where}: brinkmap {shlex.join(words)}\n{said.getvalue()}") from None


def without_config(words):
    """`--config FILE` supplies flags from a file that may not be here; what it must supply is stood in for."""
    if "--config" not in words:
        return words
    place = words.index("--config")
    return [*words[:place], *words[place + 2 :], "--victim", "digits", "--data", "digits"]


def command_names():
    said = io.StringIO()
    from brinkmap import cli

    with contextlib.redirect_stdout(said), contextlib.suppress(SystemExit):
        cli.main(["--help"])
    return re.search(r"\{([a-z,-]+)\}", re.sub(r"\x1b\[[0-9;]*m", "", said.getvalue()))[1].split(",")


def extras_of_package():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return set(project["optional-dependencies"])


@dataclass
class Reader:
    """Someone who types a page's blocks in order, in one folder."""

    folder: Path
    names: dict = field(default_factory=dict)

    def run(self, block):
        said = self.python(block) if block.language == "python" else self.shell(block)
        if block.printed is not None:
            differing = difference(block.printed, said)
            assert differing is None, f"{block}: {differing}\n--- it printed\n{said}"

    def python(self, block):
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile("\n" * block.line + block.code, str(block), "exec"), self.names)
        return said.getvalue()

    def shell(self, block):
        lines = block.code.replace("\\\n", " ").splitlines()
        script = "\n".join(begun_anew(line) for line in lines if line.split(" ")[0] not in PASSED_OVER)
        bin_ = Path(sys.executable).parent
        environ = os.environ | {"PATH": f"{bin_}:{os.environ['PATH']}", "COLUMNS": "100", "NO_COLOR": "1"}
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=self.folder, env=environ, capture_output=True, text=True, timeout=900
        )
        assert done.returncode == 0, (
            f"{block}: exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
        )
        return done.stdout


def begun_anew(line):
    """A command that names no folder has the usual one for itself, as if the line above had not been tried."""
    fresh = line.startswith("brinkmap ") and "--out" not in line
    return f"rm -rf ./brinkmap-* ./*-results\n{line}" if fresh else line


def difference(expected, got):
    """Where what a page shows differs from what was printed, or None.

    A line of `...` stands for any lines; numbers may differ by 2 %, since processors round differently.
    """
    left = [line.rstrip() for line in got.splitlines() if line.strip()]
    skipping = False
    for line in (line.rstrip() for line in expected.splitlines() if line.strip()):
        if line.strip() == "...":
            skipping = True
            continue
        while skipping and left and not alike(line, left[0]):
            left.pop(0)
        if not left or not alike(line, left.pop(0)):
            return f"it does not print {line!r} where the page says so"
        skipping = False
    return None if skipping or not left else f"it also prints {left[0]!r}"


def alike(expected, got):
    if re.sub(r"\s+", " ", NUMBER.sub("#", expected)) != re.sub(r"\s+", " ", NUMBER.sub("#", got)):
        return False
    pairs = zip(NUMBER.findall(expected), NUMBER.findall(got), strict=True)
    return all(close(*(float(one.replace(",", "")) for one in pair)) for pair in pairs)


def close(expected, got):
    return abs(expected - got) <= 0.02 * max(abs(expected), abs(got)) + 1e-9
