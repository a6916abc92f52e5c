"""Test sets that are hard where classifiers are weak: made, loaded, and models put to them."""

from brinkmap.benchmark.loading import Benchmark, Shard, load, mean_corruption_error
from brinkmap.benchmark.making import Origin, make
from brinkmap.benchmark.manifest import Manifest, Part
from brinkmap.benchmark.rendering import render
from brinkmap.benchmark.severity import Level, Multiple, Severity

__all__ = [
    "Benchmark",
    "Level",
    "Manifest",
    "Multiple",
    "Origin",
    "Part",
    "Severity",
    "Shard",
    "load",
    "make",
    "mean_corruption_error",
    "render",
]
