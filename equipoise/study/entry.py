"""One run of a study, as its file and its journal keep it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from equipoise.study.tasks import Outcome
from hw_profiles.ledger import Event, Key, Ledger

__all__ = ["Entry"]


@dataclass
class Entry:
    """One run of a study: complete, or failed with its error."""

    index: int
    key: str
    task: str
    parameters: dict[str, Any]
    status: str
    attempts: int = 1
    seconds: float = 0.0
    error: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    counts: list[list[Any]] = field(default_factory=list)  #: [event, component, layer, core, phase, count]
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def fill(self, outcome: Outcome) -> None:
        """Take over what a run gave."""
        self.results, self.measured, self.tables = outcome.results, outcome.measured, outcome.tables
        self.counts = [[k.event.value, *k[1:], n] for k, n in outcome.ledger.items()]

    @property
    def ledger(self) -> Ledger:
        """The counts."""
        return Ledger({Key(Event(c[0]), c[1], c[2], c[3], c[4]): c[5] for c in self.counts})

    def plain(self) -> dict[str, Any]:
        """As the file and the journal keep it."""
        return dict(vars(self))

    def value(self, name: str) -> Any:
        """A result, repeatable or measured."""
        return self.results.get(name, self.measured.get(name))

    def row(self) -> dict[str, Any]:
        """One flat row, for tables and exports."""
        totals = self.ledger.totals()
        return {
            "record": self.key,
            "kind": self.task,
            "status": self.status,
            "created": "",
            **{f"param.{name}": value for name, value in self.parameters.items()},
            **{f"result.{name}": value for name, value in {**self.results, **self.measured}.items()},
            **{f"count.{event.value}": count for event, count in totals.items()},
            "attempts": self.attempts,
            "seconds": self.seconds,
            "error": self.error,
        }
