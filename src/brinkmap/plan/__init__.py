"""Plans: which cell carries which distortion at which level, how that is rendered, and how it is kept in bounds."""

from brinkmap.plan.bound import KEEP, REMOVE, Bound, apply
from brinkmap.plan.cards import Cards
from brinkmap.plan.grid import Grid, Patch, make_grid
from brinkmap.plan.palette import Canvas, Palette

__all__ = ["KEEP", "REMOVE", "Bound", "Canvas", "Cards", "Grid", "Palette", "Patch", "apply", "make_grid"]
