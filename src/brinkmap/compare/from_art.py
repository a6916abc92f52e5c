"""Attacks of the Adversarial Robustness Toolbox 1.20: they ask an estimator, most of them for probabilities."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from brinkmap.arrays import RANKS, Array
from brinkmap.compare.foreign import Door, Foreign
from brinkmap.compare.lent import check_untargeted, descends, distance_of, lent, no_gradients
from brinkmap.errors import BudgetSpent, InputError

__all__ = ["attacked", "foreign_of"]

DECIDES = ("BoundaryAttack", "GeoDA", "HopSkipJump", "SignOPTAttack", "SpatialTransformation")
"""Attacks that look only at which class is answered."""
LOGITS = ("SquareAttack", "ZooAttack")
"""Attacks whose loss is a difference of logits; the others take probabilities or classes."""
PICTURES_ONLY = ("GeoDA", "PixelAttack", "SpatialTransformation", "SquareAttack", "ThresholdAttack", "ZooAttack")
"""Attacks that take a batch apart into channels, height and width."""

Make = Callable[[Any, Door], Any]
"""From an estimator, and the sample's door, to the attack."""


def foreign_of(given: Any, name: str) -> Foreign:
    """An attack as it was built; or a class, built with the run's distance where it has one; or a function.

    Args:
        given: an attack, its class, or a function from an estimator to an attack.
        name: what it is to be called.

    Raises:
        InputError: it is no evasion attack, it reaches for a class, or it needs more than answers.
    """
    if not inspect.isclass(given) and not hasattr(given, "generate"):
        if not callable(given):
            raise InputError(f"{name}: expected an evasion attack, with `generate`, got {type(given).__name__}.")
        return Foreign(name, lambda door: attacked(lambda estimator, _: given(estimator), door, name))
    kind = given if inspect.isclass(given) else type(given)
    if not hasattr(kind, "generate"):
        raise InputError(f"{name}: expected an evasion attack, with `generate`, got {kind.__name__}.")
    _check_requirements(kind, name)
    return Foreign(
        name,
        functools.partial(attacked, _with_settings(kind, name) if kind is given else _as_built(given, name), name=name),
        needs_scores=not descends(kind, DECIDES),
        ranks=(2,) if descends(kind, PICTURES_ONLY) else tuple(RANKS),
        bounded=kind is given and "eps" in inspect.signature(kind).parameters,
    )


def attacked(make: Make, door: Door, name: str) -> Array:
    """What the attack that is made for this sample makes of it."""
    from art.exceptions import EstimatorError

    answers = _Answers(door)
    estimator = _estimator(answers, door.clean.shape, door.classes)
    try:
        attack = make(estimator, door)
        check_untargeted(attack, name)
        if descends(type(attack), LOGITS):
            answers.ask = door.logits
        run = next((step for kind, step in STEPPED.items() if descends(type(attack), [kind])), _generated)
        with np.errstate(all="ignore"):  # Square divides by zero, and goes on
            return run(attack, door, name)
    except EstimatorError:
        raise no_gradients(name) from None
    except AttributeError as error:
        if "gradient" in str(error):
            raise no_gradients(name) from None
        raise


class _Answers:
    """What an estimator answers; to a question that is not finite NaN, as a network would, without a query."""

    def __init__(self, door: Door) -> None:
        self.ask, self._door, self._blank = door.probabilities, door, 0

    def __call__(self, batch: Array) -> Array:
        if np.isfinite(batch).all():
            return self.ask(batch)
        self._blank += 1
        if self._blank > self._door.run.budget:
            raise BudgetSpent("as many questions as the budget allows were not finite.")
        return np.full((len(batch), self._door.classes), np.nan, np.float32)


def _generated(attack: Any, door: Door, name: str, **more: Array) -> Array:
    if hasattr(attack, "verbose"):
        attack.verbose = False
    ended: Array = attack.generate(x=door.clean[None], y=_one_hot(door), **more)[0]
    return ended


def _started(attack: Any, door: Door, name: str) -> Array:
    """Begun where the package would, but with a draw that can be repeated: its own generator cannot be seeded."""
    for _ in range(attack.init_size):
        drawn = np.random.uniform(size=(1, *door.clean.shape)).astype(np.float32)
        if door.probabilities(drawn).argmax() != door.label:
            return _generated(attack, door, name, x_adv_init=drawn)
    return door.clean


def _sign_opt(attack: Any, door: Door, name: str) -> Array:
    """The attack on one sample, past `generate`, which takes any victim of two classes for one of a single output."""
    attack.verbose = False
    ended, _, _ = attack._attack(x_0=door.clean, y_0=door.label)
    return np.asarray(ended).clip(0, 1)  # as it did before it asked


def _geoda(attack: Any, door: Door, name: str) -> Array:
    """GeoDA's own steps, without `generate`: that one leaves a file behind, and its basis needs NumPy below 2."""
    height, width = door.clean.shape[1:]
    if height != width:
        raise InputError(f"{name}: attacks square pictures, got {height} x {width}.")
    attack.clip_min, attack.clip_max, attack.nb_channels = 0.0, 1.0, len(door.clean)
    attack.sub_basis = _cosines(attack.sub_dim, height)
    clean, label = door.clean[None], _one_hot(door)
    nearer = functools.partial(attack._binary_search, clean, label, tol=attack.bin_search_tol)
    point = nearer(attack._find_random_adversarial(clean, label))
    gradient = np.zeros_like(clean)
    for queries in attack.q_opt_iter:
        gradient = gradient + attack._black_grad_batch(point, queries, attack.batch_size, label)[0]
        point = nearer(attack._go_to_boundary(clean, label, gradient))
    return np.asarray(point)[0].clip(0, 1)


STEPPED: dict[str, Callable[..., Array]] = {
    "BoundaryAttack": _started,
    "GeoDA": _geoda,
    "HopSkipJump": _started,
    "SignOPTAttack": _sign_opt,
}
"""Attacks whose `generate` cannot be used as it is."""


@functools.cache
def _cosines(count: int, side: int) -> Array:
    """(side * side, count * count) the lowest two-dimensional cosines, in GeoDA's order."""
    size = max(count, side)
    waves = np.arange(count)[:, None] * (2 * np.arange(side) + 1) * np.pi / (2 * size)
    one = np.cos(waves) * np.sqrt(np.where(np.arange(count) == 0, 1, 2) / size)[:, None]
    both = np.einsum("ux,vy->yxuv", one, one)
    return both.reshape(side * side, count * count).astype(np.float32)


def _one_hot(door: Door) -> Array:
    return np.eye(door.classes, dtype=np.float32)[[door.label]]


def _estimator(answer: Callable[[Array], Array], shape: tuple[int, ...], classes: int) -> Any:
    from art.estimators.classification import BlackBoxClassifierNeuralNetwork

    return BlackBoxClassifierNeuralNetwork(
        answer, shape, classes, channels_first=True, clip_values=(0.0, 1.0), preprocessing=None
    )


def _as_built(attack: Any, name: str) -> Make:
    check_untargeted(attack, name)
    return lambda estimator, _: lent(attack, attack.estimator, estimator)


def _with_settings(kind: Any, name: str) -> Make:
    """Built with what the run says: a search at a distance with that, and with a schedule as long as the budget."""
    known = inspect.signature(kind).parameters

    def make(estimator: Any, door: Door) -> Any:
        settings: dict[str, Any] = {"verbose": False, "targeted": False}
        if "eps" in known:
            order, distance = distance_of(door, name)
            settings |= {"norm": order, "eps": distance, "max_iter": door.run.budget}
        return kind(estimator, **{key: value for key, value in settings.items() if key in known})

    return make


def _check_requirements(kind: Any, name: str) -> None:
    """That answers are all it needs of an estimator."""
    from art.estimators.classification.classifier import ClassGradientsMixin
    from art.estimators.estimator import LossGradientsMixin

    wanted = kind._estimator_requirements or ()
    if kind.is_estimator_valid(_estimator(lambda batch: batch, (1, 1), 2), wanted):
        return
    if {LossGradientsMixin, ClassGradientsMixin} & set(wanted):
        raise no_gradients(name)
    raise InputError(f"{name}: attacks {', '.join(str(one) for one in wanted)} only, and a black box is none.")
