"""Observe Lava's CPU models from inside: states and messages of every step, into memory shared with the caller.

Lava's own Monitor is a process of its own and costs about 0.25 ms per step and variable; its Var.get sends values one
by one. A tap is a subclass of whatever model Lava chose, whose ``run_spk`` runs the model's and then copies. The model
itself is untouched.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from substrates.loihi2.lava.loader import lava_module

__all__ = ["SynapseTap", "Tap", "tapped_configuration"]

Int32 = npt.NDArray[np.int32]


class Tap:
    """Room for the states and messages of ``n`` neurons over ``steps`` steps; made before Lava forks its workers.

    Args:
        variables: names of the Vars to copy.
        port: the output whose messages are copied.
        raw: attribute of the model with the messages before zeros were sent as silence; empty where there is none.
    """

    def __init__(self, variables: tuple[str, ...], steps: int, n: int, port: str = "s_out", raw: str = "") -> None:
        self.port, self.has_raw = port, bool(raw)
        self.variables = (*variables, raw) if raw else variables
        shape = (len(self.variables) + 1, steps, n)
        shared = multiprocessing.RawArray("i", int(np.prod(shape)))
        self.data: Int32 = np.frombuffer(shared, np.int32).reshape(shape)

    def messages(self) -> Int32:
        """(steps, n)"""
        return self.data[-1].copy()

    def raw(self) -> Int32:
        """(steps, n) messages, those of value zero told from silence."""
        return self.data[-2].copy() if self.has_raw else self.messages()

    def states(self) -> dict[str, Int32]:
        """Per variable (steps, n)."""
        return {name: self.data[i].copy() for i, name in enumerate(self.variables)}


class SynapseTap:
    """Room for weights, delays and tags of a learning connection over ``steps`` steps, as each step uses them.

    Args:
        shape: (targets, sources).
    """

    variables: ClassVar[Mapping[str, str]] = {"weights": "weights", "delays": "tag_2", "tags": "tag_1"}

    def __init__(self, steps: int, shape: tuple[int, int]) -> None:
        shared = multiprocessing.RawArray("i", 3 * steps * shape[0] * shape[1])
        self.data: Int32 = np.frombuffer(shared, np.int32).reshape(3, steps, *shape)

    def values(self) -> dict[str, Int32]:
        """Per variable (steps, targets, sources)."""
        return {name: self.data[i].copy() for i, name in enumerate(self.variables)}


def tapped_configuration(
    taps: Mapping[Any, Sequence[Tap | SynapseTap]], models: Mapping[type, type] | None = None
) -> Any:
    """A run configuration for Lava's fixed-point CPU models that observes the processes in ``taps``.

    Args:
        taps: process -> its taps, one per port.
        models: process class -> model, where Lava would not find one.
    """
    base = lava_module("lava.magma.core.run_configs").Loihi2SimCfg

    class TappedConfiguration(base):  # type: ignore[misc, valid-type]
        def select(self, process: Any, proc_models: Any) -> Any:
            model = super().select(process, proc_models)
            for tap in taps.get(process, ()):
                model = _tapped(model, tap) if isinstance(tap, Tap) else _tapped_synapses(model, tap)
            return model

    return TappedConfiguration(select_tag="fixed_pt", exception_proc_model_map=dict(models or {}))


def _tapped_synapses(model: type, tap: SynapseTap) -> type:
    def run_spk(self: Any) -> None:
        model.run_spk(self)  # type: ignore[attr-defined]
        for i, name in enumerate(tap.variables.values()):
            values = getattr(self, name)
            tap.data[i, self.time_step - 1] = values.toarray() if hasattr(values, "toarray") else values

    return type(f"Tapped{model.__name__}", (model,), {"run_spk": run_spk, "__module__": model.__module__})


def _tapped(model: type, tap: Tap) -> type:
    wrapped = f"_tapped_{tap.port}"

    def run_spk(self: Any) -> None:
        if not hasattr(self, wrapped):
            port = getattr(self, tap.port)
            send = port.send

            def send_and_keep(data: Any) -> None:
                tap.data[-1, self.time_step - 1] = np.asarray(data).ravel()
                send(data)

            port.send = send_and_keep
            setattr(self, wrapped, True)
        model.run_spk(self)  # type: ignore[attr-defined]
        for i, name in enumerate(tap.variables):
            tap.data[i, self.time_step - 1] = np.asarray(getattr(self, name)).ravel()

    return type(f"Tapped{model.__name__}", (model,), {"run_spk": run_spk, "__module__": model.__module__})
