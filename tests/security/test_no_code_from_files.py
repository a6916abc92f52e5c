"""The sources hold none of the calls that run what a file says, but for the few that do so by design."""

import ast
import functools
from pathlib import Path

import pytest

import brinkmap

SOURCES = sorted(Path(brinkmap.__file__).parent.rglob("*.py"))
FORBIDDEN_MODULES = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "xml.etree"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
OWN_PICTURES = {"shown.py"}
"""Reads what it has drawn itself a moment before."""
FIXED = {"named.py", "adapt.py", "write.py"}
"""These import by a name out of a table of their own; `registry.py` alone runs what a user names."""


@functools.cache
def trees():
    return [(path, ast.parse(path.read_text())) for path in SOURCES]


def called(node):
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_nothing_unpickles():
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [one.name for one in node.names] if isinstance(node, ast.Import) else [node.module or ""]
                assert not FORBIDDEN_MODULES & set(names), f"{path}:{node.lineno}"
            if isinstance(node, ast.Call) and called(node) == "load":
                said = {one.arg: getattr(one.value, "value", None) for one in node.keywords}
                owner = ast.unparse(node.func)
                assert owner not in ("torch.load",) or said.get("weights_only") is True, f"{path}:{node.lineno}"
                assert owner != "np.load" or said.get("allow_pickle") is False, f"{path}:{node.lineno}"


def test_nothing_evaluates_text_or_starts_programs():
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                assert ast.unparse(node.func) not in FORBIDDEN_CALLS, f"{path}:{node.lineno}"
                assert not ast.unparse(node.func).startswith("subprocess."), f"{path}:{node.lineno}"


@pytest.mark.parametrize(("name", "places"), [("exec_module", set()), ("import_module", FIXED)])
def test_code_is_loaded_in_one_place(name, places):
    calls = [(path, node) for path, tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert {path.name for path, node in calls if called(node) == name} == {"registry.py"} | places


def test_pictures_are_opened_with_a_list_of_formats():
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Image.open" and path.name not in OWN_PICTURES:
                assert any(one.arg == "formats" for one in node.keywords), f"{path}:{node.lineno}"
