"""The options of a training run, in the groups of a run file. Each says once what it means, its default and its range:
the command line, run files and `TrainConfig` all read it here."""

# ruff: noqa: RUF009 (`option` gives a field)

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from equipoise.training.machine_settings import named_chip
from hw_profiles.arguments import check_fields
from hw_profiles.errors import InputError

__all__ = ["GROUPS", "Options", "choices_of", "flag_of", "group_of", "options_of"]


def option(
    default: Any = MISSING,
    text: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
    kind: str = "",
    usual: str = "",
    off: str = "",
    **more: Any,
) -> Any:
    """A field of a group.

    Args:
        default: its value when it is not given.
        text: a line of help.
        low, high, above: the numbers allowed: finite, from ``low`` to ``high``, or more than ``above``.
        kind: registry that names the values.
        usual: where the value comes from when it is left at its default.
        off: of a switch: the flag that turns it off.
        more: ``metavar`` of the flag; ``moment`` for what belongs to one call and not into a run file.
    """
    about = {"text": text, "low": low, "high": high, "above": above, "kind": kind, "usual": usual, "off": off, **more}
    return field(metadata=about, **({"default": default} if default is not MISSING else {"default_factory": dict}))


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Options:
    """A group of options. Every number is checked when it is made, then what must go together."""

    def __post_init__(self) -> None:
        for one in fields(self):
            if isinstance(value := getattr(self, one.name), str) and _hints(type(self))[one.name] == Path | None:
                object.__setattr__(self, one.name, Path(value))  # a path written as a text
        check_fields(self)
        for one in fields(self):
            value = getattr(self, one.name)
            _check_choice(one, value, choices_of(type(self), one.name))
            if value is not None and (one.metadata["low"] is not None or one.metadata["above"] is not None):
                _check_number(one, value, Integral if _hints(type(self))[one.name] in (int, int | None) else Real)
        for group in type(self).__mro__:
            if "together" in vars(group):
                vars(group)["together"](self)


def _check_choice(one: Field[Any], value: Any, choices: tuple[str, ...]) -> None:
    if choices and value not in (*choices, one.default):
        raise InputError(f"no {one.name.replace('_', ' ')} {value!r}; there are {', '.join(choices)}")


def _check_number(one: Field[Any], value: Any, of: type[Any]) -> None:
    name, low, high, above = one.name.replace("_", "-"), *(one.metadata[key] for key in ("low", "high", "above"))
    if not isinstance(value, of) or isinstance(value, bool):
        raise InputError(f"{name}: got {value!r}, expected a {'whole ' if of is Integral else ''}number")
    top = float("inf") if high is None else high
    inside = above < value < top if low is None else low <= value <= top and value < float("inf")
    if not inside:
        if high is not None:
            raise InputError(f"{name}: got {value}, expected {low:g} to {high:g}")
        wanted = f"{low} or more" if low is not None else f"more than {above}"
        raise InputError(f"{name}: got {value}, expected a finite number of {wanted}")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Data(Options):
    """What is learned."""

    dataset: str = option("digits", "What to learn.", kind="data set")
    data_dir: Path | None = option(None, "Folder of the data set's files.")
    train_samples: int | None = option(None, "Use the first so many.", low=0)
    test_samples: int | None = option(None, "Use the first so many.", low=0)
    validation: float = option(
        0.0,
        "Share of the training samples held out: early stop and the best epoch look at them.",
        low=0,
        high=0.5,
        usual="0, a tenth with --patience",
    )
    augment: bool = option(False, "Flip and shift colour images while training.")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Shape(Options):
    """The network."""

    layers: tuple[int, ...] = option((), "Layer sizes, input first.", metavar="784-256-256-10", usual="the data set's")
    conv: tuple[int, ...] = option((), "Channels of 3x3 convolutions below them, on images.", metavar="32,64")
    pooling: Literal["average", "softmax", "none"] = option("average", "2x2, after each convolution.")
    valid_last: bool = option(False, "No padding in the last convolution: 4x4 becomes 1x1, as in the paper's networks.")
    readout: Literal["hidden", "output"] = option(
        "hidden", "Classes are read from the last hidden layer, or from output neurons behind it."
    )
    activation: str = option(
        "",
        "Of all populations.",
        kind="activation",
        usual="logistic; of convolutions relu, or dsilu with a rule of your own",
    )
    angle: float = option(90.0, "Degrees between forward and transposed backward weights at first.", low=0, high=180)
    feedback_scale: float | None = option(
        None,
        "Backward over forward weights' size; below 1 the network settles faster.",
        above=0,
        usual="1, the target's where the homeostasis is",
    )
    tied: bool = option(False, "One weight for both directions.")

    def together(self) -> None:
        if self.tied and self.feedback_scale not in (None, 1):
            raise InputError("tied weights have one size; leave --feedback-scale at 1")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Machine(Options):
    """The machine it runs on, and what prices its counts."""

    target: str = option("ideal", "Where it runs.", kind="target", work="network")
    chip: dict[str, Any] = option(
        text="Settings of the machine: a device's name, a .toml or .json file.",
        metavar="NAME|FILE",
        usual="the target's",
    )
    device: str = option(
        "", "Where torch computes (ideal, analog).", metavar="cpu|cuda|auto", usual="cpu, or a given network's"
    )
    readings: int = option(
        0,
        "Of every activity, averaged; each costs a conversion (analog).",
        low=0,
        usual="what its noise asks for, 1 with a rule of your own",
    )
    threads: int = option(0, "Of the relaxation; the same bits for any number.", low=0, usual="all")
    precision: Literal["float32", "tf32"] = option("float32", "Of products on a CUDA device.")
    profile: str = option("", "Hardware profile for energy and latency.", kind="profile", usual="the target's")

    def __post_init__(self) -> None:
        if isinstance(self.chip, (str, Path)):  # a device's name or a file, as on the command line
            for name, value in named_chip(str(self.chip), self.target, self.profile).items():
                object.__setattr__(self, name, value)
        super().__post_init__()


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Learning(Options):
    """The learning rule and the phases of a relaxation."""

    estimator: str = option("centered", "Of the gradient.", kind="estimator")
    points: int = option(2, "N of cauchy and oscillation.", low=1)
    nudge: float = option(0.0, "Nudge |beta|, or auto to adapt.", low=0, metavar="B|auto", usual="the target's")
    adaptive: bool = option(False, "The nudge follows its own error: --nudge auto.", hidden=True)
    nudge_force: Literal["", "following", "held", "normalised"] = option(
        "",
        "Follows the output, is held, or held at one size for all samples (best with noise).",
        usual="the target's",
    )
    correction: Literal["none", "asymep", "dyadic"] = option("none", "Of weights that are not symmetric.")
    free_steps: int = option(100, "Most steps of the free phase.", low=0)
    nudge_steps: int = option(40, "Most steps of each nudged phase.", low=0)
    tolerance: float = option(1e-4, "Residual at which a phase ends; 0 runs all steps.", low=0)
    unsettled: Literal["drop", "down-weight", "keep"] = option("drop", "Samples that did not settle.")
    residual_limit: float = option(1e-2, "Free residual above which a sample counts as unsettled.", above=0)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Symmetry(Shape):
    """Homeostasis: what pulls backward weights towards forward ones."""

    homeostasis: float | None = option(
        None,
        "Coefficient of the Jacobian homeostasis.",
        low=0,
        usual="0.5 decoupled where nothing else makes the gradient right, else 0",
    )
    homeostasis_end: float | None = option(None, "Coefficient at the end of the run.", low=0, usual="the same")
    homeostasis_method: Literal["closed-form", "jacobian-vector", "noise-correlation", "weight-decay"] = option(
        "closed-form", "How its gradient is had."
    )
    combination: Literal["", "sum", "decoupled", "conflict-free"] = option(
        "",
        "With the task's gradient; decoupled: outside the optimizer, coefficient 0 to 0.5 (sampled methods 0.1).",
        usual="sum",
    )

    def together(self) -> None:
        if self.homeostasis_method == "weight-decay" and self.feedback_scale not in (None, 1):
            raise InputError("weight-decay pulls no backward weight to a forward one; leave --feedback-scale at 1")
        if self.tied and self.homeostasis:
            raise InputError("tied weights are symmetric already; leave homeostasis at 0 or use --angle 0 untied")


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Descent(Options):
    """The torch optimizer and how long it goes on."""

    epochs: int = option(0, "Times through the training samples.", low=0, usual="the data set's")
    batch_size: int = option(0, "Samples per step.", low=0, usual="the data set's")
    optimizer: Literal["sgd", "adamw"] = option("adamw", "Of torch.")
    lr: float = option(0.0, "Learning rate.", low=0, usual="the data set's")
    momentum: float = option(0.9, "Of sgd.", low=0)
    weight_decay: float = option(0.0, "Of the optimizer.", low=0)
    cosine: bool = option(True, "Learning rate falls as a cosine over the run, or stays.", off="constant")
    patience: int = option(0, "Stop after so many epochs without a better validation accuracy; 0 never.", low=0)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Keeping(Options):
    """Seed, and what is written."""

    seed: int = option(0, "Of weights, batches, draws and the chip instance.", low=0)
    probe_samples: int = option(100, "Samples on which the gradient is compared with the adjoint's.", low=1)
    processes: int = option(1, "Of torchrun, which share every batch (data-parallel).", low=1)
    out: Path | None = option(None, "Record (HDF5) to write.")
    checkpoint: Path | None = option(None, "What a resume needs.", usual="beside the record")
    resume: bool = option(False, "Go on from the checkpoint, bit for bit.", moment=True)
    force: bool = option(False, "Begin afresh and replace outputs that are there; says which.", moment=True)

    def together(self) -> None:
        if self.resume and self.force:
            raise InputError("resume goes on with what is there, force replaces it; give one of them")
        if self.resume and self.checkpoint is None and self.out is None:
            raise InputError("resume needs the record (--out) or the checkpoint of the run to go on with")


#: table of a run file -> its options
GROUPS: dict[str, type[Options]] = {
    "data": Data,
    "network": Shape,
    "machine": Machine,
    "rule": Learning,
    "homeostasis": Symmetry,
    "optimizer": Descent,
    "run": Keeping,
}


def options_of(group: str) -> Iterator[Field[Any]]:
    """The options that a group itself declares, in order."""
    own = GROUPS[group]
    return (one for one in fields(own) if one.name in own.__annotations__)


def group_of(name: str) -> str | None:
    """The group that has an option of this name."""
    return next((group for group, own in GROUPS.items() if name in own.__annotations__), None)


def flag_of(name: str) -> str:
    """An option's name on the command line."""
    return "--" + name.replace("_", "-")


def choices_of(options: type[Options], name: str) -> tuple[str, ...]:
    """The words an option may be, where they are few and fixed; empty otherwise."""
    hint = _hints(options)[name]
    return tuple(word for word in get_args(hint) if word) if get_origin(hint) is Literal else ()


_HINTS: dict[type[Options], dict[str, Any]] = {}


def _hints(options: type[Options]) -> dict[str, Any]:
    if options not in _HINTS:
        _HINTS[options] = get_type_hints(options)
    return _HINTS[options]
