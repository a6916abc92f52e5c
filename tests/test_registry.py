"""Names, modules and files to objects, and what is said where there is none."""

import re
import sys
from importlib.metadata import EntryPoint

import pytest

from brinkmap import registry
from brinkmap.agents.uniform import RandomAgent
from brinkmap.distortions.noise import GaussianNoise
from brinkmap.distortions.tone import tint
from brinkmap.errors import InputError, MissingExtra
from brinkmap.registry import entries, resolve

MODULE = '''
"""A plug-in."""
from dataclasses import dataclass

@dataclass
class Mine:
    """Mine."""
    inner = {"key": 3}

    class Deep:
        """Deeper."""
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder to work in, and `sys.path` and `sys.modules` as they were afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith(("plugin_", "brinkmap_plugin_")):
            del sys.modules[name]


@pytest.fixture
def broken_point(monkeypatch):
    """One more registered distortion, whose import fails in a way of the test's choosing."""

    def register(value):
        known = registry._points("distortion")
        point = EntryPoint("broken", value, "brinkmap.distortions")
        monkeypatch.setattr(registry, "_points", lambda kind: {**known, "broken": point})

    return register


@pytest.mark.parametrize(
    ("kind", "name", "found"),
    [
        ("distortion", "gaussian-noise", GaussianNoise),
        ("distortion", "tint", tint),
        ("agent", "random", RandomAgent),
        ("distortion", "brinkmap.distortions.noise:GaussianNoise", GaussianNoise),
        ("victim", "math:pi", 3.141592653589793),
        ("victim", "os:path.join", __import__("os").path.join),
    ],
)
def test_a_name_stands_for_an_object(kind, name, found):
    assert resolve(kind, name) is found or resolve(kind, name) == found


@pytest.mark.parametrize("kind", ["agent", "distortion", "victim"])
def test_every_registered_name_has_a_line_and_resolves(kind):
    names = [entry.name for entry in entries(kind)]
    assert names == sorted(set(names))
    assert names
    for entry in entries(kind):
        assert entry.description
        assert "\n" not in entry.description


@pytest.mark.parametrize("kind", ["agent", "distortion", "victim"])
def test_an_unknown_name_is_told_the_known_ones(kind):
    known = re.escape(", ".join(entry.name for entry in entries(kind)))
    said = f"unknown {kind} 'nobody'. Known: {known}. Your own is given as package.module:name or path/to/file.py:name"
    with pytest.raises(InputError, match=said):
        resolve(kind, "nobody")


@pytest.mark.parametrize("reference", ["Mine", "Mine.inner", "Mine.Deep"])
def test_a_file_gives_what_it_defines(folder, reference):
    path = folder / "mine.py"
    path.write_text(MODULE)
    for place in (path, "mine.py", "./mine.py"):
        found = resolve("victim", f"{place}:{reference}")
        assert getattr(found, "__name__", reference.rpartition(".")[2]) in ("Mine", "inner", "Deep")


def test_a_file_may_import_its_neighbours(folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "plugin_neighbour.py").write_text("value = 41")
    (folder / "deep" / "mine.py").write_text("import plugin_neighbour\nvalue = plugin_neighbour.value + 1")
    path = list(sys.path)
    assert resolve("victim", "deep/mine.py:value") == 42
    assert sys.path == path


def test_two_files_of_one_name_do_not_mix(folder):
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "mine.py").write_text(f"class Mine: value = {name!r}")
    classes = [resolve("victim", f"{name}/mine.py:Mine") for name in ("a", "b")]
    assert [one.value for one in classes] == ["a", "b"]
    assert [sys.modules[one.__module__].Mine for one in classes] == classes


def test_a_module_in_the_working_folder_is_found(folder):
    (folder / "plugin_here.py").write_text(MODULE)
    assert resolve("victim", "plugin_here:Mine").__doc__ == "Mine."


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        (
            "plugin_nowhere:name",
            "cannot import 'plugin_nowhere': ModuleNotFoundError: .*Give package.module:name",
        ),
        ("plugin_raises:name", "victim: cannot import 'plugin_raises': ZeroDivisionError: division by zero"),
        ("plugin_typo:name", "victim: cannot import 'plugin_typo': SyntaxError"),
        (":name", "victim: cannot import '': ValueError"),
        (".relative:name", "victim: cannot import '.relative': TypeError"),
        ("plugin_good:Yours", "victim 'plugin_good:Yours': plugin_good has no 'Yours'. It has: dataclass, Mine"),
        ("plugin_good:Mine.deepest", "plugin_good has no 'Mine.deepest'"),
        ("plugin_good:", "plugin_good has no ''"),
        ("good.py:Yours", "victim 'good.py:Yours': good.py has no 'Yours'. It has: dataclass, Mine"),
        ("nowhere.py:name", "victim: no such file: nowhere.py. Give path/to/file.py:name"),
        ("raises.py:name", "victim: raises.py failed to run: ZeroDivisionError: division by zero"),
        ("typo.py:name", "victim: typo.py failed to run: SyntaxError"),
    ],
)
def test_a_reference_to_nothing_says_what_is_wrong(folder, reference, said):
    for name, text in {"good": MODULE, "raises": "1 / 0", "typo": "def"}.items():
        (folder / f"{name}.py").write_text(text)
        (folder / f"plugin_{name}.py").write_text(text)
    with pytest.raises(InputError, match=said):
        resolve("victim", reference)
    assert not [name for name in sys.modules if name.startswith(("brinkmap_plugin_raises", "brinkmap_plugin_typo"))]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("plugin_nowhere:Fog", "ModuleNotFoundError: No module named 'plugin_nowhere'"),
        ("math:no_such_name", "AttributeError: .*no_such_name"),
        ("plugin_raises:Fog", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_plug_in_that_cannot_be_loaded_spoils_nothing_else(folder, broken_point, value, said):
    (folder / "plugin_raises.py").write_text("1 / 0")
    sys.path.insert(0, str(folder))
    broken_point(value)
    lines = {entry.name: entry.description for entry in entries("distortion")}
    assert re.fullmatch(f".not available: .*{said.partition(': ')[2]}.*", lines["broken"])
    assert "not available" not in lines["gaussian-noise"]
    with pytest.raises(InputError, match=f"distortion 'broken' cannot be loaded: {said}"):
        resolve("distortion", "broken")


def test_a_missing_extra_is_passed_on(folder, broken_point):
    text = "from brinkmap.errors import MissingExtra\nraise MissingExtra('fog', 'torch')"
    (folder / "plugin_extra.py").write_text(text)
    sys.path.insert(0, str(folder))
    broken_point("plugin_extra:Fog")
    with pytest.raises(MissingExtra, match=r"pip install 'brinkmap\[torch\]'"):
        resolve("distortion", "broken")
    assert "brinkmap[torch]" in {entry.name: entry.description for entry in entries("distortion")}["broken"]
