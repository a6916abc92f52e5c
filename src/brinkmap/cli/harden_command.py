"""`brinkmap harden`: load, train a classifier, and say what came of it."""

from __future__ import annotations

import copy
import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from brinkmap.cli.clip_flags import ClipFlags
from brinkmap.cli.flags import run_of
from brinkmap.cli.harden_audit import Examiner, Subject, print_examined
from brinkmap.cli.harden_data import Asked, Held, held_of
from brinkmap.cli.harden_network import Start, new_network, start_of
from brinkmap.cli.harden_pool import PoolFlags
from brinkmap.cli.harden_recipe import gradient_name, gradient_of, judge_name, recipe_of
from brinkmap.cli.harden_training import Keeper, Trainer
from brinkmap.cli.signal_flags import SignalFlags
from brinkmap.errors import InputError
from brinkmap.recorded import versions
from brinkmap.report import publish
from brinkmap.report.wording import command_line
from brinkmap.session import name_of

if TYPE_CHECKING:
    from torch import nn

    from brinkmap.harden import Fitted, Recipe

__all__ = ["HardenFlags", "run_harden"]

AUDITED = 100
"""Samples attacked before and after unless stated, where there are as many."""


@dataclass(frozen=True, kw_only=True)
class HardenFlags:
    """Train a classifier to be robust, by its labels or by rewards for answers that it draws itself.

    A tenth of the data is set apart; the checkpoint that is kept is the one that does best on what --judge makes of it.
    With a pool, baselines or a --network, the network is attacked before and after, and
    so is each baseline. The same command in the same folder goes on where it was left.

    Examples:
        brinkmap harden --data digits-train --adversary fgsm --epsilon 0.1 --out hardened/digits
        brinkmap harden --data digits-train --adversary planned --epsilon 0.1 --max-l2 1 --out hardened/plans
        brinkmap harden --method policy-gradient --baseline expected --data digits-train --epochs 100
        brinkmap harden --method policy-gradient --rewards repeated --optimiser published --data train.npz
        brinkmap harden --network model.safetensors --data train.npz --test-data test.npz --adversary none \\
            --pool attack --max-l2 2 --tolerance 0.01 --patience 4 --baselines none random pgd square
        brinkmap harden --network ecg-rhythms --data ecg-rhythms-train --adversary none --pool attack --patch 100ms \\
            --max-l2 1 --easiest .25 --every 1 --check-every 1 --epochs 8
        brinkmap audit --victim hardened/digits/model.safetensors --data digits

    Exit codes: 0 fine, 2 bad input.
    """

    data: str
    """Labelled samples: an .npz with x and y, a folder with a sub-folder of images or videos for each class, a .csv of
    file,label, ECG recordings with annotations (--label-by), or a name such as `digits-train`."""
    test_data: str | None = None
    """Samples that are only measured on, such as `digits`; nothing is picked by them."""
    method: str = "cross-entropy"
    """cross-entropy: the usual loss; policy-gradient: rewards for answers drawn from the softmax."""
    network: str = "small-vgg"
    """small-vgg; a model.safetensors that this command wrote or a name of `brinkmap list`, to go on from its weights;
    or path/to/file.py:factory of a torch module from samples on 0..1 to logits."""
    adversary: str = "fgsm"
    """What is shown instead of the samples, made anew at every step: none, fgsm, pgd, or planned (patches shifted where
    the network's own gradient says, within --max-l2)."""
    epsilon: float = 8 / 255
    """Linf distance of fgsm and pgd, on samples scaled to 0..1; planned shifts by one to five times as much."""
    rewards: str = "constant"
    """policy-gradient: constant (+1 and -1), repeated (mistakes in a row cost more) or balanced (rare classes count
    more)."""
    baseline: str = "expected"
    """policy-gradient: what is taken off the rewards to steady the learning: none (the paper's), mean or expected."""
    optimiser: str | None = None
    """modern: AdamW, warmed up, falling as a cosine; steady: AdamW, warmed up and staying there; published: RMSprop at
    a steady 1e-4. More epochs prolong the last two. None given means modern, and steady with --baselines."""
    rate: float | None = None
    """Highest learning rate; none given means 5e-4 for modern and steady, and 1e-4 for published."""
    layer_norm: bool = True
    """small-vgg: whether logits are normalised before the softmax."""
    epochs: int = 60
    """Passes over the training samples."""
    batch: int = 32
    """Samples a step."""
    check_every: int = 5
    """Epochs between two looks at the accuracies, each of which is a checkpoint."""
    judge: str | None = None
    """What the kept checkpoint does best against on the samples set apart: fgsm, pgd, or attack (the first 100 of them
    under --agent within --max-l2). None given means attack with a pool that has a bound, else --adversary, and fgsm
    where there is none."""
    patience: int | None = None
    """End early after so many looks in a row without a better accuracy under the judge on the samples set apart; none
    given means all epochs."""
    bounds: tuple[float, float] | None = None
    """The valid range of the samples' values; none given means what the network's file says, else 0 1."""
    unit: str | None = None
    """The unit of a signal's values, such as mV; none given means what network or data say. The model keeps it."""
    rate_hz: float | None = None
    """A signal's sampling rate; none given means what network or data say. The model keeps it."""
    limit: int | None = None
    """Only the first so many samples."""
    out: Path = Path("brinkmap-hardened")
    """Folder for the model, its checkpoint, report.html, before-after.json, history.csv, curve.png, TensorBoard scalars
    and summary.json, and baselines/NAME with the same of each baseline."""
    seed: int = 0
    """Every random choice follows from it."""
    attack: tyro.conf.OmitArgPrefixes[PoolFlags] = dataclasses.field(default_factory=PoolFlags)
    """Samples that black-box attacks make."""
    signals: tyro.conf.OmitArgPrefixes[SignalFlags] = dataclasses.field(default_factory=SignalFlags)
    """How recordings become samples."""
    clips: tyro.conf.OmitArgPrefixes[ClipFlags] = dataclasses.field(default_factory=ClipFlags)
    """How videos become samples."""


def run_harden(flags: HardenFlags) -> int:
    """Train; returns the exit code.

    Raises:
        BrinkmapError: bad input.
    """
    from brinkmap.harden import check_baselines, check_enough, split

    start = start_of(flags.network, flags.seed)
    held = held_of(_asked(flags), start)
    run, recipe = run_of(flags.attack.run, seed=flags.seed), recipe_of(flags, held)
    check_baselines(flags.attack.baselines, recipe, run)
    train, validation = split(held.data, seed=flags.seed)
    check_enough(held.data, train, held.class_names)
    net = start.net or new_network(held.data.samples.shape[1:], held.classes, flags.layer_norm)
    before = copy.deepcopy(net)
    _warn_of_other_labels(start, before, held)
    keeper = Keeper(flags.out, flags.data, held)
    trainer = Trainer(train, validation, {"test": held.test} if held.test is not None else {})
    fitted = trainer.fit(net, recipe, flags.out, "training")
    _told(flags, keeper.write(flags.out, recipe, fitted), recipe, fitted)
    others = trainer.baselines(before, recipe, fitted, flags.attack, run, flags.epsilon, keeper)
    subjects = {"before": Subject(before), "hardened": Subject(fitted.net, fitted)}
    subjects |= {name: Subject(one.net, one) for name, one in others.items()}
    shown = held.test or validation
    examiner = Examiner(
        run, shown, _attacked(flags, start, len(shown)), gradient_of(flags), flags.seed, held.rate_hz
    )  # fmt: skip
    compared = bool(examiner.attacked or others)
    if compared:
        print_examined(examiner.examine(subjects, flags.out), _said(flags, examiner), gradient_name(flags))
    columns = list(subjects) if compared else []
    print(f"Report: {publish(flags.out, 'harden', _facts(flags, examiner, columns))}")
    return 0


def _warn_of_other_labels(start: Start, net: nn.Module, held: Held) -> None:
    """A network that had learned and has fewer right than a guess would numbers its classes otherwise, as a rule."""
    from brinkmap.harden import accuracy

    if start.net is None or start.class_names is not None:
        return
    right = accuracy(net, held.data)
    if right < 1 / held.classes:
        print(
            f"brinkmap: labels: before training the network has {right:.1%} right, fewer than a guess would. Does it "
            "number the classes as the data do?",
            file=sys.stderr,
        )


def _asked(flags: HardenFlags) -> Asked:
    return Asked(**{field.name: getattr(flags, field.name) for field in dataclasses.fields(Asked)})


def _attacked(flags: HardenFlags, start: Start, there: int) -> int:
    """How many samples are attacked before and after."""
    wanted, asked = flags.attack.audit, flags.attack
    if wanted is None:
        wanted = AUDITED if asked.pool != "none" or asked.baselines or start.net is not None else 0
    if wanted < 0:
        raise InputError(f"audit: expected 0 samples or more, got {wanted}.")
    return min(wanted, there)


def _said(flags: HardenFlags, examiner: Examiner) -> str:
    """What the columns were put to."""
    run, of = flags.attack.run, "test" if flags.test_data else "validation"
    bound = "" if not run.max_l2 else f", L2 at most {', '.join(f'{one:g}' for one in run.max_l2)}"
    if not examiner.attacked:
        return f"{len(examiner.data)} {of} samples, not attacked"
    attack = f"{name_of(run.agent)}, budget {run.budget}{bound}"
    return f"{examiner.attacked} of {len(examiner.data)} {of} samples attacked by {attack}"


def _facts(flags: HardenFlags, examiner: Examiner, columns: list[str]) -> dict[str, Any]:
    """What the report says beside the files."""
    return {
        "title": f"Hardening on {flags.data}", "command": command_line(), "versions": versions(),
        "adversary": judge_name(flags), "gradient": gradient_name(flags), "audited": _said(flags, examiner),
        "columns": columns,
        "source": {"data": flags.data, "test data": flags.test_data or "none", "network": flags.network},
    }  # fmt: skip


def _told(flags: HardenFlags, path: Path, recipe: Recipe, fitted: Fitted) -> None:
    from brinkmap.victims.networks import Classifier

    if isinstance(fitted.net, Classifier):
        use = f"brinkmap audit --victim {path} --data ..."
    else:
        use = f"load its weights into {flags.network} with safetensors.torch.load_file({str(path)!r})"
    judged, last = judge_name(flags), fitted.history[-1]
    early = f", ended after {last.epoch} by patience {recipe.patience}" if fitted.ended == "patience" else ""
    mixed = f", {fitted.share:.0%} of its weights and the rest of those before" if fitted.share < 1 else ""
    print(f"picked: epoch {fitted.best.epoch} of {flags.epochs}{mixed}{early}, {last.seconds:.0f} CPU s of training")
    if fitted.best.epoch == 0:
        hint = "" if recipe.blend else " --blend mixes the last weights with the first ones to keep it."
        print(f"no look was better judged within --tolerance {recipe.tolerance}: the network is as it was.{hint}")
    for name in fitted.best.natural:
        print(f"{name}: accuracy {fitted.best.natural[name]:.1%}, against {judged} {fitted.best.judged[name]:.1%}")
    print(f"curve: {flags.out / 'curve.png'}\nmodel: {path}\nuse it: {use}")
