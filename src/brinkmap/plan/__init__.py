"""Plans: which cell carries which distortion at which level, how that is rendered, and how it is kept in bounds."""

from brinkmap.plan.bound import KEEP, REMOVE, apply, fit, proposing
from brinkmap.plan.cards import Cards
from brinkmap.plan.grid import Grid, Patch, in_values, make_grid
from brinkmap.plan.inks import Inks
from brinkmap.plan.palette import Canvas, Palette
from brinkmap.plan.rehearsal import rehearse

__all__ = [
    "KEEP", "REMOVE", "Canvas", "Cards", "Grid", "Inks", "Palette", "Patch", "apply", "fit", "in_values",
    "make_grid", "proposing", "rehearse",
]  # fmt: skip
