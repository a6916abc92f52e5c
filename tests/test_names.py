"""The public names, and what importing them costs."""

import subprocess
import sys

import brinkmap


def test_all_is_what_the_namespace_holds():
    assert brinkmap.__all__ == sorted(brinkmap.__all__)
    assert all(hasattr(brinkmap, name) for name in brinkmap.__all__)
    assert callable(brinkmap.attack)
    assert callable(brinkmap.audit)


def test_importing_brinkmap_imports_none_of_the_heavy_libraries():
    heavy = ("torch", "onnxruntime", "sklearn", "matplotlib")
    code = f"import brinkmap, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
