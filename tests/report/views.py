"""Views of audits that never ran, for tests of how they are shown."""

import numpy as np
import pandas as pd

from brinkmap.report import Case, ReportView
from brinkmap.rows import PERCEPTIBILITY
from brinkmap.summary import summarise

BLANK = {
    "index": 0, "label": 1, "reference": 1, "success": False, "stalled": False, "error": None, "queries": 1,
    "queries_to_flip": None, "l2_at_flip": None, "queries_refine": 0, "steps": 0, "l2": 0.0, "linf": 0.0, "l2_raw": 0.0,
    "linf_raw": 0.0, "changed": 0, "clipped": 0.0, "projected": False, "published_steps": None, "seed": 0,
    "max_l2": None, **dict.fromkeys(PERCEPTIBILITY),
}  # fmt: skip
SHAPES = {1: (2, 200), 2: (1, 8, 8), 3: (3, 4, 12, 10)}
HOSTILE = [
    "<script>document.title='ran'</script>", "\"><img src=x onerror=\"document.title='ran'\">", "$\\frac{$ & 名 `|`",
    "</style></svg><svg onload=\"document.title='ran'\">", "javascript:document.title='ran'",
]  # fmt: skip


def table(*rows):
    return pd.DataFrame([BLANK | row for row in rows], columns=list(BLANK))


def flip(index, queries, l2, **more):
    return {"index": index, "success": True, "queries": queries, "queries_to_flip": queries, "l2": l2, **more}


FLIPS = table(flip(0, 5, 0.5), flip(1, 40, 1.5), {"index": 2, "queries": 90}, {"index": 3, "label": 2})
HELD = table({"index": 0, "queries": 100}, {"index": 1, "queries": 100})
LEFT_ALONE = table({"label": 2}, {"index": 1, "error": "<b>NaN</b>", "reference": None})


def case(shape, index=0, strength=0.1, **more):
    rng = np.random.default_rng(index)
    clean = rng.uniform(0.3, 0.7, shape).astype(np.float32)
    modified = clean + rng.uniform(-strength, strength, shape).astype(np.float32)
    before, after = np.float32([0.1, 0.7, 0.2]), np.float32([0.6, 0.3, 0.1])
    settings = {
        "index": index, "clean": clean, "modified": modified, "before": before, "after": after, "label": 1,
        "reference": 1, "queries": 5, "l2": 0.5, "filters": "gaussian-noise on 3 cells",
        "heat": rng.uniform(-1, 1, shape[1:]).astype(np.float32), "heat_of": "made up",
    }  # fmt: skip
    return Case(**(settings | more))


def view(rows=FLIPS, *, rank=2, extra=None, **more):
    summary = summarise(rows, budget=100, refine_budget=0) | {"distortions": ["gaussian-noise", "tint"]} | (extra or {})
    settings = {
        "title": "Audit of <digits>", "command": "brinkmap audit --victim digits", "run": {"agent": "credit"},
        "summary": summary, "table": rows, "bounds": (0.0, 1.0), "cases": [case(SHAPES[rank])], "class_names": HOSTILE,
    }  # fmt: skip
    return ReportView(**(settings | more))


def keep_results(folder, rows):
    """The `results.parquet` of a view's table, as a store would have written it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from brinkmap.rows import SCHEMA

    columns = rows.astype(object).where(rows.notna(), None).to_dict("list")
    missing = {name: [None] * len(rows) for name in SCHEMA.names if name not in columns}
    pq.write_table(pa.table(columns | missing, schema=SCHEMA), folder / "results.parquet")
