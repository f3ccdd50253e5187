"""Every reader of files, one function each, for tests and fuzzing: any bytes give a value or an `InputError`.

``python -m equipoise.testing.readers READER FILE`` does one in a process of its own, for files that may take it down.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hw_profiles.errors import InputError

__all__ = ["READERS", "SUFFIXES", "read_with"]


def _qubo(path: Path) -> Any:
    from equipoise.qubo.formats import FORMATS, read

    errors = 0
    problem = None
    for name in ("auto", *FORMATS):
        try:
            problem = read(path, name)
        except InputError:
            errors += 1
    if problem is None:
        raise InputError(f"{path.name} is in none of {errors} formats")
    return problem


def _npz(path: Path) -> Any:
    from equipoise.qubo.formats import read

    return read(path, "npz")


def _record(path: Path) -> Any:
    from equipoise.report.runs import load_runs
    from hw_profiles.export import as_csv, as_json, record_row

    row = record_row(path)
    return row, as_csv([row]), as_json([row]), load_runs([path], ["loihi2"])


def _study(path: Path) -> Any:
    from equipoise.study.findings import FINDINGS, conclude
    from equipoise.study.store import read_study

    data = read_study(path)
    said = [conclude(data, finding) for finding in FINDINGS]
    return data.digest(), [entry.row() for entry in data.entries], said


def _journal(path: Path) -> Any:
    return _study(path.with_name(path.name.removesuffix(".journal")))


def _study_file(path: Path) -> Any:
    from equipoise.study.spec import load_study

    return load_study(path)


def _profile(path: Path) -> Any:
    from hw_profiles.profile import check_profile, load_profile

    check_profile(path)
    return load_profile(path)


def _chip(path: Path) -> Any:
    from substrates.analog.imperfections.instance import ChipInstance

    return ChipInstance.load(path)


def _chip_settings(path: Path) -> Any:
    from equipoise.training.machine_settings import machine_settings
    from substrates.analog.imperfections.parameters import ChipParameters

    return ChipParameters.from_dict(machine_settings(str(path), "analog"), str(path))


def _idx(path: Path) -> Any:
    from equipoise.training.datasets.idx import read_idx

    return read_idx(path)


def _cifar(path: Path) -> Any:
    from equipoise.training.datasets.images32 import _batch

    return _batch(path, "labels")


def _imagenet(path: Path) -> Any:
    from equipoise.training.datasets.images32 import _batch

    return _batch(path, "labels", first=1)


def _checkpoint(path: Path) -> Any:
    from equipoise.training.checkpoint import load_checkpoint

    try:
        return load_checkpoint(path, {"nudge_force": "following", "device": "", "precision": "float32", "seed": 0})
    except InputError as error:
        if "other settings" not in str(error):
            raise
        return str(error)


#: name -> reads a whole file of this kind, and does with it what the command line would
def _netx(path: Path) -> Any:
    from substrates.loihi2.formats import read_netx

    return read_netx(path)


def _nir(path: Path) -> Any:
    from substrates.loihi2.formats import from_nir

    return from_nir(path, dt=1e-3)


READERS: dict[str, Callable[[Path], Any]] = {
    "qubo": _qubo,
    "npz": _npz,
    "record": _record,
    "study": _study,
    "journal": _journal,
    "studytoml": _study_file,
    "profile": _profile,
    "chip": _chip,
    "chiptoml": _chip_settings,
    "idx": _idx,
    "cifar": _cifar,
    "imagenet": _imagenet,
    "checkpoint": _checkpoint,
    "netx": _netx,
    "nir": _nir,
}
#: how the name of such a file ends, where that matters
SUFFIXES = {
    "npz": ".npz", "record": ".h5", "study": ".h5", "journal": ".h5.journal", "studytoml": ".toml", "profile": ".toml",
    "chip": ".h5", "chiptoml": ".json", "checkpoint": ".checkpoint", "netx": ".net", "nir": ".nir",
}  # fmt: skip


def read_with(reader: str, path: Path) -> str:
    """What came of it: empty for a value, else the `InputError`'s text. Anything else is a bug and is raised."""
    try:
        READERS[reader](path)
    except InputError as error:
        return str(error) or "no reason"
    return ""


if __name__ == "__main__":
    print(read_with(sys.argv[1], Path(sys.argv[2])) or "a value")
