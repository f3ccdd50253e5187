"""Loading and checking profiles: TOML files with every price a machine charges."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_profiles.arguments import checked
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from hw_profiles.registry import Registry, data_files, is_reference, toml_file
from hw_profiles.texts import safe_text

if TYPE_CHECKING:
    from hw_profiles.schema import ProfileModel

__all__ = ["PROFILES", "check_profile", "list_profiles", "load_profile"]

FOLDER = Path(__file__).parent / "profiles"
#: name -> its file
PROFILES: Registry[Path] = Registry("profile", "equipoise.profiles", data_files(FOLDER), toml_file, files=".toml")
#: names that stand for a named card
ALIASES = {"gpu": "gpu-a100"}


def list_profiles() -> list[str]:
    """Names of the profiles there are: those of this package and of installed plug-ins."""
    return sorted(PROFILES)


@checked
def load_profile(name_or_path: str | Path) -> ProfileModel:
    """Return the profile called ``name_or_path``, or the one in that file (a path, or any name ending in .toml).

    ``path.py:Name`` is a profile whose path a Python file names.

    Raises:
        InputError: there is no such profile, or the file is wrong; the text lists everything that is wrong.
    """
    text = str(name_or_path)
    if text.endswith(".toml") or ("/" in text and not is_reference(text)):
        path = Path(text)
        if not path.is_file():
            raise InputError(f"no profile file {text}; give a .toml file or one of {', '.join(list_profiles())}")
        return _load(path, path.stat().st_mtime_ns)
    text = ALIASES.get(text, text)
    from hw_profiles.chip_file import DEVICES

    # A device is a profile too: its prices are computed from its file.
    own = text not in PROFILES and text in DEVICES
    path = DEVICES.find(text) if own else PROFILES.find(text)
    return _load(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _load(path: Path, _changed: int) -> ProfileModel:
    from hw_profiles.reading.files import reading
    from hw_profiles.schema import ProfileModel

    data = _read(path)
    with reading(path, "profile", "see docs/energy.md"):
        data = _complete(data, path)
        problems = _problems(data)
        if problems:
            raise InputError(f"{path.name} is not a usable profile ({len(problems)} wrong): " + "; ".join(problems))
        return ProfileModel.model_validate(data)


def check_profile(path: Path) -> list[str]:
    """Everything that is wrong with the profile file ``path``, one line each; empty when it is right."""
    from hw_profiles.reading.files import reading

    data = _read(path)
    with reading(path, "profile", "see docs/energy.md"):
        return [safe_text(problem) for problem in _problems(_complete(data, path))]


def _read(path: Path) -> dict[str, Any]:
    from hw_profiles.reading.settings import read_toml

    return read_toml(path, "profile", "see docs/energy.md")[1]


def _complete(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """Fill in what the file leaves to others: ``extends`` another profile, a processor's prices from its figures."""
    from hw_profiles.chip_prices import chip_profile
    from hw_profiles.processor import processor_prices

    data = _as_profile(data, path)
    base = data.get("extends")
    if base is not None:
        if not isinstance(base, str):
            raise InputError(f"{path}: extends takes the name of a profile, got {base!r}")
        try:
            known = PROFILES.find(ALIASES.get(base, base))
        except InputError as error:
            raise InputError(f"{path}: extends {base!r}, which is no profile ({error})") from None
        own = {_identity(entry) for entry in _tables(data, "price")}
        inherited = _complete(_read(known), known)
        kept = [entry for entry in _tables(inherited, "price") if _identity(entry) not in own]
        data = {**inherited, "notes": [], **data, "price": kept + _tables(data, "price")}
        del data["extends"]
    return processor_prices(chip_profile(data))


def _as_profile(data: dict[str, Any], path: Path) -> dict[str, Any]:
    """A chip file (device, array, converters, ...) as a profile that takes its prices from that file."""
    from hw_profiles.chip_file import QUANTITIES

    sections = {quantity.section for quantity in QUANTITIES.values()}
    if {"price", "chip", "processor", "kind"}.intersection(data) or not sections.intersection(data):
        return data
    if isinstance(data.get("extends"), str) and data["extends"] in set(list_profiles()):
        return data
    return {
        "schema_version": 2, "name": str(data.get("name", path.stem)), "title": str(data.get("title", path.stem)),
        "kind": "analog", "chip": str(path),
        "not_counted": ["digital control, clock distribution and host", "drift compensation and calibration"],
    }  # fmt: skip


def _identity(entry: dict[str, Any]) -> tuple[str, ...]:
    """What makes an inherited price the one that an own price replaces."""
    return tuple(str(entry.get(name, "")) for name in ("event", "drive", "chips", "components", "boundary"))


def _problems(data: dict[str, Any]) -> list[str]:
    """The shape errors pydantic finds, then what only the whole file shows; both always run."""
    from pydantic import ValidationError

    from hw_profiles.schema import ProfileModel

    found: list[str] = []
    try:
        ProfileModel.model_validate(data)
    except ValidationError as error:
        for item in error.errors():
            place = ".".join(_place(data, item["loc"]))
            text = item["msg"].removeprefix("Value error, ")
            if item["type"] == "enum" and {"event", "events", "unless", "when"}.intersection(item["loc"]):
                text = f"unknown event {item['input']!r}; known: {', '.join(event.value for event in Event)}"
            found.append(f"{place or 'file'}: {text}")
    found += _whole_file(data)
    return list(dict.fromkeys(found))


def _place(data: Any, location: tuple[int | str, ...]) -> list[str]:
    """Name a place for people: a list entry is shown with its event."""
    words: list[str] = []
    here = data
    for part in location:
        try:
            here = here[part]
        except (KeyError, IndexError, TypeError):
            here = None
        if isinstance(part, int) and isinstance(here, dict) and "event" in here:
            words[-1] += f"[{here['event']}]"
        elif isinstance(part, int) and words:
            words[-1] += f"[{part}]"
        else:
            words.append(str(part))
    return words


def _tables(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = data.get(name, [])
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _whole_file(data: dict[str, Any]) -> list[str]:
    """Checks across entries, on the raw tables, so that they run even when a single figure is wrong."""
    from hw_profiles.fitted_range import METRICS
    from hw_profiles.schema import REQUIRED_EVENTS

    found: list[str] = []
    spoken: list[str] = []
    told: Counter[tuple[str, ...]] = Counter()
    for entry in _tables(data, "price"):
        event = str(entry.get("event"))
        spoken.append(event)
        which = f"{entry.get('components', '')} {entry.get('chips', '')}"
        told.update((event, place, how, which) for place, how in _cases(entry))
    for name in ("covered", "unpublished"):
        for entry in _tables(data, name):
            events = entry.get("events", [])
            for event in map(str, events) if isinstance(events, list) else ():
                spoken.append(event)
                told.update((event, place, how, " ") for place, how in _cases(entry))
    found += [f"event {event[0]} is spoken of {n} times" for event, n in told.items() if n > 1]
    for price in _tables(data, "price"):
        for what in ("energy", "time"):
            place = f"price[{price.get('event')}].{what}"
            figure = price.get(what)
            said = [name for name in (what, f"{what}_within", f"{what}_unpublished") if price.get(name)]
            if not said:
                found.append(
                    f"{place}: missing price; give a figure, or say in {what}_within what contains it, "
                    f"or in {what}_unpublished that nobody published it"
                )
            if len(said) > 1:
                found.append(f"{place}: {' and '.join(said)} exclude each other; keep one")
            found += _wrong_dimension(figure, what, place)
    found += _wrong_power(data)
    found += _wrong_processor(data)
    for event in REQUIRED_EVENTS.get(str(data.get("kind")), ()):
        if event.value not in spoken:
            found.append(
                f"missing price for {event.value}, which every {data['kind']} machine counts; "
                "add a [[price]], a [[covered]] or an [[unpublished]] entry"
            )
    for entry in _tables(data, "validity"):
        if str(entry.get("metric")) not in METRICS:
            found.append(f"validity: unknown metric {entry.get('metric')!r}; known: {', '.join(METRICS)}")
    return found


def _cases(entry: dict[str, Any]) -> list[tuple[str, str]]:
    """Every (boundary, drive) an entry speaks for."""
    from hw_profiles.boundaries import DRIVES, Boundary

    places = entry.get("boundary") or [b.value for b in Boundary]
    drives = [entry["drive"]] if entry.get("drive") else list(DRIVES)
    return [(str(place), str(how)) for place in places for how in drives] if isinstance(places, list) else []


def _wrong_power(data: dict[str, Any]) -> list[str]:
    """What is wrong with the static powers: none, without a boundary, two at one, none where the profile is priced."""
    static = data.get("static_power")
    entries = [static] if isinstance(static, dict) else static if isinstance(static, list) else []
    entries = [entry for entry in entries if isinstance(entry, dict)]
    if not entries:
        told = data.get("static_within")
        return [] if told else ["static_power: missing; give per_chip, or say in static_within what contains it"]
    found = []
    for entry in entries:
        found += _wrong_dimension(entry.get("per_chip"), "power", "static_power.per_chip")
        if not entry.get("boundary"):
            found.append(
                'static_power: says no boundary; add boundary = "silicon" (the chip\'s rails), "board" or "system"'
            )
    places = [str(entry.get("boundary")) for entry in entries]
    found += [f"static_power: two powers at the boundary {b}" for b, n in Counter(places).items() if n > 1]
    own = str(data.get("boundary", "silicon"))
    if own not in places and all(entry.get("boundary") for entry in entries):
        found.append(f"static_power: none at the profile's own boundary, {own}")
    return found


def _wrong_processor(data: dict[str, Any]) -> list[str]:
    """Figures a processor lacks, has too many of, or gives in the wrong unit."""
    from hw_profiles.processor import PROCESSOR_FIGURES

    given = data.get("processor")
    if given is None or not isinstance(given, dict):
        return []
    found = [f"processor: no {name} ({what})" for name, what in PROCESSOR_FIGURES.items() if name not in given]
    for name, figure in given.items():
        if name not in PROCESSOR_FIGURES:
            found.append(f"processor: unknown figure {name!r}; there are {', '.join(PROCESSOR_FIGURES)}")
        else:
            found += _wrong_dimension(figure, PROCESSOR_FIGURES[name], f"processor.{name}")
    return found


def _wrong_dimension(figure: Any, expected: str, place: str) -> list[str]:
    from hw_profiles.units import UNITS, units_of

    if not isinstance(figure, dict) or not isinstance(figure.get("unit"), str) or figure["unit"] not in UNITS:
        return []
    got = UNITS[figure["unit"]][0]
    if got == expected:
        return []
    return [f"{place}: wrong unit {figure['unit']!r} ({got}); expected one of {', '.join(units_of(expected))}"]
