"""Lava's run configuration for the chip, which lets nothing of a program run anywhere else.

Lava's own ``Loihi2HwCfg`` falls back to a Python model where it finds no neurocore model, without a word: a network
then runs on the host, and whatever is compared with "the chip" agrees. Here every neuron and connection must have a
neurocore model or one in embedded C; what has none is named, all at once, before anything runs.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import TargetUnavailableError
from hw_profiles.measured import Measurement, from_lava
from substrates.loihi2.lava.border import ADAPTERS
from substrates.loihi2.lava.loader import lava_module

if TYPE_CHECKING:
    from substrates.loihi2.lava.builder import LavaGraph
    from substrates.loihi2.program import Program

__all__ = ["SDK_MODULES", "BoardProbes", "chip_configuration", "missing_modules", "require_extension"]

PROFILER = "lava.utils.loihi2_profiler"

#: modules that only Intel's extension of Lava has: models for cores, models in C, their compiler, and the probes
SDK_MODULES = (
    "lava.magma.core.model.nc.model",
    "lava.magma.core.model.c.model",
    "lava.magma.compiler.subcompilers.nc.ncproc_compiler",
    PROFILER,
)


def missing_modules() -> tuple[str, ...]:
    """Those of `SDK_MODULES`, and the adapters, that are not there; imports none of them, never raises."""
    return tuple(name for name in (*SDK_MODULES, ADAPTERS) if not _found(name))


def require_extension() -> None:
    """Raise unless Intel's extension is whole.

    Raises:
        TargetUnavailableError: names the modules that are missing.
    """
    missing = missing_modules()
    if missing:
        raise TargetUnavailableError(
            f"Intel's Loihi extension of Lava is not installed here: no {', '.join(missing)} (INRC members get it)"
        )


class BoardProbes:
    """Power and time of one run by Intel's probes, where the extension has them.

    Args:
        steps: of the run.
    """

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self.problem = ""
        self.callbacks: list[Any] = []
        try:
            profiler = lava_module(PROFILER)
            self.callbacks = [profiler.Loihi2Power(num_steps=steps), profiler.Loihi2ExecutionTime()]
        except Exception as error:  # the extension is closed: whatever it raises is its own
            self.problem = f"no probes: {error!r}"

    def read(self) -> Measurement | None:
        """What they measured; None where there is nothing, and `problem` says why."""
        if not self.callbacks:
            return None
        try:
            power, execution_time = self.callbacks
            return from_lava(power, execution_time, self.steps)
        except Exception as error:
            self.problem = f"the probes could not be read: {error!r}"
            return None


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except Exception:  # a broken or half-installed parent package may raise anything
        return False


def chip_configuration(program: Program, graph: LavaGraph) -> Any:
    """The run configuration that puts ``graph`` on the chip.

    Raises:
        TargetUnavailableError: Intel's extension is not whole, or names the neurons and connections without a model for
            the chip.
    """
    require_extension()
    try:
        base = lava_module("lava.magma.core.run_configs").Loihi2HwCfg
        kinds = tuple(_kinds())

        class ChipConfiguration(base):  # type: ignore[misc, valid-type]
            def select(self, process: Any, proc_models: Any) -> Any:
                model = super().select(process, proc_models)
                if process in checked and not _on_chip(model, kinds):
                    raise TargetUnavailableError(f"{checked[process]} would run in Python, not on the chip")
                return model

        checked: dict[Any, str] = {}
        configuration = ChipConfiguration(select_tag="fixed_pt")
        off = []
        for process, what in _placed(program, graph):
            model = configuration.select(process, _models(process))
            if _on_chip(model, kinds):
                checked[process] = what
            else:
                off.append(f"{what} ({type(process).__name__}, would run as {getattr(model, '__name__', model)})")
    except TargetUnavailableError:
        raise
    except Exception as error:  # the extension is closed: whatever it raises is its own
        raise TargetUnavailableError(f"Lava's chip configuration cannot be made: {error!r}") from error
    if off:
        raise TargetUnavailableError(
            f"no model for the chip: {'; '.join(off)}. The run would not be on the chip and is refused; use the target "
            "loihi2-sim or lava-sim for the same integers"
        )
    return configuration


def _placed(program: Program, graph: LavaGraph) -> Iterator[tuple[Any, str]]:
    """(process, what to call it) of everything that belongs on cores; sources feed them from outside."""
    for name in program.populations:
        yield graph.neurons[name], f"the neurons {name!r}"
    for connection, process in zip(program.connections, graph.connections, strict=True):
        if process is not None:
            yield process, f"the synapses {connection.name!r}"


def _models(process: Any) -> list[type]:
    """Every model that Lava finds for a process."""
    found: list[type] = lava_module("lava.magma.compiler.compiler_graphs").ProcGroupDiGraphs._find_proc_models(process)
    return found


def _kinds() -> Iterator[type]:
    """Base classes of models that run on the chip."""
    for module, names in (
        ("lava.magma.core.model.nc.model", ("AbstractNcProcessModel",)),
        ("lava.magma.core.model.c.model", ("AbstractCProcessModel", "CLoihiProcessModel")),
    ):
        loaded = lava_module(module)
        yield from (getattr(loaded, name) for name in names if hasattr(loaded, name))


def _on_chip(model: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(model, type) and issubclass(model, kinds)
