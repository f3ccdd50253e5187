"""Reading comfort has limits: the length of a function and of a file, the number of a function's parameters.

Complexity is ruff's (C901, 15 at most). Compiled kernels are exempt: numba takes what one loop needs as arguments, and
a loop is not split without a cost.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("hw_profiles", "substrates", "learning_rules", "mappers", "equipoise")
LINES, PARAMETERS, FILE = 100, 10, 800


def files() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function that is not compiled, and where it is."""
    for path in files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not compiled(node):
                yield f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", node


def compiled(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("njit" in ast.unparse(decorator) for decorator in node.decorator_list)


def test_no_function_is_longer_than_a_screen_or_two() -> None:
    wrong = {place: (node.end_lineno or 0) - node.lineno + 1 for place, node in functions()}
    assert {place: length for place, length in wrong.items() if length > LINES} == {}


def test_no_function_has_more_parameters_than_anyone_remembers() -> None:
    """Keyword-only ones aside: they name themselves where they are used."""

    def count(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
        return len([a for a in (*node.args.posonlyargs, *node.args.args) if a.arg not in ("self", "cls")])

    assert {place: count(node) for place, node in functions() if count(node) > PARAMETERS} == {}


def test_no_file_is_too_long_to_hold_in_mind() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in files()}
    assert {path: count for path, count in lines.items() if count > FILE} == {}


def test_only_compiled_kernels_are_exempt_from_the_limit_on_complexity() -> None:
    wrong = []
    for path in files():
        lines = path.read_text(encoding="utf-8").splitlines()
        exempt = [number for number, line in enumerate(lines, 1) if "noqa: C901" in line]
        if exempt:
            kernels = {
                node.lineno
                for node in ast.walk(ast.parse("\n".join(lines)))
                if isinstance(node, ast.FunctionDef) and compiled(node)
            }
            wrong += [f"{path.relative_to(ROOT)}:{number}" for number in exempt if number not in kernels]
    assert wrong == []
