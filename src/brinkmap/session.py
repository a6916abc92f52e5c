"""One run made ready: names resolved, grid and palette laid out, victim behind its meter."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from brinkmap.agents.protocol import Agent, Attack
from brinkmap.agents.saved import SUFFIX, load_agent
from brinkmap.arrays import RANKS, check_bounds
from brinkmap.distortions import NATURAL, Medium, arsenal
from brinkmap.env.rules import Rules
from brinkmap.errors import InputError
from brinkmap.objective import criterion_of
from brinkmap.plan import Canvas, Cards, in_values, make_grid, rehearse
from brinkmap.plan.palette import POOL_BYTES
from brinkmap.registry import entries, resolve
from brinkmap.run import Run
from brinkmap.victims.metered import Metered
from brinkmap.victims.protocol import Victim, has_scores

__all__ = ["Session", "agent_of", "name_of"]

AUTO_AGENT = "credit"
"""What `agent="auto"` stands for."""
SLOT_BYTES = 2 * 2**30
"""Memory for samples under attack and their energy tables; more slots than it holds are not opened."""
LARGEST_BATCH = 256
PAINTINGS = 32
"""So many paintings of each sample at most are to find room in the palette's pool; a larger arsenal paints again."""


class Session:
    """Everything a run needs, checked before the first query.

    Args:
        victim: the classifier.
        shape: `(c, *extent)` of the samples.
        run: what is asked for.

    Raises:
        InputError: a name that is not known, or settings that do not go together.
    """

    def __init__(self, victim: Victim, shape: tuple[int, ...], run: Run) -> None:
        if victim.shape is not None and tuple(victim.shape) != tuple(shape):
            raise InputError(
                f"samples: expected the victim's shape {tuple(victim.shape)}, got {tuple(shape)}. "
                "Reshape, resize or move the channel axis first."
            )
        self.victim, self.run = victim, run
        self.agent_name = name_of(run.agent)
        self.agent = agent_of(AUTO_AGENT if run.agent == "auto" else run.agent)
        self.learns_across = bool(getattr(self.agent, "learns_across", False))
        _check_scores(victim, self.agent, self.agent_name)
        _check_rank(self.agent, self.agent_name, len(shape) - 1)
        getattr(self.agent, "check", lambda _: None)(run)
        card = getattr(self.agent, "card", {})
        medium = Medium(tuple(shape), getattr(victim, "rate_hz", None))
        patch = in_values(run.patch, len(shape) - 1, medium.rate_hz)
        self.canvas = Canvas(
            shape=tuple(shape),
            bounds=check_bounds(victim.bounds),
            grid=make_grid(_agreed("patch", patch, card), tuple(shape[1:])),
            cards=Cards(arsenal(_agreed("distortions", run.distortions, card) or NATURAL, medium)),
            seed=run.seed,
            quantise=run.quantise,
        )
        rehearse(self.canvas)
        criterion = criterion_of(run.criterion)
        self.rules = Rules(criterion, run.budget, run.refine_budget, run.max_linf, run.trace)
        self.slots = self._affordable_slots()
        self.metered = Metered(
            victim, largest_batch=self._largest_batch(), batch_size=run.batch_size, rate_limit=run.rate_limit
        )
        if victim.classes is not None:
            criterion.check(victim.classes)

    def _largest_batch(self) -> int:
        """As many as are asked at once: an attack of several `rows` a sample fills larger batches with fewer slots."""
        return max(self.slots, min(LARGEST_BATCH, self.slots * getattr(self.agent, "rows", 1)))

    def _affordable_slots(self) -> int:
        canvas = self.canvas
        tables = 20 if self.run.max_linf is not None else 12  # bytes an ink and atom: energy, clipped, peak
        paintings = 4 * canvas.size * min(len(canvas.inks), PAINTINGS)
        each = 16 * canvas.size + tables * (len(canvas.inks) + 1) * canvas.grid.atoms
        return max(1, min(self.run.slots, SLOT_BYTES // each, POOL_BYTES // paintings))


def name_of(agent: Any) -> str:
    """What results call an agent or attack: its name, or that of what `auto` stands for."""
    if isinstance(agent, str):
        return AUTO_AGENT if agent == "auto" else agent
    return str(getattr(agent, "name", type(agent).__name__))


def agent_of(agent: Any) -> Agent | Attack:
    """The agent or attack behind a name, a path or an object.

    Raises:
        InputError: there is none, or it is neither.
    """
    if isinstance(agent, str) and agent.endswith(SUFFIX):
        return load_agent(agent)
    found = resolve("agent", agent) if isinstance(agent, str) else agent
    if inspect.isclass(found) or inspect.isfunction(found):
        found = found()
    if not isinstance(found, (Agent, Attack)):
        raise InputError(
            f"agent: expected an object with start, propose, learn, stop and needs_scores, or with run and "
            f"needs_scores, got {found!r}. See brinkmap.testing.check_agent."
        )
    return found


def _check_scores(victim: Victim, agent: Agent | Attack, name: str) -> None:
    if has_scores(victim) or not agent.needs_scores:
        return
    able = [entry.name for entry in entries("agent") if not getattr(resolve("agent", entry.name), "needs_scores", True)]
    raise InputError(
        f"agent {name!r} needs probabilities, and this victim answers labels only. Choose from: {', '.join(able)}."
    )


def _check_rank(agent: Agent | Attack, name: str, rank: int) -> None:
    ranks = getattr(agent, "ranks", RANKS)
    if rank not in ranks:
        axes = " or ".join(map(str, ranks))
        raise InputError(f"agent {name!r} attacks samples of {axes} axes, got {rank}. Choose another agent.")


def _agreed(what: str, stated: Any, card: Mapping[str, Any]) -> Any:
    """What the run states, or what the agent's card says; both only if the card allows what is stated."""
    if stated is None or (isinstance(stated, Sequence) and not stated):
        return _without_code(what, card.get(what))
    allowed = card.get("allowed", {}).get(what, card.get(what))
    if allowed is not None and not set(_plain(stated)) <= set(_plain(allowed)):
        raise InputError(
            f"{what}: the agent was made for {', '.join(_plain(allowed))}, got {', '.join(_plain(stated))}. "
            f"Leave {what} out, or choose among these."
        )
    return stated


def _without_code(what: str, told: Any) -> Any:
    """What an agent's card says. It may come from a stranger, so a name in it that would run a file is not followed."""
    named = () if told is None else np.atleast_1d(np.array(told, dtype=object))
    code = [name for name in named if isinstance(name, str) and ":" in name]
    if code:
        raise InputError(
            f"{what}: the agent's card names code to run, {code[0]!r}. If you trust it, state it yourself: "
            f"--{what} {' '.join(_plain(told))}."
        )
    return told


def _plain(value: Any) -> list[str]:
    return [str(getattr(one, "name", one)) for one in np.atleast_1d(np.array(value, dtype=object))]
