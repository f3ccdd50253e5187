"""A study file: which task, with which parameters. TOML.

name = "mis-105"                 title = "..."              finding = "energy-ratio"   (optional)
task = "qubo"                    a task's name, or "package.module:function"
[fixed]                          parameters of every run
[grid]                           parameter -> list: every combination is a run
[[case]]                         instead of one grid: several, each with its own task, fixed and grid
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw_profiles.errors import InputError

__all__ = ["Item", "Study", "list_studies", "load_study"]

FOLDER = Path(__file__).parent / "studies"
_TABLES = {"fixed", "grid", "case"}
_WORDS = {"name", "title", "description", "task", "finding"}


@dataclass(frozen=True)
class Item:
    """One run of a study. ``key`` depends on the task and its parameters only."""

    index: int
    key: str
    task: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A study: its items in a fixed order."""

    name: str
    title: str
    description: str
    finding: str
    items: tuple[Item, ...]
    text: str


def list_studies() -> list[str]:
    """Names of the studies that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load_study(name_or_path: str | Path) -> Study:
    """Read a study that ships, or a file.

    Raises:
        InputError: no such study; not TOML; everything that is wrong with it.
    """
    path = FOLDER / f"{name_or_path}.toml"
    if not path.is_file():
        path = Path(name_or_path)
        if not path.is_file():
            raise InputError(
                f"no study {str(name_or_path)!r}; there are {', '.join(list_studies())}, or give a .toml file"
            )
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a TOML file: {error}") from None
    problems = _problems(data)
    if problems:
        raise InputError(f"{path.name} is not a usable study: {'; '.join(problems)}")
    cases = data.get("case") or [{}]
    items: list[Item] = []
    for case in cases:
        task = case.get("task", data.get("task"))
        fixed = {**data.get("fixed", {}), **case.get("fixed", {})}
        grid = {**data.get("grid", {}), **case.get("grid", {})}
        for values in itertools.product(*grid.values()):
            parameters = {**fixed, **dict(zip(grid, values, strict=True))}
            items.append(Item(len(items), _key(task, parameters), task, parameters))
    if len({item.key for item in items}) < len(items):
        raise InputError(f"{path.name}: two runs have the same task and parameters; a grid repeats a value")
    return Study(
        str(data.get("name", path.stem)),
        str(data.get("title", data.get("name", path.stem))),
        str(data.get("description", "")),
        str(data.get("finding", "")),
        tuple(items),
        text,
    )


def _key(task: str, parameters: dict[str, Any]) -> str:
    text = json.dumps([task, parameters], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _problems(data: dict[str, Any]) -> list[str]:
    from equipoise.study.findings import FINDINGS
    from equipoise.study.tasks import check_task

    found = [
        f"unknown entry {name!r}; known: {', '.join(sorted(_WORDS | _TABLES))}"
        for name in data.keys() - _WORDS - _TABLES
    ]
    cases = data.get("case", [{}])
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        return [*found, "case must be an array of tables: [[case]]"]
    for place, case in enumerate(cases):
        where = f"case {place + 1}: " if data.get("case") else ""
        task = case.get("task", data.get("task"))
        found += [f"{where}{text}" for text in ([check_task(task)] if task else ["no task"]) if text]
        for table in ("fixed", "grid"):
            if not isinstance({**data, **case}.get(table, {}), dict):
                found.append(f"{where}{table} must be a table")
        grid = {**data.get("grid", {}), **case.get("grid", {})}
        found += [
            f"{where}grid.{name} must be a list with at least one value"
            for name, values in grid.items()
            if not isinstance(values, list) or not values
        ]
    if data.get("finding") and data["finding"] not in FINDINGS:
        found.append(f"unknown finding {data['finding']!r}; known: {', '.join(FINDINGS)}")
    return found
