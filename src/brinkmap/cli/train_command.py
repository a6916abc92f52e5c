"""`brinkmap train`: load, train, and say what came of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import tyro

from brinkmap.cli.clip_flags import ClipFlags
from brinkmap.cli.progress import training_bar
from brinkmap.cli.signal_flags import SignalFlags
from brinkmap.cli.victim_data import data_for
from brinkmap.data import DataSet
from brinkmap.errors import InputError, MissingExtra
from brinkmap.run import Run
from brinkmap.victims import Victim, load_victim

if TYPE_CHECKING:
    from brinkmap.agents.response import ResponseAgent
    from brinkmap.training.practice import Practice
    from brinkmap.training.trainer import Training

__all__ = ["TrainFlags", "run_train"]


@dataclass(frozen=True, kw_only=True)
class TrainFlags:
    """Train an agent against a classifier, from answers that are bought once and used for every later audit.

    Train on samples that are not audited later. The same command in the same folder goes on where it was left.

    Examples:
        brinkmap train --victim digits --data digits-train --queries 20000 --out trained/digits
        brinkmap train --victim model.onnx --data photos/ --queries 60000 --flip --out trained/photos
        brinkmap train --victim moving-digits --data moving-digits-train --distortions frame-drop flicker --policy joint
        brinkmap train --kind ppo --victim digits --data digits-train --distortions illuminate --patch 2 --max-l2 1.0
        brinkmap audit --victim model.onnx --data held-out/ --agent trained/photos/agent.safetensors

    Exit codes: 0 fine, 2 bad input.
    """

    victim: str
    """model.onnx, a name from `brinkmap list`, path/to/file.py:factory or package.module:factory."""
    data: str
    """Training samples: an .npz with x and y, a folder with a sub-folder of images for each class, a .csv of
    file,label, an ECG recording (.hea, .edf), a video (.mp4, .avi, .webm) or a folder of them, or `digits-train`."""
    out: Path = Path("brinkmap-agent")
    """Folder for the agent, its answers, checkpoints, learning curve and TensorBoard scalars."""
    kind: str = "response"
    """response: plans in a model of the victim; ppo: the plain reference agent."""
    name: str = "agent"
    """The agent's name; it is written to OUT/NAME.safetensors."""
    queries: int = 50_000
    """Answers that may be bought, clean looks included."""
    distortions: tuple[str, ...] = ()
    """Filters to train with; none given means tint and the four natural ones."""
    patch: tuple[str, ...] = ()
    """Patch sizes to train with; none given means 4, 1 and 2, 4 by default in audits. PPO takes one."""
    max_l2: float | None = None
    """The L2 bound that a policy or PPO is trained for; the response model alone needs none."""
    policy: str | None = None
    """Train a policy in the response model afterwards, at no query, and write it to OUT/NAME-POLICY.safetensors:
    flat, or for clips joint (frames and patches have scores of their own), temporal or spatial (one of the two)."""
    updates: int = 240
    """Of the policy."""
    labels: bool = False
    """Fit the network to the true labels first, which costs no query; with --queries 0 to nothing else."""
    robust_l2: float = 0.0
    """For a classifier that was trained to be robust: the L2 by which samples are moved against the network before each
    is fitted, .5 on CIFAR-10. 0 for others."""
    flip: bool = False
    """Mirror half of the samples along the last axis: for pictures of which the mirror image is as good."""
    passes: float | None = None
    """How often each answer is fitted on average; none given means 4, and up to 20 where there are few answers."""
    members: int = 1
    """Networks fitted to the same answers, which plan together: better plans, so many times the computing."""
    limit: int | None = None
    """Only the first so many samples."""
    seed: int = 0
    """Every random choice follows from it."""
    mean: tuple[float, ...] = ()
    """Per channel, subtracted before the victim sees a sample."""
    std: tuple[float, ...] = ()
    """Per channel, divided by."""
    bounds: tuple[float, float] | None = None
    """The valid range of the victim's samples; none given means what the victim says, else 0 1."""
    outputs: str | None = None
    """What the model answers: logits or probabilities."""
    rate_hz: float | None = None
    """A signal's sampling rate, which the ECG filters need."""
    signals: tyro.conf.OmitArgPrefixes[SignalFlags] = dataclasses.field(default_factory=SignalFlags)
    """How recordings become samples."""
    clips: tyro.conf.OmitArgPrefixes[ClipFlags] = dataclasses.field(default_factory=ClipFlags)
    """How videos become samples."""


def run_train(flags: TrainFlags) -> int:
    """Train an agent; returns the exit code.

    Raises:
        BrinkmapError: bad input, or a victim that failed.
    """
    kinds = {"response": _train_response, "ppo": _train_ppo}
    if flags.kind not in kinds:
        raise InputError(f"kind: expected {' or '.join(kinds)}, got {flags.kind!r}.")
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtra("training", "torch") from error
    victim = load_victim(
        flags.victim, bounds=flags.bounds, mean=flags.mean or None, std=flags.std or None,
        outputs=cast("Any", flags.outputs), rate_hz=flags.rate_hz,
    )  # fmt: skip
    data = data_for(victim, flags.data, flags.limit, flags.signals, flags.clips)
    flags.out.mkdir(parents=True, exist_ok=True)
    path = kinds[flags.kind](flags, victim, data)
    print(f"agent: {path}\nuse it: brinkmap audit --agent {path} --victim {flags.victim} --data ...")
    return 0


def _train_response(flags: TrainFlags, victim: Victim, data: DataSet) -> Path:
    from brinkmap.training.loop import train

    plan = _plan(flags)
    if flags.policy:
        _practice(flags)  # said before anything is paid
    labels = data.labels if flags.labels else None
    if flags.labels and labels is None:
        raise InputError(f"labels: {flags.data} has none. Leave --labels out.")
    with training_bar() as bar:
        task = bar.add_task("training", total=plan.queries, so_far="queries")
        agent = train(
            victim, data.stacked(victim.bounds), plan, labels=labels, folder=flags.out, name=flags.name,
            watch=lambda made: bar.update(task, completed=made.queries, so_far=f"queries, loss {made.loss:.2f}"),
        )  # fmt: skip
    assert agent.made_for is not None
    print(f"training queries: {agent.made_for.training_queries:,d}")
    if agent.made_for.figures:
        print(f"on training samples not seen before: {agent.made_for.figures}")
    print(f"learning curve: {flags.out / 'learning-curve.png'}")
    return _add_policy(flags, victim, data, agent) if flags.policy else flags.out / f"{flags.name}.safetensors"


def _add_policy(flags: TrainFlags, victim: Victim, data: DataSet, agent: ResponseAgent) -> Path:
    from brinkmap.training.practice import practise

    practice = _practice(flags)
    with training_bar() as bar:
        task = bar.add_task("policy", total=practice.updates, so_far="updates")
        added = practise(
            agent, victim, data.stacked(victim.bounds), practice, folder=flags.out,
            watch=lambda done, made: bar.update(
                task, completed=done, so_far=f"updates, {made.flipped:.0%} of rollouts flipped, L2 {made.l2:.2f}"
            ),
        )  # fmt: skip
    assert added.made_for is not None
    print(f"the policy's rollouts in the model: {added.made_for.figures}")
    return flags.out / f"{added.made_for.name}.safetensors"


def _practice(flags: TrainFlags) -> Practice:
    from brinkmap.training.practice import Practice

    return Practice(
        heads=flags.policy or "flat", updates=flags.updates, max_l2=flags.max_l2, flip=flags.flip, seed=flags.seed
    )


def _train_ppo(flags: TrainFlags, victim: Victim, data: DataSet) -> Path:
    from brinkmap.training.ppo import train_ppo

    if flags.policy:
        raise InputError("policy: is trained in a response model, which --kind ppo has not. Leave one of the two out.")
    run = Run(distortions=flags.distortions, patch=flags.patch or None, max_l2=flags.max_l2, seed=flags.seed)
    with training_bar() as bar:
        task = bar.add_task("training", total=flags.queries, so_far="queries")
        agent = train_ppo(
            victim, data.stacked(victim.bounds), data.labels, run, flags.queries, flags.seed,
            progress=lambda made: bar.update(task, completed=min(made.queries, flags.queries)),
        )  # fmt: skip
    path = flags.out / f"{flags.name}.safetensors"
    agent.save(path)
    print(f"training queries: {agent.card['training_queries']:,d}")
    return path


def _plan(flags: TrainFlags) -> Training:
    from brinkmap.training.trainer import Training

    given: dict[str, Any] = {
        name: getattr(flags, name) for name in ("queries", "passes", "members", "flip", "seed", "robust_l2")
    }
    if flags.distortions:
        given["distortions"] = flags.distortions
    if flags.patch:
        given["patch"] = flags.patch
    return Training(**given)
