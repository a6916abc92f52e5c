"""What attacks come to on networks before and after their training: measured, kept, and printed side by side."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from brinkmap.attack import attack
from brinkmap.cli.progress import training_bar
from brinkmap.files import write_json
from brinkmap.run import Run
from brinkmap.victims.function import FunctionVictim

if TYPE_CHECKING:
    from torch import nn

    from brinkmap.harden import Adversary, Fitted, Labelled

__all__ = ["Examiner", "Subject", "print_examined"]

FILE = "before-after.json"
PRINTED = (
    ("clean", "clean_accuracy", "{:.1%}"),
    ("flipped", "success_rate", "{:.1%}"),
    ("queries", "queries_capped_mean", "{:.1f}"),
    ("L2", "l2_mean", "{:.2f}"),
    ("against {judge}", "judged_accuracy", "{:.1%}"),
    ("CPU s", "seconds", "{:.3g}"),
    ("epochs", "epochs", "{}"),
)
"""The first four are of the attacked samples, the next of all."""


@dataclass(frozen=True)
class Subject:
    """A network that is examined, and its training where it had one."""

    net: nn.Module
    fitted: Fitted | None = None


@dataclass(frozen=True)
class Examiner:
    """Puts the same samples, the same attack and the same seed to every network."""

    run: Run
    """The attack."""
    data: Labelled
    """All samples that accuracies are taken over; the first ones are attacked."""
    attacked: int
    """How many of them; 0 for no attack."""
    judge: Adversary
    """Whose samples the judged accuracy is of."""
    seed: int
    rate_hz: float | None

    def examine(self, subjects: dict[str, Subject], out: Path) -> dict[str, dict[str, Any]]:
        """The figures of each, in `before-after.json`, which is written after each; what is there already is kept."""
        path = out / FILE
        kept = json.loads(path.read_text()) if path.is_file() else {}
        found: dict[str, dict[str, Any]] = {}
        with training_bar() as bar:
            task = bar.add_task("attacking", total=len(subjects) * self.attacked, so_far="samples")
            for name, subject in subjects.items():
                mark = self._mark(subject.net)
                figures = kept.get(name, {})
                if figures.get("of") != mark:
                    figures = {"of": mark} | self._accuracies(subject.net)
                    figures |= self._attack(subject.net, lambda: bar.advance(task)) if self.attacked else {}
                bar.update(task, completed=(len(found) + 1) * self.attacked)
                found[name] = figures | _training(subject.fitted)
                write_json(path, found)
        return found

    def _mark(self, net: nn.Module) -> str:
        """What figures are of: these weights under this examination."""
        total = hashlib.sha256(f"{self.run!r} {self.attacked} {self.judge!r} {self.seed} {self.rate_hz}".encode())
        for name, values in sorted(net.state_dict().items()):
            total.update(name.encode() + values.cpu().numpy().tobytes())
        total.update(self.data.samples.tobytes() + self.data.labels.tobytes())
        return total.hexdigest()

    def _accuracies(self, net: nn.Module) -> dict[str, float]:
        from brinkmap.harden import accuracy

        return {
            "natural_accuracy": accuracy(net, self.data),
            "judged_accuracy": accuracy(net, self.data, self.judge, self.seed),
        }

    def _attack(self, net: nn.Module, advance: Any) -> dict[str, Any]:
        from brinkmap.victims.torch_adapter import torch_function

        samples, labels = self.data.samples[: self.attacked], self.data.labels[: self.attacked]
        victim = FunctionVictim(
            torch_function(net), shape=samples.shape[1:], outputs="logits", rate_hz=self.rate_hz
        )  # fmt: skip
        results = []
        for one in attack(victim, samples, labels, self.run):
            results.append(one)
            advance()
        results = [one for one in results if one.error is None]
        attacked = [one for one in results if one.attacked]
        flips = [one for one in attacked if one.success]
        return {
            "samples": len(results),
            "clean_accuracy": len(attacked) / max(len(results), 1),
            "success_rate": len(flips) / max(len(attacked), 1),
            "queries_capped_mean": _mean([one.queries_to_flip or self.run.budget for one in attacked]),
            "l2_mean": _mean([one.l2 for one in flips]),
            "queries": sum(one.queries for one in results),
        }


def print_examined(found: dict[str, dict[str, Any]], title: str, judge: str) -> None:
    """A line a network; all figures are in the report."""
    shown = [one for one in PRINTED if any(one[1] in figures for figures in found.values())]
    table = Table("network", title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name, _, _ in shown:
        table.add_column(name.format(judge=judge), justify="right", no_wrap=True)
    for name, figures in found.items():
        values = ((figures.get(key), form) for _, key, form in shown)
        table.add_row(name, *("-" if value is None else form.format(value) for value, form in values))
    Console().print(table)


def _training(fitted: Fitted | None) -> dict[str, Any]:
    """What the training came to."""
    if fitted is None:
        return {}
    last = fitted.history[-1]
    return {
        "seconds": last.seconds, "epochs": last.epoch, "picked": fitted.best.epoch, "training_queries": last.queries,
        "ended": fitted.ended,
    }  # fmt: skip


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
