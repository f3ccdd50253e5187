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
import math
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from equipoise.study.findings import FINDINGS
from equipoise.study.space import Search, problems, search_of
from equipoise.study.tasks import OUTSIDE, check_task
from hw_profiles.arguments import checked
from hw_profiles.errors import InputError
from hw_profiles.reading import parse_toml, read_toml, study_runs
from hw_profiles.registry import is_reference
from hw_profiles.texts import shown

__all__ = ["Item", "Study", "item_of", "list_studies", "load_study", "runs_of", "study_of"]

FOLDER = Path(__file__).parent / "studies"
_TABLES = {"fixed", "grid", "case", "search"}
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
    search: Search | None = None  #: then there are no items: they are proposed as it goes on
    task: str = ""
    fixed: dict[str, Any] = field(default_factory=dict)
    grid: tuple[dict[str, Any], ...] = ()  #: what every proposal is run with


def list_studies() -> list[str]:
    """Names of the studies that ship."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@checked
def load_study(name_or_path: str | Path, *, allow_tasks: bool = False) -> Study:
    """Read a study that ships, or a file.

    Args:
        allow_tasks: let the study run tasks outside Equipoise (``package.module:function``). Their modules are
            imported here already: allow it for studies of people you trust.

    Raises:
        InputError: no such study; not TOML; everything that is wrong with it.
    """
    if str(name_or_path) in list_studies():
        path = FOLDER / f"{name_or_path}.toml"
    else:
        path = Path(name_or_path)
        if "\0" in str(path) or not path.exists():
            raise InputError(
                f"no study {shown(str(name_or_path))}; there are {', '.join(list_studies())}, or give a .toml file"
            )
    text, data = read_toml(path, "study", "see docs/records.md")
    problems = _problems(data, allow_tasks)
    if problems:
        raise InputError(f"{path.name} is not a usable study: {'; '.join(problems)}")
    cases = data.get("case") or [{}]
    items: list[Item] = []
    _check_runs(data, cases, path.name)
    about = (
        str(data.get("name", path.stem)), str(data.get("title", data.get("name", path.stem))),
        str(data.get("description", "")), str(data.get("finding", "")),
    )  # fmt: skip
    if "search" in data:
        grid = data.get("grid", {})
        combinations = tuple(dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))
        search = search_of(data["search"])
        return Study(*about, (), text, search, data["task"], dict(data.get("fixed", {})), combinations)
    for case in cases:
        task = case.get("task", data.get("task"))
        fixed = {**data.get("fixed", {}), **case.get("fixed", {})}
        grid = {**data.get("grid", {}), **case.get("grid", {})}
        for values in itertools.product(*grid.values()):
            parameters = {**fixed, **dict(zip(grid, values, strict=True))}
            items.append(item_of(len(items), task, parameters))
    if len({item.key for item in items}) < len(items):
        raise InputError(f"{path.name}: two runs have the same task and parameters; a grid repeats a value")
    return Study(*about, tuple(items), text)


def study_of(name: str, text: str) -> Study:
    """Title, description and finding of a study from the text that its file keeps, without its items.

    The file may come from anywhere: what makes no sense is left out, and nothing is imported.
    """
    data: dict[str, Any] = {}
    with suppress(InputError):
        data = parse_toml(text, name, "study", "")
    title, description, finding = (data.get(word, "") for word in ("title", "description", "finding"))
    known = isinstance(finding, str) and finding in FINDINGS
    return Study(name, str(title or name), str(description), finding if known else "", (), text)


def runs_of(text: str) -> int:
    """How many runs a study's text asks for; 0 where it makes no sense. Nothing is imported."""
    try:
        data = parse_toml(text, "study", "study", "")
        cases = data.get("case") or [{}]
        grids = [{**data.get("grid", {}), **case.get("grid", {})} for case in cases]
        proposals = int(data["search"]["runs"]) if "search" in data else 1
        return proposals * sum(math.prod(len(values) for values in grid.values()) for grid in grids)
    except (InputError, TypeError, AttributeError, ValueError, KeyError):
        return 0


def item_of(index: int, task: str, parameters: dict[str, Any]) -> Item:
    """A run; its key says what it is, whatever its place."""
    return Item(index, _key(task, parameters), task, parameters)


def _key(task: str, parameters: dict[str, Any]) -> str:
    text = json.dumps([task, parameters], sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _check_runs(data: dict[str, Any], cases: list[dict[str, Any]], name: str) -> None:
    """Count the runs before any is made."""
    grids = [{**data.get("grid", {}), **case.get("grid", {})} for case in cases]
    runs = sum(math.prod(len(values) for values in grid.values()) for grid in grids)
    runs *= data["search"]["runs"] if "search" in data else 1
    if runs > study_runs():
        raise InputError(
            f"{name} asks for {shown(runs, 30)} runs, the limit is {study_runs()}; make its grid smaller, or set "
            "EQUIPOISE_STUDY_RUNS"
        )


def _problems(data: dict[str, Any], allow_tasks: bool = False) -> list[str]:
    found = [
        f"unknown entry {shown(name)}; known: {', '.join(sorted(_WORDS | _TABLES))}"
        for name in data.keys() - _WORDS - _TABLES
    ]
    if "search" in data:
        found += problems(data["search"])
        if "case" in data:
            found.append("a study searches one task: leave [[case]] out")
        space = _names(data["search"], "space") if isinstance(data["search"], dict) else []
        both = sorted({*space} & {*_names(data, "fixed"), *_names(data, "grid")})
        found += [f"{name} is searched and given in fixed or grid as well" for name in both]
    cases = data.get("case", [{}])
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        return [*found, "case must be an array of tables: [[case]]"]
    for place, case in enumerate(cases):
        where = f"case {place + 1}: " if data.get("case") else ""
        task = case.get("task", data.get("task"))
        said = check_task(task, allow=allow_tasks) if task else "no task"
        found += [f"{where}{said}"] if said else []
        for table in ("fixed", "grid"):
            if any(not isinstance(owner.get(table, {}), dict) for owner in (data, case)):
                found.append(f"{where}{table} must be a table")
        if any(not isinstance(table.get("grid", {}), dict) for table in (data, case)):
            continue
        grid = {**data.get("grid", {}), **case.get("grid", {})}
        found += [
            f"{where}grid.{name} must be a list with at least one value"
            for name, values in grid.items()
            if not isinstance(values, list) or not values
        ]
    if not allow_tasks:
        owners = [data, *cases]
        parameters = [(name, value) for owner in owners for table in ("fixed", "grid")
                      if isinstance(owner.get(table), dict) for name, value in owner[table].items()]  # fmt: skip
        found += [f"{name} {shown(text)} {OUTSIDE}" for name, value in parameters for text in _references(value)]
    finding = data.get("finding")
    if finding and (not isinstance(finding, str) or finding not in FINDINGS):
        found.append(f"unknown finding {shown(finding)}; known: {', '.join(FINDINGS)}")
    return found


def _names(data: dict[str, Any], table: str) -> list[str]:
    return list(data[table]) if isinstance(data.get(table), dict) else []


def _references(value: Any) -> list[str]:
    """Every text inside ``value`` that names code (``path.py:Name``), wherever a rule or generator may be named."""
    if isinstance(value, str):
        return [value] if is_reference(value) else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in inner for text in _references(part)]
