"""`brinkmap harden`: load, train a classifier, and say what came of it."""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from brinkmap.arrays import check_bounds, check_sample
from brinkmap.cli.harden_pool import PoolFlags, compared, pool_of, print_compared
from brinkmap.cli.progress import training_bar
from brinkmap.data import load_data
from brinkmap.errors import InputError
from brinkmap.files import write_json, write_text
from brinkmap.recorded import versions
from brinkmap.registry import resolve
from brinkmap.report import publish
from brinkmap.report.wording import command_line

if TYPE_CHECKING:
    from torch import nn

    from brinkmap.harden import Checked, Fitted, Labelled, Recipe

__all__ = ["HardenFlags", "run_harden"]


@dataclass(frozen=True, kw_only=True)
class HardenFlags:
    """Train a classifier to be robust, by its labels or by rewards for answers that it draws itself.

    A tenth of the data is set apart; the checkpoint that is kept is the one that does best on what --adversary makes of
    it (FGSM where there is none). The same command in the same folder goes on where it was left.

    Examples:
        brinkmap harden --data digits-train --adversary fgsm --epsilon 0.1 --out hardened/digits
        brinkmap harden --method policy-gradient --baseline expected --data digits-train --epochs 100
        brinkmap harden --method policy-gradient --rewards repeated --optimiser published --data train.npz
        brinkmap harden --network model.safetensors --data train.npz --test-data test.npz --adversary none \
            --pool attack --max-l2 2 --audit 100 --tolerance 0.01
        brinkmap audit --victim hardened/digits/model.safetensors --data digits

    Exit codes: 0 fine, 2 bad input.
    """

    data: str
    """Labelled samples: an .npz with x and y, a folder with a sub-folder of images for each class, a .csv of
    file,label, or `digits-train`."""
    test_data: str | None = None
    """Samples that are only measured on, such as `digits`; nothing is picked by them."""
    method: str = "cross-entropy"
    """cross-entropy: the usual loss; policy-gradient: rewards for answers drawn from the softmax."""
    network: str = "small-vgg"
    """small-vgg; a model.safetensors that this command wrote, to go on from its weights; or path/to/file.py:factory
    of a torch module from samples on 0..1 to logits."""
    adversary: str = "fgsm"
    """What is shown instead of the samples: none, fgsm or pgd, made anew at every step."""
    epsilon: float = 8 / 255
    """Linf distance of the adversary, on samples scaled to 0..1."""
    rewards: str = "constant"
    """policy-gradient: constant (+1 and -1), repeated (mistakes in a row cost more) or balanced (rare classes count
    more)."""
    baseline: str = "expected"
    """policy-gradient: what is taken off the rewards to steady the learning: none (the paper's), mean or expected."""
    optimiser: str = "modern"
    """modern: AdamW, warmed up, falling as a cosine; published: RMSprop at a steady 1e-4, which more epochs prolong."""
    rate: float | None = None
    """Highest learning rate; none given means 5e-4 for modern and 1e-4 for published."""
    layer_norm: bool = True
    """small-vgg: whether logits are normalised before the softmax."""
    epochs: int = 60
    """Passes over the training samples."""
    batch: int = 32
    """Samples a step."""
    check_every: int = 5
    """Epochs between two looks at the accuracies, each of which is a checkpoint."""
    bounds: tuple[float, float] = (0.0, 1.0)
    """The valid range of the samples' values."""
    limit: int | None = None
    """Only the first so many samples."""
    out: Path = Path("brinkmap-hardened")
    """Folder for the model, its checkpoint, report.html, history.csv, curve.png and summary.json."""
    seed: int = 0
    """Every random choice follows from it."""
    attack: tyro.conf.OmitArgPrefixes[PoolFlags] = dataclasses.field(default_factory=PoolFlags)
    """Samples that black-box attacks make."""


def run_harden(flags: HardenFlags) -> int:
    """Train; returns the exit code.

    Raises:
        BrinkmapError: bad input.
    """
    from brinkmap.harden import fit, split

    data = _labelled(flags, flags.data, flags.limit)
    watched = {"test": _labelled(flags, flags.test_data, None)} if flags.test_data else {}
    recipe = _recipe(flags, data)
    train, validation = split(data, seed=flags.seed)
    net = _network(flags, data)
    before = copy.deepcopy(net)
    with training_bar() as bar:
        task = bar.add_task("training", total=flags.epochs, so_far="epochs")

        def watch(one: Checked) -> None:
            judged = one.judged["validation"]
            bar.update(task, completed=one.epoch, so_far=f"epochs, {one.natural['validation']:.1%}, {judged:.1%}")

        fitted = fit(net, train, validation, recipe, watched=watched, folder=flags.out, watch=watch)
    _written(flags, recipe, fitted)
    if flags.attack.audit:
        held = watched.get("test", validation)
        found = compared(flags.attack, flags.seed, {"before": before, "after": fitted.net}, held)
        write_json(flags.out / "before-after.json", found)
        print_compared(flags.attack, found)
    print(f"Report: {publish(flags.out, 'harden', _facts(flags))}")
    return 0


def _facts(flags: HardenFlags) -> dict[str, Any]:
    """What the report says beside the files."""
    run, audited = flags.attack.run, flags.attack.audit
    bound = "" if not run.max_l2 else f", L2 at most {', '.join(f'{one:g}' for one in run.max_l2)}"
    said = f"{audited} samples attacked by {run.agent}, budget {run.budget}{bound}, before and after"
    return {
        "title": f"Hardening on {flags.data}", "command": command_line(), "versions": versions(),
        "adversary": _judge_name(flags), "audited": said if audited else "",
        "source": {"data": flags.data, "test data": flags.test_data or "none", "network": flags.network},
    }  # fmt: skip


def _judge_name(flags: HardenFlags) -> str:
    """The adversary that looks are judged by."""
    return "FGSM" if flags.adversary == "none" else flags.adversary.upper()


def _labelled(flags: HardenFlags, path: str, limit: int | None) -> Labelled:
    from brinkmap.harden import Labelled

    held = load_data(path, limit=limit)
    if held.labels is None:
        raise InputError(f"data: {path} has no labels, which training needs. Give an .npz with x and y.")
    samples, (low, high) = held.stacked(flags.bounds), check_bounds(flags.bounds)
    for index, sample in enumerate(samples):
        try:
            check_sample(sample, held.shape, flags.bounds)
        except InputError as error:
            raise InputError(f"{path}: sample {index}: {error}") from error
    return Labelled((samples - low) / (high - low), held.labels)


def _recipe(flags: HardenFlags, data: Labelled) -> Recipe:
    from brinkmap import harden

    classes = int(data.labels.max()) + 1
    baselines = {"none": harden.NoBaseline, "mean": harden.MeanReward, "expected": harden.ExpectedReward}
    schedules: dict[str, Any] = {
        "constant": harden.Constant, "repeated": harden.Repeated,
        "balanced": lambda: harden.Balanced.of(data.labels.tolist(), classes),
    }  # fmt: skip
    adversaries: dict[str, Any] = {
        "none": harden.Unchanged, "fgsm": lambda: harden.FGSM(flags.epsilon),
        "pgd": lambda: harden.PGD(flags.epsilon, flags.epsilon / 4),
    }  # fmt: skip
    rewards, baseline = _chosen("rewards", flags.rewards, schedules), _chosen("baseline", flags.baseline, baselines)
    objectives = {
        "cross-entropy": harden.CrossEntropy, "policy-gradient": lambda: harden.PolicyGradient(rewards, baseline),
    }  # fmt: skip
    optimisers: dict[str, Any] = {
        "modern": lambda: harden.Modern(flags.rate or 5e-4), "published": lambda: harden.Published(flags.rate or 1e-4),
    }  # fmt: skip
    adversary = _chosen("adversary", flags.adversary, adversaries)
    return harden.Recipe(
        objective=_chosen("method", flags.method, objectives), adversary=adversary,
        judge=harden.FGSM(flags.epsilon) if flags.adversary == "none" else adversary,
        optimiser=_chosen("optimiser", flags.optimiser, optimisers),
        epochs=flags.epochs, batch=flags.batch, check_every=flags.check_every, seed=flags.seed,
        pool=pool_of(flags.attack, flags.seed), tolerance=flags.attack.tolerance,
    )  # fmt: skip


def _chosen(what: str, name: str, known: dict[str, Any]) -> Any:
    if name not in known:
        raise InputError(f"{what}: expected one of {', '.join(known)}, got {name!r}.")
    return known[name]()


def _network(flags: HardenFlags, data: Labelled) -> nn.Module:
    import torch

    from brinkmap.victims.networks import SmallVGG

    torch.manual_seed(flags.seed)
    shape, classes = data.samples.shape[1:], int(data.labels.max()) + 1
    if flags.network == "small-vgg":
        pairs = min(3, max(1, min(shape[1:]).bit_length() - 2))
        return SmallVGG(shape, classes, (16, 32, 64)[:pairs], layer_norm=flags.layer_norm)
    if flags.network.endswith(".safetensors"):
        return _loaded(flags.network, shape, classes)
    if ":" not in flags.network:
        raise InputError(
            f"network: expected small-vgg, a .safetensors file or path/to/file.py:factory, got {flags.network!r}."
        )
    net = resolve("victim", flags.network)()
    if not isinstance(net, torch.nn.Module):
        raise InputError(
            f"network: {flags.network} made a {type(net).__name__}; only a torch module can be trained here. For an "
            "ONNX file or a service, export modified samples with `brinkmap audit --export` and train it yourself."
        )
    return net


def _loaded(path: str, shape: tuple[int, ...], classes: int) -> nn.Module:
    """The network in a file of ours."""
    from brinkmap.victims.networks import load_classifier
    from brinkmap.victims.torch_adapter import TorchFunction

    victim = load_classifier(path)
    assert isinstance(victim.function, TorchFunction)
    if victim.shape != shape or (victim.classes or 0) < classes:
        raise InputError(
            f"network: {path} takes samples of shape {victim.shape} and knows {victim.classes} classes, got {shape} "
            f"and {classes}. Give data of its kind."
        )
    net: nn.Module = victim.function.module
    return net


def _written(flags: HardenFlags, recipe: Recipe, fitted: Fitted) -> None:
    from safetensors.torch import save_file

    from brinkmap.harden.history import draw_history, history_csv
    from brinkmap.victims.networks import Classifier, save_classifier

    path, best = flags.out / "model.safetensors", asdict(fitted.best)
    if isinstance(net := fitted.net, Classifier):
        save_classifier(net, path, flags.bounds, data=flags.data, recipe=repr(recipe), figures=best)
        use = f"brinkmap audit --victim {path} --data ..."
    else:
        save_file({name: one.contiguous() for name, one in fitted.net.state_dict().items()}, path)
        use = f"load its weights into {flags.network} with safetensors.torch.load_file({str(path)!r})"
    write_text(flags.out / "history.csv", history_csv(fitted.history))
    draw_history(fitted.history, flags.out / "curve.png")
    write_json(flags.out / "summary.json", {"recipe": repr(recipe), "picked": best})
    judged = _judge_name(flags)
    print(f"picked: epoch {fitted.best.epoch} of {flags.epochs}, {fitted.best.seconds:.0f} s of training")
    for name in fitted.best.natural:
        print(f"{name}: accuracy {fitted.best.natural[name]:.1%}, against {judged} {fitted.best.judged[name]:.1%}")
    print(f"curve: {flags.out / 'curve.png'}\nmodel: {path}\nuse it: {use}")
