"""The first hour on a board, one question after the other; what is found can be sent in as one JSON file.

    found = check_chip_here(cases=1)
    found["works"], found["steps"]

Extension, host and board are looked for first; without them there is nothing to run. Then come the one-neuron programs
(do messages go in and out, how long do adapters hold them up), what the board's probes say, and the conformance models,
each by itself, so that one without a neurocore model does not hide the others.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from typing import Any

from equipoise._version import __version__
from equipoise.conformance import MODELS, conform
from hw_profiles.errors import InputError, TargetUnavailableError
from mappers import probe_loihi2
from mappers.chip_models import needs_microcode
from substrates.loihi2.engine import Engine
from substrates.loihi2.lava.chip import missing_modules
from substrates.loihi2.lava.chip_program import BorderDelay
from substrates.loihi2.lava.delay import clock_program, known_delay
from substrates.loihi2.lava.run import run_program
from substrates.loihi2.lava.watchdog import LavaSession

__all__ = ["check_chip_here"]

STEPS = 32  #: of the one-neuron program whose probes are read


def check_chip_here(
    *,
    cases: int = 1,
    seed: int = 0,
    models: Iterable[str] | None = None,
    timeout_s: float = 300.0,
    progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Ask everything and return plain values.

    Args:
        cases: random programs per model.
        seed: of these.
        models: names from `MODELS`; all that need no microcode when None.
        timeout_s: seconds after which one program counts as hung.
        progress: called with the name of what begins.

    Returns:
        ``works``: everything did; ``steps``: name, outcome (works, fails, skipped) and text, in order; ``probe``,
        ``delay``, ``measured``, ``models``: the details.

    Raises:
        TargetUnavailableError: there is no extension or no board; names every missing piece.
    """
    tell = progress or (lambda name: None)
    if cases < 1:
        raise InputError(f"the number of cases must be at least 1, got {cases}")
    unknown = sorted(set(models or ()) - set(MODELS))
    if unknown:
        raise InputError(f"no model {unknown[0]!r}; there are {', '.join(MODELS)}")
    found: dict[str, Any] = {"equipoise": __version__, "python": platform.python_version(), "steps": []}
    probe = probe_loihi2()
    absent = (*probe.missing, *(f"the extension lacks {name}" for name in missing_modules() if probe.sdk_importable))
    if absent:
        raise TargetUnavailableError(f"no chip to check: {'; '.join(absent)}")
    found["probe"] = {name: value for name, value in vars(probe).items() if name != "missing"}
    _add(found, "extension, host and board", "works", f"{probe.board}, generation {probe.chip_generation}")
    tell("one neuron")
    delay = _one_neuron(found, timeout_s)
    found["models"] = {}
    for name in models or MODELS:
        tell(name)
        if delay is None:
            _add(found, name, "skipped", "no message goes in and out")
        else:
            _model(found, name, cases, seed, timeout_s)
    found["works"] = all(step["outcome"] != "fails" for step in found["steps"]) and delay is not None
    return found


def _add(found: dict[str, Any], name: str, outcome: str, text: str) -> None:
    found["steps"].append({"name": name, "outcome": outcome, "text": text})


def _one_neuron(found: dict[str, Any], timeout_s: float) -> BorderDelay | None:
    """Delay of the adapters, then counts and probes of a neuron that spikes by itself."""
    found["delay"] = found["measured"] = None
    try:
        with LavaSession() as session:
            delay = session.call(known_delay, timeout_s=timeout_s)
            found["delay"] = dict(vars(delay))
            _add(found, "one neuron", "works", f"adapters delay by {delay.into} steps in, {delay.out} out")
            run = run_program(
                clock_program(), STEPS, target="loihi2", timeout_s=timeout_s, session=session, delay=delay
            )
    except InputError as error:
        _add(found, "one neuron", "fails", str(error))
        return None
    sent, ours = int(run.sent["clock"].sum()), Engine(clock_program()).run(STEPS).ledger
    same = run.ledger.totals() == ours.totals()
    counts = {event.value: number for event, number in run.ledger.totals().items()}
    found["counts"] = counts
    _add(found, "counts", "works" if same else "fails", f"{sent} messages in {STEPS} steps, {counts}")
    if run.measured is None:
        _add(found, "probes", "fails", "; ".join(run.notes) or "the board said nothing")
        return delay
    rails = {rail.name: {"energy_j": rail.energy_j, "static_j": rail.static_j} for rail in run.measured.rails}
    found["measured"] = {"wall_ns": run.measured.wall_ns, "rails": rails}
    _add(found, "probes", "works", f"{run.measured.wall_ns / 1000:.4g} us, {run.measured.energy_j or 0:.3g} J")
    return delay


def _model(found: dict[str, Any], name: str, cases: int, seed: int, timeout_s: float) -> None:
    lacking = needs_microcode(MODELS[name].chip)
    if lacking or MODELS[name].inside:
        why = f"{', '.join(lacking)} needs microcode" if lacking else "its states are compared from inside"
        _add(found, name, "skipped", why)
        return
    try:
        report = conform("loihi2", cases=cases, seed=seed, models=[name], max_steps=40, timeout_s=timeout_s)
    except InputError as error:
        found["models"][name] = {"error": str(error)}
        _add(found, name, "fails", str(error))
        return
    found["models"][name] = {"compared": report.compared, "mismatches": report.mismatches, "failures": report.failures}
    text = f"{report.compared:,} integers compared, {report.mismatches:,} differ"
    _add(found, name, "fails" if report.mismatches or not report.compared else "works", text)
