"""One line from another package's attack to one that runs here: `Run(agent=adapt(attack))`."""

from __future__ import annotations

import functools
import importlib
import inspect
from typing import Any

from brinkmap.compare.foreign import Foreign
from brinkmap.errors import InputError

__all__ = ["adapt"]

ADAPTERS = {
    "art": "brinkmap.compare.from_art",
    "foolbox": "brinkmap.compare.from_foolbox",
    "pyautoattack": "brinkmap.compare.from_autoattack",
    "torchattacks": "brinkmap.compare.from_torchattacks",
}
"""Package -> the module that knows its attacks; nothing is imported before an attack of it is seen."""


def adapt(attack: Any, name: str | None = None) -> Foreign:
    """Another package's attack as one of ours: metered, bounded, with a hard budget, the same in any batch.

    Its settings are its own; a distance that it does not state is the run's. It is copied for every sample, whatever
    model it was built with: that one is neither asked nor copied.

    Args:
        attack: of foolbox, torchattacks, pyautoattack or ART; of the last also a class, or a function from an
            estimator to an attack.
        name: for messages and tables; the class's own in small letters where none is given.

    Raises:
        InputError: it is something else, is aimed at a class, or needs gradients where that can be seen beforehand.
    """
    package = _package_of(attack)
    if package is None:
        raise InputError(
            f"adapt: expected an attack of ART (an object, a class, or a function of an estimator), foolbox, "
            f"pyautoattack or torchattacks, got {attack!r}. "
            "Other loops are made with brinkmap.compare.Foreign(name, attack)."
        )
    adapter = importlib.import_module(ADAPTERS[package])
    found: Foreign = adapter.foreign_of(attack, name or _name_of(attack))
    return found


def _package_of(attack: Any) -> str | None:
    if inspect.isroutine(attack) or isinstance(attack, functools.partial):
        return "art"  # no other package has attacks that are made by a function of a model
    kinds = inspect.getmro(attack if inspect.isclass(attack) else type(attack))
    packages = [kind.__module__.partition(".")[0] for kind in kinds]
    found = next((package for package in packages if package in ADAPTERS), None)
    return None if inspect.isclass(attack) and found != "art" else found


def _name_of(attack: Any) -> str:
    made = getattr(attack, "func", attack)
    kind = made if inspect.isclass(made) or inspect.isroutine(made) else type(made)
    return kind.__name__.strip("<>_").lower()
