"""Dependencies point one way: equipoise -> mappers -> substrates, learning_rules -> substrates, all -> hw_profiles."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("hw_profiles", "substrates", "learning_rules", "mappers", "equipoise")
ALLOWED = {
    "hw_profiles": set(),
    "substrates": {"hw_profiles"},
    "learning_rules": {"substrates", "hw_profiles"},
    "mappers": {"substrates", "hw_profiles"},
    "equipoise": {"mappers", "learning_rules", "substrates", "hw_profiles"},
}


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    wrong = {
        str(path.relative_to(ROOT)): sorted((imported(path) & set(PACKAGES)) - ALLOWED[package] - {package})
        for path in (ROOT / package).rglob("*.py")
    }
    assert {path: names for path, names in wrong.items() if names} == {}


def test_learning_rules_know_no_chip() -> None:
    wrong = [
        str(path.relative_to(ROOT))
        for path in (ROOT / "learning_rules").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and node.module
        and node.module.startswith(("substrates.analog", "substrates.loihi2"))
    ]
    assert wrong == []
