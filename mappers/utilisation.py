"""How full a machine is: per core neurons, synapses, memory, fan-in and fan-out; the heaviest core and link."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["Link", "Utilisation"]

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Link:
    """Traffic from one core (or chip) to another: ``axons`` neurons of the sender have receivers there."""

    sender: int
    receiver: int
    axons: int


@dataclass(frozen=True)
class Utilisation:
    """A placed program, counted core by core; every array has one entry per core used.

    Attributes:
        system: name of the system.
        chips_used, chips, cores_used, cores: of the system.
        group: (c,) which group each core holds.
        chip: (c,) which chip each core is on.
        neurons, synapses, state_bytes, synaptic_bytes: stored on each core.
        fan_in: (c,) different neurons that send to the core, its own included.
        fan_out: (c,) axons that leave the core: pairs of (its neuron, another core that holds a receiver).
        local: (c,) neurons whose message also stays on the core.
        limits: neurons, synaptic and state bytes, fan-in and fan-out a core can have; None where not published.
        heaviest_link: the pair of cores with most axons; None when nothing leaves a core.
        heaviest_chip_link: the same for chips.
        between_chips: axons that leave a chip.
    """

    system: str
    chips: int
    cores: int
    groups: tuple[str, ...]
    group: npt.NDArray[np.int32]
    chip: npt.NDArray[np.int32]
    neurons: I64
    synapses: I64
    state_bytes: I64
    synaptic_bytes: I64
    fan_in: I64
    fan_out: I64
    local: I64
    limits: dict[str, int | None]
    heaviest_link: Link | None
    heaviest_chip_link: Link | None
    between_chips: int

    @property
    def cores_used(self) -> int:
        return int(self.neurons.size)

    @property
    def chips_used(self) -> int:
        return int(self.chip.max()) + 1 if self.chip.size else 0

    @property
    def heaviest_core(self) -> int:
        """The core with most synapses: with every neuron firing, it sets the step time."""
        return int(np.argmax(self.synapses)) if self.synapses.any() else int(np.argmax(self.neurons))

    @property
    def between_cores(self) -> int:
        """Messages that leave a core when every neuron fires once."""
        return int(self.fan_out.sum())

    def as_dict(self, *, per_core: bool = False) -> dict[str, Any]:
        """Plain data for JSON and records; ``per_core`` adds the whole table."""
        worst = self.heaviest_core
        data: dict[str, Any] = {
            "system": self.system,
            "chips": {"used": self.chips_used, "available": self.chips},
            "cores": {"used": self.cores_used, "available": self.cores},
            "neurons": int(self.neurons.sum()),
            "synapses": int(self.synapses.sum()),
            "messages_within_cores": int(self.local.sum()),
            "messages_between_cores": self.between_cores,
            "messages_between_chips": self.between_chips,
            "per_core": {
                name: {
                    "mean": float(values.mean()) if values.size else 0.0,
                    "max": int(values.max()) if values.size else 0,
                    "limit": self.limits.get(name),
                }
                for name, values in self._columns().items()
            },
            "heaviest_core": {"core": worst, **self._row(worst)},
            "heaviest_link": None if self.heaviest_link is None else vars(self.heaviest_link),
            "heaviest_chip_link": None if self.heaviest_chip_link is None else vars(self.heaviest_chip_link),
        }
        if per_core:
            data["cores_table"] = [{"core": c, **self._row(c)} for c in range(self.cores_used)]
        return data

    def table(self, *, rows: int = 12) -> Table:
        """A table like a compiler's utilisation report: the ``rows`` fullest cores, then the mean and the limit."""
        from rich.table import Table

        columns = self._columns()
        table = Table(
            "core", "chip", "group", *columns, title=f"{self.system}: {self.cores_used} of {self.cores} cores, "
            f"{self.chips_used} of {self.chips} chips",
        )  # fmt: skip
        for core in np.argsort(-self.synapses, kind="stable")[:rows]:
            shown = [f"{int(values[core]):,}" for values in columns.values()]
            table.add_row(str(int(core)), str(int(self.chip[core])), self.groups[self.group[core]], *shown)
        if self.cores_used > rows:
            table.add_row(f"... {self.cores_used - rows} more", "", "", *["" for _ in columns])
        table.add_section()
        table.add_row("mean", "", "", *[f"{values.mean():,.1f}" for values in columns.values()])
        limits = [self.limits.get(name) for name in columns]
        table.add_row("limit", "", "", *["not published" if limit is None else f"{limit:,}" for limit in limits])
        link = self.heaviest_link
        table.caption = (
            f"when every neuron fires once: {int(self.local.sum()):,} messages stay on their core, "
            f"{self.between_cores:,} leave it, {self.between_chips:,} leave the chip; "
            + (f"heaviest link: core {link.sender} to {link.receiver}, {link.axons:,} axons" if link else "no links")
        )
        return table

    def _columns(self) -> dict[str, I64]:
        return {
            "neurons": self.neurons,
            "synapses": self.synapses,
            "state_bytes": self.state_bytes,
            "synaptic_bytes": self.synaptic_bytes,
            "fan_in": self.fan_in,
            "fan_out": self.fan_out,
        }

    def _row(self, core: int) -> dict[str, Any]:
        return {
            "chip": int(self.chip[core]),
            "group": self.groups[self.group[core]],
            **{name: int(values[core]) for name, values in self._columns().items()},
        }
