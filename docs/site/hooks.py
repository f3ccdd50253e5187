"""Hooks of the site: links out of `docs/` go to the repository, and every public module gets a page of reference.

The reference is one page for each folder with public modules; a module is public when neither its name nor a folder's
above it begins with an underscore, and it says what it exports (``__all__``). Nothing is imported: the text is parsed.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("equipoise", "learning_rules", "substrates", "mappers", "hw_profiles")
LINK = re.compile(r"(\]\()(\.\./[^)#\s]+)")


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links to files outside ``docs/`` lead to the repository; one to a file that is not there fails the build."""
    folder = Path(page.file.src_uri).parent

    def away(match: re.Match[str]) -> str:
        target = (ROOT / "docs" / folder / match[2]).resolve()
        if target.is_relative_to(ROOT / "docs"):
            return match[0]
        if not target.exists():
            raise FileNotFoundError(f"{page.file.src_uri} links to {match[2]}, which is not there")
        kind = "tree" if target.is_dir() else "blob"
        return f"{match[1]}{config.repo_url.rstrip('/')}/{kind}/main/{target.relative_to(ROOT).as_posix()}"

    return LINK.sub(away, markdown)


def exported(path: Path) -> bool:
    """Whether a file says what it exports; a folder's own file must also define some of it."""
    body = ast.parse(path.read_text()).body
    says = any(isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__" for node in body)
    if path.name != "__init__.py":
        return says and not path.name.startswith("_")
    names = [node.name for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    return says and any(not name.startswith("_") for name in names)


def reference() -> dict[str, list[str]]:
    """Folder in dotted form -> its public modules, the folder itself first."""
    found: dict[str, list[str]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if any(part.startswith("_") for part in parts[:-1]) or path.name == "__main__.py" or "data" in parts:
                continue
            if exported(path):
                module = ".".join(parts[:-1] if path.name == "__init__.py" else parts)
                found.setdefault(".".join(parts[:-1]), []).append(module)
    return found


def on_files(files: Files, config: Any) -> Files:
    """Add the pages of the reference and their list."""
    lines = ["# Reference", "", "Every public name, by folder. What is not listed is not for use from outside.", ""]
    pages = []
    for folder, modules in reference().items():
        uri = f"reference/{folder}.md"
        body = "\n\n".join(f"::: {module}" for module in modules)
        files.append(File.generated(config, uri, content=f"# {folder}\n\n{body}\n"))
        pages.append(uri)
        names = ", ".join(f"`{module.rsplit('.', 1)[1]}`" for module in modules)
        lines.append(f"* [{folder}]({folder}.md): {names}")
    files.append(File.generated(config, "reference/index.md", content="\n".join(lines) + "\n"))
    return files


def on_config(config: Any) -> Any:
    """Put the reference into the navigation."""
    pages: list[Any] = ["reference/index.md"]
    groups: dict[str, list[Any]] = {}
    for folder in reference():
        groups.setdefault(folder.split(".")[0], []).append({folder: f"reference/{folder}.md"})
    pages += [{package: entries} for package, entries in groups.items()]
    config["nav"] = [{"Reference": pages} if entry == {"Reference": "reference/"} else entry for entry in config["nav"]]
    return config
