"""Where work runs: one table that says of each target what it is, how to look for it, what prices it, what it runs.

A target *can do* a kind of work when it has a factory for it, so the table promises nothing that is not there. ``auto``
takes the first target that has the factory and is here, and says why those before it were passed over. A target asked
for by name and absent is an error that names the missing piece; nothing is ever substituted silently.
"""

from __future__ import annotations

import inspect

# Imports inside functions are late: the table of targets is read without torch and numba.
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

from hw_profiles.errors import InputError, TargetUnavailableError
from hw_profiles.registry import Entry, Registry

if TYPE_CHECKING:
    from equipoise.qubo.machines import QuboMachine
    from substrates.base import RelaxationSubstrate
    from substrates.network import Network

__all__ = [
    "IMPERFECT_CHIP",
    "TARGETS",
    "WORKS",
    "Found",
    "Target",
    "TargetChoice",
    "TargetNote",
    "Work",
    "able",
    "choose_target",
    "find_target",
    "first_of",
    "given",
    "profile_of",
]

Work = Literal["qubo", "network", "program"]
#: kind of work -> what a target does then
WORKS: dict[Work, str] = {"qubo": "anneal a QUBO", "network": "train a network", "program": "run a Loihi 2 program"}

#: profile that prices what ran on no target of the table, such as a solver on the processor
OTHER_PROFILE = "this-machine"

#: the chip instance the target ``analog`` stands for unless told otherwise: 5 % mismatch, 1 % read noise, 6-bit weights
IMPERFECT_CHIP: dict[str, Any] = {
    "gain_mismatch": 0.05,
    "offset_mismatch": 0.05,
    "time_constant_mismatch": 0.05,
    "conductance_mismatch": 0.05,
    "levels": 32,
    "readout_noise": 0.01,
}


class TargetNote(UserWarning):
    """Which target ``auto`` took where another one was hoped for."""


@dataclass(frozen=True)
class Found:
    """What a probe found: every missing piece, none where the target is here, and details for `equipoise targets`."""

    missing: tuple[str, ...] = ()
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Learning:
    """How networks are usually trained on a target, where a run says nothing else.

    Attributes:
        nudge: of a run that names its own correction or homeostasis.
        homeostasis, feedback_scale, usual_nudge, force: of a run that names neither: decoupled homeostasis, and the
            nudge that goes with it on a machine without noise.
        conv_feedback_scale: of convolutions, whose maps settle in half the steps with it.
    """

    nudge: float = 0.5
    homeostasis: float = 0.5
    feedback_scale: float = 0.25
    conv_feedback_scale: float = 0.1
    usual_nudge: float = 0.75
    force: Literal["following", "held", "normalised"] = "normalised"


@dataclass(frozen=True)
class Target:
    """One place where work can run.

    Attributes:
        name, text: what users write; what it is.
        profile: hardware profile that prices its counts.
        network: (network, options, seed) -> a machine that relaxes it; None where it trains no networks.
        qubo: (problem, scheme, **options) -> the problem in its own format; None where it anneals none.
        program: (program, steps, **options) -> what its populations did, an `Engine`'s `Run` or a `LavaRun`; None where
            it runs none.
        probe: looks for it; never raises, takes two seconds at most.
        options: of the network's machine, unless others are given.
        learning: how networks are usually trained on it.
        most_steps: usual upper end of the steps of one anneal.
    """

    name: str
    text: str
    profile: str = OTHER_PROFILE
    network: Callable[[Network, dict[str, Any], int], RelaxationSubstrate] | None = None
    qubo: Callable[..., QuboMachine] | None = None
    program: Callable[..., Any] | None = None
    probe: Callable[[], Found] = Found
    options: Mapping[str, Any] = field(default_factory=dict)
    learning: Learning = field(default_factory=lambda: Learning())
    most_steps: int = 50_000

    @property
    def works(self) -> tuple[Work, ...]:
        """Kinds of work it has a factory for."""
        return tuple(work for work in WORKS if getattr(self, work) is not None)

    def make(self, work: Work, *arguments: Any, **options: Any) -> Any:
        """What its factory for ``work`` gives.

        Raises:
            InputError: it has none.
        """
        factory = getattr(self, work)
        if factory is None:
            others = ", ".join(one.name for one in able(work))
            raise InputError(f"the target {self.name!r} cannot {WORKS[work]}; there are {others}")
        return factory(*arguments, **options)

    def status(self) -> dict[str, Any]:
        """What it is and whether it is here, as plain values."""
        found = self.probe()
        return {
            "name": self.name,
            "description": self.text,
            "workloads": list(self.works),
            "available": not found.missing,
            "missing": list(found.missing),
            "details": found.details,
        }


@dataclass(frozen=True)
class TargetChoice:
    """The target asked for, the target taken, and why. Records keep all three."""

    requested: str
    target: Target
    reason: str

    @property
    def resolved(self) -> str:
        """Name of the target taken."""
        return self.target.name

    def __getitem__(self, name: str) -> str:
        return self.as_dict()[name]

    def as_dict(self) -> dict[str, str]:
        """Plain values, for records and JSON."""
        return {"requested": self.requested, "resolved": self.resolved, "reason": self.reason}


def _chip() -> Found:
    from mappers import probe_loihi2

    found = dict(vars(probe_loihi2()))
    return Found(found.pop("missing"), found)


def _lava() -> Found:
    from substrates.loihi2.lava.loader import why_unavailable

    problem = why_unavailable()
    return Found((problem,) if problem else ())


def _ideal(network: Network, options: dict[str, Any], seed: int) -> RelaxationSubstrate:
    from substrates.analog import IdealMachine
    from substrates.analog.solvers import AlternatingBlocks

    del seed
    # Same fixed points as the damped map in a quarter of the sweeps; a full step of 1 cycles more often.
    return IdealMachine(network, solver=AlternatingBlocks(**{"step_size": 1.0, "fallback": 0.7, **options}))


def _analog(network: Network, options: dict[str, Any], seed: int) -> RelaxationSubstrate:
    from substrates.analog import AnalogMachine, ChipParameters

    return AnalogMachine(network, chip=ChipParameters.from_dict(options), seed=seed)


def _loihi2_sim(network: Network, options: dict[str, Any], seed: int) -> RelaxationSubstrate:
    from substrates.loihi2.relaxation import Loihi2Machine

    # The optimizer's small steps survive 8 bits only on average: written back rounded up or down at random.
    return Loihi2Machine(network, **{"seed": seed, "rounding": "stochastic", **options})


#: finding it takes as long as annealing a small problem for some steps
_signature = cache(inspect.signature)


def _qubo(kind: str, *arguments: Any, **options: Any) -> QuboMachine:
    from equipoise.qubo import machines

    make = getattr(machines, kind)
    signature = _signature(make)
    try:
        signature.bind(*arguments, **options)
    except TypeError as error:
        known = ", ".join(list(signature.parameters)[len(arguments) :]) or "none"
        raise InputError(f"options of the machine: {error}; there are {known}") from None
    machine: QuboMachine = make(*arguments, **options)
    return machine


def _processor(*arguments: Any, **options: Any) -> QuboMachine:
    from equipoise.qubo.search import Processor

    return Processor(*arguments, **options)


def _on_engine(program: Any, steps: int, *, probes: Any = (), placement: Any = None, engine: Any = None) -> Any:
    """Run ``program``; ``engine`` is one of the same network, with other sources or biases."""
    from substrates.loihi2.engine import Engine

    if engine is None:
        engine = Engine(program, placement=placement)
    else:
        engine.feed(program)
    return engine.run(steps, probes)


def _on_lava(target: Any, program: Any, steps: int, **options: Any) -> Any:
    from substrates.loihi2.lava.run import run_program

    if target == "loihi2":
        from mappers.chip_limits import check_chip

        check_chip(program, options.pop("system", None))
    return run_program(program, steps, target=target, **options)


def _same(target: Target) -> Target:
    return target


def _accept(thing: Any, what: str) -> Target:
    if not isinstance(thing, Target):
        raise InputError(f"{what} is {thing!r}; expected an equipoise.targets.Target")
    return thing


_OWN = (
    Target("loihi2", "the Loihi 2 chip, through Lava", "loihi2", program=partial(_on_lava, "loihi2"), probe=_chip),
    Target(
        "loihi2-sim",
        "our bit-accurate Loihi 2 engine",
        "loihi2",
        network=_loihi2_sim,
        qubo=partial(_qubo, "Loihi2"),
        program=_on_engine,
        learning=Learning(usual_nudge=0.4, force="following"),
    ),
    Target(
        "lava-sim",
        "Lava's CPU runtime, same process graph as the chip",
        "loihi2",
        qubo=partial(_qubo, "Loihi2", lava=True),
        program=partial(_on_lava, "lava-sim"),
        probe=_lava,
        most_steps=1000,  # it does some hundred a second
    ),
    Target(
        "analog",
        "analog relaxation network, imperfect chip instance",
        "crossbar",
        network=_analog,
        qubo=partial(_qubo, "Analog"),
        options=IMPERFECT_CHIP,
    ),
    *(
        Target(name, text, profile, qubo=partial(_qubo, "Ising", machine=name))
        for name, text, profile in (
            ("p-bits", "probabilistic bits, coupled through a crossbar", "p-bits"),
            ("memristor-hopfield", "threshold units on a memristor crossbar with noise", "memristor-hopfield"),
            ("ballistic-bifurcation", "simulated bifurcation, fields of positions", "fpga-bifurcation"),
            ("discrete-bifurcation", "simulated bifurcation, fields of signs", "fpga-bifurcation"),
            ("coherent-ising", "coherent Ising machine with amplitude control", "coherent-ising"),
            ("oscillators", "oscillators locked at half a tone's frequency", "oscillators"),
        )
    ),
    Target("ideal", "floating-point reference", network=_ideal, learning=Learning(nudge=0.1)),
    Target("cpu", "this processor, by the search that suits the problem", qubo=_processor, most_steps=2_000_000),
)
#: every target, in the order in which ``auto`` asks
TARGETS: Registry[Target] = Registry(
    "target", "equipoise.targets", [Entry(one.name, partial(_same, one), one.text) for one in _OWN], _accept
)


def able(work: Work) -> Iterator[Target]:
    """Every target that can do ``work``, here or not."""
    return (target for target in TARGETS.usable().values() if work in target.works)


def find_target(name: str | Target) -> Target:
    """The target called ``name``, one at ``path.py:Name``, or a target itself.

    Raises:
        InputError: there is none.
    """
    return name if isinstance(name, Target) else TARGETS.find(name)


def given(name: str) -> Target:
    """The target that a machine built by hand stands for: the one of its name, or none of the table."""
    return TARGETS[name] if name in TARGETS else Target(name, "a machine that was given")


def profile_of(name: str) -> str:
    """The hardware profile that prices what ran on ``name``, a target or not."""
    return given(name).profile


def choose_target(requested: str | Target, work: Work) -> TargetChoice:
    """Resolve the target ``requested`` for ``work``.

    Args:
        requested: ``auto``, one of `TARGETS`, ``path.py:Name``, or a target itself.
        work: what it is for, one of `WORKS`.

    Raises:
        InputError: no such target, or it does other work.
        TargetUnavailableError: a target asked for by name is not here; the text names every missing piece.
    """
    if requested == "auto":
        return first_of(map(TARGETS.find, TARGETS), lambda target: work in target.works, WORKS[work])
    target = find_target(requested)
    missing = target.probe().missing
    others = f"to {WORKS[work]} there are {', '.join(t.name for t in able(work) if t is not target)}"
    if work not in target.works:
        text = f"the target {target.name!r} ({target.text}) cannot {WORKS[work]} in this version"
        if missing:
            raise TargetUnavailableError(f"{text}, and is not available here: {'; '.join(missing)}; {others}")
        raise InputError(f"{text}; {others}")
    if missing:
        raise TargetUnavailableError(f"the target {target.name!r} is not available: {'; '.join(missing)}; {others}")
    return TargetChoice(str(requested) if isinstance(requested, str) else target.name, target, "asked for by name")


def first_of(candidates: Iterable[Target], able_to: Callable[[Target], bool], what: str) -> TargetChoice:
    """The first target that can do ``what`` and is here; what was passed over is said. Only what can is looked for.

    Raises:
        TargetUnavailableError: none of them.
    """
    passed: list[tuple[str, str, str]] = []  # name, in short, in full
    for target in candidates:
        missing = target.probe().missing if able_to(target) else ()
        if not able_to(target):
            passed.append((target.name, f"cannot {what} yet", f"cannot {what} in this version"))
        elif missing:
            passed.append((target.name, "is not here", f"is not available: {'; '.join(missing)}"))
        elif not passed:
            return TargetChoice("auto", target, f"the first that can {what}")
        else:
            short = ", ".join(f"{name} {why}" for name, why, _ in passed)
            warnings.warn(f"auto runs on {target.name}: {short} (see equipoise targets)", TargetNote, stacklevel=4)
            return TargetChoice("auto", target, "; ".join(f"{name} {why}" for name, _, why in passed))
    raise TargetUnavailableError(f"no target can {what} here: {'; '.join(f'{n} {w}' for n, _, w in passed)}")
