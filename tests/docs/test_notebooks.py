"""The notebooks run, in the time that they promise, and print what they say that they print."""

import json

import pytest
from blocks import ROOT, difference

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
LONGEST_CPU_S = 120
"""What each promises, on one slow core."""


def code_cells(path):
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def printed(cell):
    return "".join("".join(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_as_it_was_run_from_top_to_bottom(path):
    cells = code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell["outputs"])
    assert {output["output_type"] for cell in cells for output in cell["outputs"]} <= {"stream", "display_data"}
    assert path.stat().st_size < 400_000


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_prints_what_it_is_kept_with(path):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(path, as_version=4)
    began = "import time; print(time.process_time())"
    notebook.cells.append(nbformat.v4.new_code_cell(began))
    nbclient.NotebookClient(notebook, timeout=900, kernel_name="python3", coalesce_streams=True).execute()
    cpu_s = float(printed(notebook.cells.pop()))
    assert cpu_s < LONGEST_CPU_S, f"{path.name} took {cpu_s:.0f} s of processor time"
    for kept, now in zip(code_cells(path), (c for c in notebook.cells if c.cell_type == "code"), strict=True):
        assert difference(printed(kept), printed(now)) is None
