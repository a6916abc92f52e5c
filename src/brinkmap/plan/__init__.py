"""Plans: which cell carries which distortion at which level, how that is rendered, and how it is kept in bounds."""

from brinkmap.plan.bound import KEEP, REMOVE, apply, fit
from brinkmap.plan.cards import Cards
from brinkmap.plan.grid import Grid, Patch, make_grid
from brinkmap.plan.palette import Canvas, Palette

__all__ = ["KEEP", "REMOVE", "Canvas", "Cards", "Grid", "Palette", "Patch", "apply", "fit", "make_grid"]
