"""A training on disk: what going on needs, and what it was begun with."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from safetensors import safe_open
from safetensors.torch import save_file

from brinkmap.errors import InputError
from brinkmap.training.replay import rendered
from brinkmap.training.rounds import Round
from brinkmap.training.trainer import Progress, Trainer, Training

__all__ = ["begun", "resume", "save"]

CHECKPOINT = "checkpoint.safetensors"
FORMAT = 3
"""One bound for each patch size since the second, another optimiser since the third."""


def begun(trainer: Trainer) -> bool:
    """Whether its folder has a checkpoint."""
    return trainer.folder is not None and (trainer.folder / CHECKPOINT).is_file()


def save(trainer: Trainer) -> None:
    """Write all that going on needs, whole or not at all."""
    if trainer.folder is None:
        return
    part = trainer.folder / "checkpoint.part"
    state = {
        "spent": trainer.spent, "next_variant": trainer.next_variant, "rounds": trainer.rounds,
        "centres": [[natural, patch, value] for (natural, patch), value in trainer.centres.items()],
        "history": [asdict(one) for one in trainer.history],
        "minibatches": trainer.learner.rng.bit_generator.state,
    }  # fmt: skip
    held = {name: values.contiguous() for name, values in trainer.learner.state().items()}
    save_file(held, part, metadata={"state": json.dumps(state), "plan": json.dumps(_stated(trainer.plan))})
    part.replace(trainer.folder / CHECKPOINT)


def resume(trainer: Trainer) -> None:
    """Go on from the folder's checkpoint, if it has one; the answers bought before are painted again.

    Raises:
        InputError: it was made with other settings.
    """
    if not begun(trainer):
        return
    assert trainer.folder is not None
    with safe_open(trainer.folder / CHECKPOINT, "pt") as held:
        told = held.metadata()
        # a setting that it does not state was not there yet, and is the default; the format is always stated
        before, now = _as_json(Training()) | json.loads(told["plan"]), _stated(trainer.plan)
        if before != now:
            given = {name: one for name, one in now.items() if before.get(name) != one}
            begun_with = {name: before.get(name) for name in given}
            raise InputError(
                f"training: {trainer.folder} was begun with {begun_with}, got {given}. "
                "Give the same settings or another folder."
            )
        trainer.learner.restore({name: held.get_tensor(name) for name in held.keys()})  # noqa: SIM118
    state = json.loads(told["state"])
    trainer.going_on(state["spent"], state["next_variant"], state["rounds"])
    trainer.centres = {(natural, patch): value for natural, patch, value in state["centres"]}
    trainer.history = [Progress(**one) for one in state["history"]]
    trainer.learner.rng.bit_generator.state = state["minibatches"]
    if trainer.left <= 0 and trainer.learner.done >= trainer.learner.steps:
        return  # nothing is left to do, and painting all answers again takes minutes
    for number in range(trainer.rounds):
        path = trainer.folder / "answers" / f"round-{number:05d}.npz"
        kept = json.loads(path.with_suffix(".json").read_text())
        this = Round(**(kept | {"distortions": tuple(kept["distortions"])}))
        trainer.replay.add(*rendered(path, trainer.canvas(this), trainer.variants, trainer.net))


def _stated(plan: Training) -> dict[str, Any]:
    return _as_json(plan) | {"format": FORMAT}


def _as_json(plan: Training) -> dict[str, Any]:
    """The settings as they come back from JSON."""
    settings: dict[str, Any] = json.loads(json.dumps(asdict(plan)))
    return settings
