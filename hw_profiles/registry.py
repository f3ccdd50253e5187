"""One table per kind of thing that can be added: names, a line of help each, and where the thing itself is.

Three ways lead into a `Registry`:

- the package's own entries, named here as ``module:attribute`` and imported when used;
- entry points of installed distributions, in the registry's group (``[project.entry-points."equipoise.rules"]``), read
  when a name is asked for or the table is listed, and imported when used;
- ``path.py:Name`` or ``package.module:Name`` in place of a name.

What comes from outside is checked by the registry's ``accept`` before anybody uses it, and a plug-in that is broken
harms nobody but who asks for it.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from hw_profiles.errors import InputError
from hw_profiles.texts import shown

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "OWN",
    "Entry",
    "Registry",
    "data_files",
    "files_of_plugins",
    "is_reference",
    "lazy",
    "lazy_package",
    "load_reference",
    "module_of_file",
    "nearest",
    "toml_file",
]

T = TypeVar("T")
_FILES = "_EQUIPOISE_FILES"  #: environment variable: module name -> file, for processes started from here
OWN = "equipoise"  #: origin of the package's own entries


@dataclass(frozen=True)
class Entry(Generic[T]):
    """One name of a registry.

    Attributes:
        name: what users write.
        load: gives the thing; called when it is used, not before.
        text: a line of help; empty takes the first line of the thing's docstring.
        origin: ``equipoise``, the distribution it came with, or ``added`` by a program.
    """

    name: str
    load: Callable[[], T]
    text: str = ""
    origin: str = OWN


def lazy(name: str, reference: str, text: str = "") -> Entry[Any]:
    """An entry of the package's own: the object at ``module:attribute``, imported when it is used."""

    def load() -> Any:
        module, _, attribute = reference.partition(":")
        return getattr(importlib.import_module(module), attribute)

    return Entry(name, load, text)


def data_files(folder: Path) -> Callable[[], list[Entry[Path]]]:
    """A finder of the TOML files in ``folder``: each is an entry of its name, its title the line of help."""

    def find() -> list[Entry[Path]]:
        return [Entry(path.stem, partial(Path, path), _title(path)) for path in sorted(folder.glob("*.toml"))]

    return find


def toml_file(thing: Any, what: str) -> Path:
    """What a plug-in offers as a data file: the path of a TOML file.

    Raises:
        InputError: it is no path, or there is no such file.
    """
    if not isinstance(thing, (str, Path)) or not str(thing).endswith(".toml"):
        raise InputError(f"{what} is {thing!r}; expected the path of a .toml file")
    if not Path(thing).is_file():
        raise InputError(f"{what} is the path {str(thing)!r}, and there is no such file")
    return Path(thing)


def _title(path: Path) -> str:
    """The value of ``title = "..."`` without reading the whole file as TOML: a list of names is asked for often."""
    try:
        return _title_of(path, path.stat().st_mtime_ns)
    except (OSError, UnicodeDecodeError):
        return ""


@cache
def _title_of(path: Path, _changed: int) -> str:
    found = re.search(r'^title\s*=\s*"(.*)"', path.read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1) if found else ""


def lazy_package(
    package: str, homes: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of a package that imports its names, module -> names, on first use."""
    home = {name: module for module, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(home[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    return get, lambda: sorted(home)


@dataclass
class Registry(Generic[T]):
    """Things of one kind by name. It reads like a dictionary: ``in``, iteration and ``[name]``.

    Args:
        kind: what one is called in messages, such as ``estimator``.
        group: of entry points, such as ``equipoise.rules``.
        own: the package's own entries, or a function that finds them.
        accept: given what came from outside and what to call it, returns the thing or raises InputError with what was
            expected.
        files: ending of the data files that users may give instead of a name; their reader judges them, not `find`.

    >>> shapes = Registry("shape", "equipoise.shapes", (Entry("circle", lambda: 3.14, "round"),))
    >>> shapes["circle"], "square" in shapes, list(shapes)
    (3.14, False, ['circle'])
    >>> shapes.find("cirkle")
    Traceback (most recent call last):
    hw_profiles.errors.InputError: no shape 'cirkle'; did you mean 'circle'? There are circle, or give path.py:Name
    """

    kind: str
    group: str
    own: Iterable[Entry[T]] | Callable[[], Iterable[Entry[T]]] = ()
    accept: Callable[[Any, str], T] | None = None
    files: str = ""
    _added: dict[str, Entry[T]] = field(default_factory=dict, init=False, repr=False)
    _loaded: dict[str, T] = field(default_factory=dict, init=False, repr=False)

    def entries(self) -> dict[str, Entry[T]]:
        """Every entry by name: the package's own, those added, then those of installed distributions.

        A name that is taken keeps its first owner.
        """
        found = {entry.name: entry for entry in (self.own() if callable(self.own) else self.own)}
        for name, entry in self._added.items():
            found.setdefault(name, entry)
        for point in _entry_points(self.group):
            found.setdefault(point.name, self._from_point(point))
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries())

    def __len__(self) -> int:
        return len(self.entries())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self._loaded or name in self.entries())

    def __getitem__(self, name: str) -> T:
        return self.find(name)

    def add(self, name: str, thing: T, text: str = "") -> T:
        """Add ``thing`` for this process; returns it.

        Raises:
            InputError: the name is taken, or the thing is not of this kind.
        """
        if name in self:
            raise InputError(f"the {self.kind} {name!r} is there already; choose another name")
        thing = self._accepted(thing, f"{self.kind} {name!r}")
        self._added[name] = Entry(name, lambda: thing, text, "added")
        return thing

    def remove(self, name: str) -> None:
        """Take back what `add` added."""
        self._added.pop(name, None)
        self._loaded.pop(name, None)

    def check(self, name: str) -> None:
        """Raise unless `find` has something to load under ``name``; imports nothing of the package's own.

        Raises:
            InputError: no such thing; names the nearest one and all there are.
        """
        if not isinstance(name, str):
            raise InputError(f"a {self.kind} is named by a text, got {shown(name)}")
        if name in self:
            return
        if is_reference(name):
            self.find(name)
            return
        if self.files and str(name).endswith(self.files):
            return  # whoever reads it says what is wrong with it
        known = list(self)
        raise InputError(f"no {self.kind} {shown(name)}; {nearest(name, known)}{self._ways(known)}")

    def find(self, name: str) -> T:
        """The thing called ``name``, or at ``path.py:Name`` or ``package.module:Name``.

        Raises:
            InputError: no such thing, a plug-in that cannot be imported, or one that is not of this kind.
        """
        if not isinstance(name, str):
            raise InputError(f"a {self.kind} is named by a text, got {shown(name)}")
        if name in self._loaded:
            return self._loaded[name]
        entry = self.entries().get(name)
        if entry is None:
            if not is_reference(name):
                self.check(name)
            return self._accepted(load_reference(name), f"{self.kind} {name}")
        thing = entry.load()
        # Files that come and go have their own caches; what is imported stays what it is.
        self._loaded[name] = thing
        return thing

    def texts(self) -> dict[str, str]:
        """Name -> its line of help. Plug-ins without one are named by their distribution; nothing is imported."""
        return {
            name: entry.text or ("" if entry.origin == OWN else f"from {entry.origin}")
            for name, entry in self.entries().items()
        }

    def usable(self) -> dict[str, T]:
        """Name -> thing, of all that can be loaded; for those that cannot, see `broken`."""
        found = {}
        for name in self:
            with suppress(InputError):
                found[name] = self.find(name)
        return found

    def broken(self) -> dict[str, str]:
        """Name -> what is wrong, for every entry from outside that cannot be used. Imports them."""
        wrong = {}
        for name, entry in self.entries().items():
            if entry.origin == OWN:
                continue
            try:
                self.find(name)
            except InputError as error:
                wrong[name] = str(error)
        return wrong

    def choices(self, *also: str) -> str:
        """All names for a line of help: ``also`` first."""
        return ", ".join((*also, *self))

    def _ways(self, known: list[str]) -> str:
        other = f", a {self.files} file" if self.files else ""
        return f"here are {', '.join(known) or 'none'}{other}, or give path.py:Name"

    def _accepted(self, thing: Any, what: str) -> T:
        if self.accept is None:
            return thing
        return self.accept(thing, what)

    def _from_point(self, point: EntryPoint) -> Entry[T]:
        origin = point.dist.name if point.dist is not None else point.value

        def load() -> T:
            what = f"the {self.kind} {point.name!r} of the package {origin} ({point.value})"
            try:
                thing = point.load()
            except Exception as error:  # whatever a stranger's module raises while it is imported
                raise InputError(f"{what} cannot be loaded: {type(error).__name__}: {error}") from error
            return self._accepted(thing, what)

        return Entry(point.name, load, "", origin)


def is_reference(name: str) -> bool:
    """Whether ``name`` is written as ``path.py:Name`` or ``package.module:Name``."""
    place, colon, attribute = str(name).rpartition(":")
    return bool(colon and place) and (place.endswith(".py") or attribute.isidentifier())


def load_reference(reference: str) -> Any:
    """The object at ``path.py:Name`` or ``package.module:Name``.

    Raises:
        InputError: no such file or module, one that fails while it is imported, or no such name in it.
    """
    place, _, attribute = str(reference).rpartition(":")
    try:
        module = module_of_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    except InputError:
        raise
    except Exception as error:  # whatever a stranger's module raises while it is imported
        raise InputError(f"{place} cannot be loaded: {type(error).__name__}: {error}") from error
    if hasattr(module, attribute):
        return getattr(module, attribute)
    public = [name for name in vars(module) if not name.startswith("_")]
    own = [name for name in public if getattr(vars(module)[name], "__module__", None) == module.__name__]
    raise InputError(
        f"{place} has no {attribute!r}; {nearest(attribute, public)}here are {', '.join(own or public) or 'none'}"
    )


def nearest(name: str, known: Iterable[str]) -> str:
    """``did you mean 'x'? T`` or ``t``: the start of the sentence that goes on with "here are ..."."""
    import difflib

    close = difflib.get_close_matches(str(name), list(known), n=1)
    return f"did you mean {close[0]!r}? T" if close else "t"


def files_of_plugins() -> list[Path]:
    """Files that `load_reference` has loaded in this process: another one needs them to read their pickles."""
    loaded = [module for name, module in sys.modules.items() if name.startswith("_equipoise_")]
    return [Path(module.__file__) for module in loaded if module.__file__]


def module_of_file(path: Path) -> ModuleType:
    """Import a file under a name that follows from its path and content, once."""
    if not path.is_file():
        raise InputError(f"no file {path}; expected a Python file and a name in it, path.py:Name")
    import hashlib

    digest = hashlib.sha256(str(path.resolve()).encode() + path.read_bytes()).hexdigest()[:12]
    name = f"_equipoise_{path.stem}_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    _remember(name, path.resolve())
    try:
        return importlib.import_module(name)
    except BaseException:
        _forget(name)  # or every process started from here would stumble over it
        raise


def _remember(name: str, path: Path) -> None:
    """Let this process, and those it starts, import the file at ``path`` as ``name``: pickle asks for it by name."""
    known = json.loads(os.environ.get(_FILES, "{}"))
    os.environ[_FILES] = json.dumps({**known, name: str(path)})
    if not any(isinstance(finder, _FileFinder) for finder in sys.meta_path):
        sys.meta_path.append(_FileFinder())


def _forget(name: str) -> None:
    """Take back what `_remember` said, of a file that cannot be imported."""
    known = json.loads(os.environ.get(_FILES, "{}"))
    known.pop(name, None)
    os.environ[_FILES] = json.dumps(known)


class _FileFinder(MetaPathFinder):
    """Finds the files that were given as ``path.py:Name``."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        if not fullname.startswith("_equipoise_"):
            return None
        place = json.loads(os.environ.get(_FILES, "{}")).get(fullname)
        return None if place is None else importlib.util.spec_from_file_location(fullname, place)


if _FILES in os.environ:  # a process that was started by one that knows files
    sys.meta_path.append(_FileFinder())


@cache
def _all_entry_points() -> tuple[EntryPoint, ...]:
    if not _offered():  # the package that reads entry points takes longer to load than most commands to answer
        return ()
    from importlib.metadata import entry_points

    found = entry_points()
    ours = [group for group in found.groups if group.startswith(f"{OWN}.")]
    return tuple(point for group in ours for point in found.select(group=group))


def _offered() -> bool:
    """Whether any distribution on the path has an entry point of ours, seen from its file alone."""
    for folder in map(Path, sys.path):
        if folder.is_file():  # an archive
            return True
        for file in folder.glob("*-info/entry_points.txt"):
            with suppress(OSError):
                if f"[{OWN}." in file.read_text(encoding="utf-8", errors="replace"):
                    return True
    return False


@cache
def _entry_points(group: str) -> tuple[EntryPoint, ...]:
    ours = [point for point in _all_entry_points() if point.group == group]
    return tuple(sorted(ours, key=lambda point: (point.name, point.value)))
