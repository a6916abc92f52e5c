"""The trainings of `brinkmap harden`, of the network and of its baselines: run with a bar, and written to folders."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brinkmap.cli.harden_data import Held
from brinkmap.cli.harden_pool import PoolFlags
from brinkmap.cli.progress import training_bar
from brinkmap.files import write_json, write_text
from brinkmap.run import Run

if TYPE_CHECKING:
    from torch import nn

    from brinkmap.harden import Checked, Fitted, Labelled, Recipe

__all__ = ["Keeper", "Trainer"]

PACE = "pace.json"


@dataclass(frozen=True)
class Trainer:
    """Trains networks on one split."""

    train: Labelled
    validation: Labelled
    watched: dict[str, Labelled]

    def fit(self, net: nn.Module, recipe: Recipe, folder: Path, name: str) -> Fitted:
        """Train one, in place; the same call in the same folder goes on."""
        from brinkmap.harden import fit

        clock = recipe.max_seconds
        with training_bar() as bar:
            task = bar.add_task(name, total=round(clock) if clock else recipe.epochs, so_far="")

            def watch(one: Checked) -> None:
                unit = f"s, epoch {one.epoch}" if clock else "epochs"
                so_far = f"{unit}, {one.natural['validation']:.1%}, {one.judged['validation']:.1%}"
                bar.update(task, completed=round(one.seconds) if clock else one.epoch, so_far=so_far)

            return fit(
                net, self.train, self.validation, recipe, watched=self.watched, folder=folder, watch=watch
            )  # fmt: skip

    def baselines(
        self, before: nn.Module, recipe: Recipe, hardened: Fitted, flags: PoolFlags, run: Run, epsilon: float,
        keeper: Keeper,
    ) -> dict[str, Fitted]:  # fmt: skip
        """Train each baseline that is asked for, as long and with as many looks, into OUT/baselines/NAME."""
        from brinkmap.harden import BASELINES, baseline_of

        looks, done = sum(one.epoch > 0 for one in hardened.history), {}
        for name in (one for one in BASELINES if one in flags.baselines):
            theirs = baseline_of(
                name, recipe, run, epsilon=epsilon, every=flags.every, share=flags.share,
                seconds=hardened.history[-1].seconds, easiest=flags.easiest, rate_hz=keeper.held.rate_hz,
            )  # fmt: skip
            folder = keeper.out / "baselines" / name
            theirs = replace(theirs, check_every=self._look_every(theirs, before, looks, folder))
            done[name] = self.fit(copy.deepcopy(before), theirs, folder, f"baseline {name}")
            keeper.write(folder, theirs, done[name])
        return done

    def _look_every(self, recipe: Recipe, net: nn.Module, looks: int, folder: Path) -> int:
        """Measured when a baseline begins, and kept for when it goes on."""
        from brinkmap.harden import look_every

        path = folder / PACE
        if not path.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            write_json(path, {"check_every": look_every(recipe, net, self.train, looks)})
        return int(json.loads(path.read_text())["check_every"])


@dataclass(frozen=True)
class Keeper:
    """Writes what came of a training."""

    out: Path
    data: str
    held: Held

    def write(self, folder: Path, recipe: Recipe, fitted: Fitted) -> Path:
        """`model.safetensors`, history.csv, curve.png and summary.json; returns the model's path."""
        from safetensors.torch import save_file

        from brinkmap.harden.history import draw_history, history_csv
        from brinkmap.victims.networks import Classifier, save_classifier

        path, best, held = folder / "model.safetensors", asdict(fitted.best), self.held
        if isinstance(fitted.net, Classifier):
            save_classifier(
                fitted.net, path, held.bounds, data=self.data, recipe=recipe.stated, figures=best, **_facts(held)
            )  # fmt: skip
        else:
            save_file({name: one.contiguous() for name, one in fitted.net.state_dict().items()}, path)
        write_text(folder / "history.csv", history_csv(fitted.history))
        draw_history(fitted.history, folder / "curve.png")
        write_json(
            folder / "summary.json",
            {
                "recipe": recipe.stated, "picked": best, "epochs": fitted.history[-1].epoch,
                "share": fitted.share, "seconds": fitted.history[-1].seconds, "ended": fitted.ended,
                "patience": recipe.patience,
                "max_seconds": recipe.max_seconds,
            },
        )  # fmt: skip
        return path


def _facts(held: Held) -> dict[str, Any]:
    """What the victim will say of its samples and classes."""
    names = held.class_names if held.class_names and len(held.class_names) == held.classes else None
    facts = {"unit": held.unit, "rate_hz": held.rate_hz, "class_names": names and list(names)}
    return {name: value for name, value in facts.items() if value}
