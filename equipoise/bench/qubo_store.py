"""Results on disk while ``equipoise bench qubo`` runs: a run that was killed goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.output import Output

__all__ = ["Store"]

#: what must agree for results to be put into one table
SAME = ("processor", "versions", "budget_s", "reads", "read_seed")


class Store:
    """The JSON object of a run, written after every solver when it has a file.

    Args:
        header: command, date, processor, versions and settings of this run.
        path: where to keep it; None keeps it in memory.

    Raises:
        InputError: the file is no such object, or comes from another machine, other versions or settings.
    """

    def __init__(self, header: dict[str, Any], path: Path | None) -> None:
        self.path, self.data = path, {**header, "commands": [header["command"]], "results": []}
        self._output: Output | None = None
        if path is None:
            return
        if not path.exists():
            self._output = Output(path)
            return
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            differing = [name for name in SAME if kept[name] != header[name]]
            self.data["results"] = list(kept["results"])
            self.data["commands"] = list(dict.fromkeys([*kept["commands"], header["command"]]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is not the JSON of a QUBO bench: {error!r}") from error
        if differing:
            raise InputError(f"{path} is of another run ({', '.join(differing)} differ); give another --out")
        self._output = Output(path, mine=lambda _: True)

    def entry(self, instance: dict[str, Any]) -> dict[str, Any]:
        """The kept result of the instance of this name, or a new one."""
        for result in self.data["results"]:
            if result["instance"] == instance["instance"]:
                return dict(result)
        return {**instance, "solvers": {}}

    def keep(self, entry: dict[str, Any]) -> None:
        """Put the instance's result in its place, on disk too; a killed write leaves the file before it."""
        names = [result["instance"] for result in self.data["results"]]
        if entry["instance"] in names:
            self.data["results"][names.index(entry["instance"])] = entry
        else:
            self.data["results"].append(entry)
        if self._output is not None:
            self.path = self._output.put((json.dumps(self.data) + "\n").encode())
