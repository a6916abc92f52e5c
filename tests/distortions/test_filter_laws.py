"""Laws of every filter, drawn: bounds, purity, equal draws, locality, energy, and level 0 bit for bit."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from law_cases import TOPS, breaches, case_of

ROWS = st.tuples(*[st.integers(0, top) for top in TOPS])


@settings(max_examples=2000, deadline=None, suppress_health_check=list(HealthCheck))
@given(ROWS)
def test_no_filter_breaks_a_law(row):
    case = case_of(row)
    assert not breaches(case), (case.distortion.name, case.level, case.canvas.shape, case.canvas.grid.sizes)
