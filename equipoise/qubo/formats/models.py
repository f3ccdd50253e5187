"""Files of models with constraints, read by dimod: CQM files and LP files."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from equipoise.qubo.constraints import from_cqm
from equipoise.qubo.formats._base import Fit, Format, Source, text_of
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from equipoise.qubo.constraints import ConstrainedProblem

__all__ = ["CQM", "LP"]

MAGIC = b"DIMODCQM"
#: the words an LP file may begin with
SECTIONS = ("minimize", "maximize", "minimise", "maximise", "min", "max", "minimum", "maximum")


def cqm(source: Source) -> ConstrainedProblem:
    import dimod

    if _is_cqm(source) == "no":
        raise InputError(f"{source.name} is not a dimod CQM file (it should start with {MAGIC.decode()})")
    return _model(dimod.ConstrainedQuadraticModel.from_file(io.BytesIO(source.data)), source.name)


def lp(source: Source) -> ConstrainedProblem:
    import dimod

    text_of(source)
    return _model(dimod.lp.loads(source.data.decode()), source.name)


def _model(model: Any, name: str) -> ConstrainedProblem:
    if not model.num_variables():
        raise InputError(f"{name}: the problem has zero variables")
    return from_cqm(model, name)


def _as_problem(source: Source, model: ConstrainedProblem) -> Problem:
    """A model without constraints is a plain problem."""
    if model.constraints or model.encodings:
        raise InputError(
            f"{source.name} has {len(model.constraints)} constraints; read it with equipoise.qubo.read_model and solve "
            "it with solve_constrained"
        )
    return model.objective


def _is_cqm(source: Source) -> Fit:
    return "yes" if source.data.startswith(MAGIC) else "no"


def _is_lp(source: Source) -> Fit:
    words = [line for line in source.words if not line[0].startswith("\\")]
    return "yes" if words and words[0][0].lower().rstrip(":") in SECTIONS else "no"


def cqm_apart(data: bytes) -> None:
    """What dimod's compiled code does with a file, without the rest."""
    import dimod

    dimod.ConstrainedQuadraticModel.from_file(io.BytesIO(data))


def lp_apart(data: bytes) -> None:
    """The same for its reader of LP files."""
    import dimod

    if b"\0" in data:  # it never comes to an end there
        raise InputError("an LP file holds no NUL")
    dimod.lp.loads(data.decode())


CQM = Format(
    "cqm", "dimod: the objective under the constraints", lambda s: _as_problem(s, cqm(s)), None, (".cqm",),
    fits=_is_cqm, model=cqm, apart="equipoise.qubo.formats.models:cqm_apart",
)  # fmt: skip
LP = Format(
    "lp", "CPLEX LP: the objective under the constraints", lambda s: _as_problem(s, lp(s)), None, (".lp",),
    fits=_is_lp, model=lp, apart="equipoise.qubo.formats.models:lp_apart",
)  # fmt: skip
