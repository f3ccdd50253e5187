"""The rooms of the house and the arrows between them: one way, no circle, at the top of the file.

`docs/architecture.md` shows the same rooms; its picture is held to `ROOMS` and to the imports by a test here.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import networkx as nx
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("hw_profiles", "substrates", "learning_rules", "mappers", "equipoise")

#: room -> (what is in it, the rooms it may import); the longest prefix of a module's name is its room
ROOMS: dict[str, tuple[str, set[str]]] = {
    "hw_profiles": ("counts, prices, records, outputs, what is read", set()),
    "substrates": ("models of machines", {"hw_profiles"}),
    "learning_rules": ("estimators, homeostasis", {"substrates", "hw_profiles"}),
    "mappers": ("limits, placement, probing", {"substrates", "hw_profiles"}),
    "equipoise.qubo": ("problems, formats, solving", {"equipoise", "mappers", "substrates", "hw_profiles"}),
    "equipoise.training": (
        "data, configuration, the trainer",
        {"equipoise", "learning_rules", "mappers", "substrates", "hw_profiles"},
    ),
    "equipoise.conformance": ("engine against Lava", {"equipoise", "mappers", "substrates", "hw_profiles"}),
    "equipoise.study": (
        "grids of runs",
        {"equipoise", "equipoise.qubo", "equipoise.training", "equipoise.workloads", "substrates", "hw_profiles"},
    ),
    "equipoise.comparison": (
        "one workload on every machine",
        {"equipoise", "equipoise.qubo", "equipoise.training", "substrates", "hw_profiles"},
    ),
    "equipoise.workloads": (
        "uses with a known truth",
        {"equipoise", "equipoise.qubo", "equipoise.report", "equipoise.training", "substrates", "hw_profiles"},
    ),
    "equipoise.watch": ("files of runs that go on", {"equipoise.study", "hw_profiles"}),
    "equipoise.report": ("pages and figures", {"equipoise", "equipoise.study", "hw_profiles"}),
    "equipoise": ("one table of targets, one run", {"mappers", "substrates", "hw_profiles"}),
}
#: rooms over all others, which may import any of them
ABOVE = (
    "equipoise.chip_check",
    "equipoise.cli",
    "equipoise.bench",
    "equipoise.demo",
    "equipoise.fleet",
    "equipoise.lava_export",
    "equipoise.network_run",
    "equipoise.spice_program",
    "equipoise.testing",
)
#: folders in which imports inside functions are the rule, and why; elsewhere each is marked as late
LATE = {
    "equipoise.cli": "a command loads only what it uses",
    "equipoise.bench": "a bench loads only the peers it runs",
    "equipoise.testing": "a kit loads only what it tests",
}
#: modules of a room that lead upwards, on purpose
DOORS = {"equipoise", "equipoise.__main__", "equipoise.registry", "equipoise.targets"}


class Import(NamedTuple):
    module: str  #: that imports
    target: str  #: a module of ours
    line: int
    late: bool  #: inside a function


@cache
def modules() -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def _walk(node: ast.AST, late: bool) -> Iterator[tuple[ast.AST, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue  # types are no arrows
        inside = late or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        yield child, inside
        yield from _walk(child, inside)


@cache
def faces() -> dict[str, str]:
    """``package.Name`` -> the module that has it, for packages that only hand names on."""
    found = {}
    for name, path in modules().items():
        if path.name == "__init__.py":
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.ImportFrom)
                    and node.level == 0
                    and node.module in modules()
                    and node.module != name
                ):
                    found |= {f"{name}.{alias.name}": node.module for alias in node.names}
    return found


def home(target: str, module: str) -> str:
    """Where ``from module import name``, target ``module.name``, really leads."""
    while target in faces() and target not in modules():
        module, target = faces()[target], f"{faces()[target]}.{target.rpartition('.')[2]}"
    return target if target in modules() else module


@cache
def imports() -> tuple[Import, ...]:
    """Every import of one of our modules by another, those inside functions too."""
    found = []
    for name, path in modules().items():
        for node, late in _walk(ast.parse(path.read_text(encoding="utf-8")), False):
            targets: list[str] = []
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                targets = [home(f"{node.module}.{alias.name}", node.module) for alias in node.names]
            found += [
                Import(name, target, node.lineno, late)  # type: ignore[attr-defined]
                for target in dict.fromkeys(targets)
                if target in modules() and target != name
            ]
    return tuple(found)


def room(module: str) -> str:
    return max((name for name in (*ROOMS, *ABOVE) if f"{module}.".startswith(f"{name}.")), key=len)


def test_every_arrow_points_down() -> None:
    wrong = [
        f"{one.module}:{one.line} imports {one.target}"
        for one in imports()
        if room(one.module) not in (*ABOVE, room(one.target))
        and one.module not in DOORS
        and room(one.target) not in ROOMS[room(one.module)][1]
    ]
    assert wrong == []


def test_the_doors_lead_upwards_only_when_asked() -> None:
    """Tables and the front door name what is above them; nothing of it is loaded with them."""
    wrong = [
        f"{one.module}:{one.line} imports {one.target}"
        for one in imports()
        if one.module in DOORS and not one.late and room(one.target) not in (room(one.module), *ROOMS["equipoise"][1])
    ]
    assert wrong == []


def test_there_is_no_circle() -> None:
    """But one: a network called as a function relaxes on the reference machine, which knows networks."""
    graph = nx.DiGraph((one.module, one.target) for one in imports())
    called = [(a, b) for a, b in graph.edges if a == "substrates.network.network" and b.startswith("substrates.analog")]
    assert len(called) == 2
    graph.remove_edges_from(called)
    assert [sorted(circle) for circle in nx.strongly_connected_components(graph) if len(circle) > 1] == []


def test_rules_know_no_chip() -> None:
    wrong = [one for one in imports() if one.module.startswith("learning_rules") and "substrates.l" in one.target]
    wrong += [one for one in imports() if one.module.startswith("learning_rules") and "substrates.a" in one.target]
    assert wrong == []


def test_late_imports_say_why() -> None:
    """An import of ours inside a function stands there for the start-up time, and says so: `# late: ...` on its line,
    or once at the top of a module where it is the rule."""
    texts = {one.module: modules()[one.module].read_text(encoding="utf-8") for one in imports()}
    wrong = [
        f"{one.module}:{one.line} imports {one.target}"
        for one in imports()
        if one.late
        and one.module.startswith("equipoise")
        and not one.module.startswith(tuple(LATE))
        and "# Imports inside functions are late: " not in texts[one.module]
        and "# late: " not in texts[one.module].splitlines()[one.line - 1]
    ]
    assert wrong == []


@pytest.mark.parametrize("name", [name for name in ROOMS if name != "equipoise"])
def test_a_rule_names_rooms_that_are_there(name: str) -> None:
    assert any(room(module) == name for module in modules())
    assert ROOMS[name][1] <= ROOMS.keys()


def test_the_page_shows_the_rooms_and_the_arrows_that_are_there() -> None:
    """Every arrow of the picture is an import, and every import between its rooms is an arrow."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    picture = page.split("```mermaid", 1)[1].split("```", 1)[0]
    boxes = dict(re.findall(r'(\w+)\["<b>([\w.]+)</b>', picture))  # name in the picture -> room
    drawn = {(boxes[a], boxes[b]) for a, b in re.findall(r"^\s*(\w+) --> (\w+)$", picture, re.M)}
    assert set(boxes.values()) == {*ROOMS, "equipoise.cli"}
    found = {
        (room(one.module), room(one.target))
        for one in imports()
        if room(one.module) in boxes.values() and room(one.target) in boxes.values()
        if room(one.module) != room(one.target) and one.module not in DOORS
    }
    # The command line stands over everything; its arrows would hide the others.
    found = {(a, b) for a, b in found if a != "equipoise.cli"}
    assert drawn == {(a, b) for a, b in found if b != "hw_profiles"}
