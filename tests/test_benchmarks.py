"""Every benchmark imports what there is: names move, and nobody runs them all."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
# In a process of its own: a test's module of the same name (`victims`) would be taken for a benchmark's.
IMPORT_ALL = """
import importlib, sys, traceback
ours, failed = set(sys.argv[1:]), False
for name in sorted(ours):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = str(error.name).partition(".")[0]
        failed |= missing in {"brinkmap", *ours}
        print(f"{name} needs {missing}, which is not here", file=sys.stderr)
    except Exception:
        failed = True
        print(f"{name} does not import:", traceback.format_exc(), file=sys.stderr)
    else:
        print(name)
raise SystemExit(failed)
"""


def test_every_benchmark_imports():
    names = {path.stem for path in BENCHMARKS.glob("*.py")}
    run = subprocess.run([sys.executable, "-c", IMPORT_ALL, *names], cwd=BENCHMARKS, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert "agent" in run.stdout.split(), run.stderr
