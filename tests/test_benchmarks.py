"""Every benchmark imports what there is: names move, and nobody runs them all."""

import importlib
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
OURS = {"brinkmap", *(path.stem for path in BENCHMARKS.glob("*.py"))}


@pytest.mark.parametrize("name", sorted(OURS - {"brinkmap"}))
def test_a_benchmark_imports(name, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        if missing in OURS:
            raise
        pytest.skip(f"needs {missing}")
