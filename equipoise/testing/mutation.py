"""Wrong bytes made of right ones, for tests of readers: seeds of every kind of file, and ways to damage them."""

from __future__ import annotations

import gzip
import io
import itertools
import json
import pickle
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["mutate", "seeds"]

_NUMBERS = (0, 1, -1, 2, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1, 3_000_000_000)
_WORDS = (
    b"nan", b"inf", b"-inf", b"1e400", b"-1", b"0", b"99999999999999999999", b"3000000000", b"\x00", b"\xff\xfe", b"x",
    b"null", b"true", b"[]", b"{}", b'""', b"[[]]", b'{"__array__": "AAAA"}', b"1.5", b"'", b'"', b"[", b"{", b"#",
    "\u202e".encode(), b"os:system", b"e" * 300, b"\n", b"\r", b"0x10", b"1_0", b"9" * 400,
)  # fmt: skip
_ODD: tuple[Any, ...] = (
    None, True, -1, 0, 2**63, 1e308, float("nan"), "", "x" * 1000, "\u202eabc", [], [[]], {}, {"a": []}, [1, "a", None],
    "os:system", ["a"] * 3, {"__array__": "AAAA"}, -(2**70), 0.5,
)  # fmt: skip


def mutate(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """``data`` with one to four kinds of damage."""
    for _ in range(rng.choice((1, 1, 1, 2, 3, 4))):
        data = rng.choice(_WAYS)(data, rng, others)
    return data


def _flip(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    content = bytearray(data or b"\0")
    for _ in range(rng.choice((1, 1, 2, 8))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


def _number(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    form = rng.choice(("<I", ">I", "<Q", "<H", ">H", "<B"))
    size = struct.calcsize(form)
    value = struct.pack(form, rng.choice(_NUMBERS) % 256**size)
    place = rng.randrange(max(1, len(data) - size))
    return data[:place] + value + data[place + size :]


def _cut(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _drop(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + data[place + rng.choice((1, 2, 4, 16, 100)) :]


def _twice(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    place, size = rng.randrange(len(data) + 1), rng.choice((1, 4, 20, 200))
    return data[: place + size] + data[place:]


def _word(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    place = rng.randrange(len(data) + 1)
    return data[:place] + rng.choice(_WORDS) + data[place + rng.choice((0, 0, 1, 3)) :]


def _token(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """One word of a text replaced."""
    words = data.split(b" ")
    words[rng.randrange(len(words))] = rng.choice(_WORDS)
    return b" ".join(words)


def _line(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    lines = data.split(b"\n")
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one] = lines[two]
    return b"\n".join(lines)


def _splice(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    other = rng.choice(others)
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _noise(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    return rng.randbytes(rng.choice((0, 1, 8, 100)))


_WAYS: tuple[Callable[[bytes, random.Random, list[bytes]], bytes], ...] = (
    *(_flip, _number, _word) * 3,
    *(_cut, _drop, _twice, _token, _line, _splice) * 2,
    _noise,
)


def seeds(reader: str, folder: Path) -> tuple[list[bytes], Callable[[random.Random], bytes] | None]:
    """Sound files of one kind, and a maker of files that are sound in form and odd in content (None: none)."""
    return _SEEDS[reader](folder)


Seeds = tuple[list[bytes], Callable[[random.Random], bytes] | None]


def _odd(value: Any, rng: random.Random) -> Any:
    """A value of nested dicts and lists with one part replaced by something odd."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        key = rng.choice(list(value))
        if rng.random() < 0.1:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: _odd(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.6:
        place = rng.randrange(len(value))
        return [*value[:place], _odd(value[place], rng), *value[place + 1 :]]
    return rng.choice(_ODD)


def _qubo(folder: Path) -> Seeds:
    from equipoise.qubo.formats import FORMATS, write
    from equipoise.qubo.generators import maxcut
    from hw_profiles.errors import InputError

    problem = maxcut(nodes=9, density=0.4, seed=1).problem
    found = []
    for name in FORMATS:
        path = folder / f"seed.{name}"
        try:
            write(problem, path, name)
        except (InputError, TypeError):  # a format that cannot hold it, or is only read
            continue
        found.append(path.read_bytes())
    texts = [
        b"# vartype=SPIN\n# offset=0.5\n0 0 1\n0 1 -2.5\n1 2 3\n",
        b"3\n0 0 1\n0 1 2\n1 2 -3\n",
        b"3 2\n1 2\n2 3\n",
    ]
    found += texts
    return [*found, gzip.compress(texts[0])], lambda rng: gzip.compress(mutate(rng.choice(texts), rng, texts))


def _npz(folder: Path) -> Seeds:
    import scipy.sparse

    rng = np.random.default_rng(0)
    dense = np.triu(rng.integers(-3, 4, (6, 6)))
    sparse = scipy.sparse.csr_array(dense)
    ours = {"linear": np.arange(3), "rows": np.array([0, 1]), "cols": np.array([1, 2]), "pairs": np.array([2, -1]),
            "offset": np.array(1), "sense": np.array("minimise"), "labels": np.array('["a", "b", 3]')}  # fmt: skip
    layouts: list[dict[str, Any]] = [{"Q": dense}, ours]
    for matrix in (sparse, sparse.tocsc(), sparse.tocoo()):
        buffer = io.BytesIO()
        scipy.sparse.save_npz(buffer, matrix)
        layouts.append(dict(np.load(io.BytesIO(buffer.getvalue()))))

    def packed(arrays: dict[str, Any]) -> bytes:
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        return buffer.getvalue()

    def odd(rng: random.Random) -> bytes:
        arrays = dict(rng.choice(layouts))
        name = rng.choice(list(arrays))
        old = np.atleast_1d(arrays[name])
        new: Any = old.copy()
        way = rng.randrange(5)
        if way == 0 and old.dtype.kind in "iuf" and old.size:
            new.flat[rng.randrange(old.size)] = rng.choice((-1, 2**31 - 1, 7, 10**6))
        elif way == 1 and old.dtype.kind in "iuf":
            new = old.astype(rng.choice(("f8", "i4", "u8", "S4", "U3", "?", "f2", "c16")))
        elif way == 2:
            new = old[: rng.randrange(old.size + 1)] if old.ndim == 1 else old.ravel()
        elif way == 3:
            new = np.array(rng.choice((-1, 10**9, 2**62, 0.5)))
        else:
            del arrays[name]
            return packed(arrays)
        return packed({**arrays, name: new})

    return [packed(arrays) for arrays in layouts], odd


def _hdf5_odd(sound: list[bytes], folder: Path) -> Callable[[random.Random], bytes]:
    """One attribute or data set of a sound file replaced."""
    import h5py

    path = folder / "odd.h5"

    def odd(rng: random.Random) -> bytes:
        path.write_bytes(rng.choice(sound))
        with h5py.File(path, "a") as file:
            names: list[str] = []
            file.visit(names.append)
            owner = file[rng.choice(["/", *names])]
            value = rng.choice(
                (3, -1, 2.5, "x", "[]", "{}", '{"a": 1}', np.arange(4), np.zeros((2, 2)), np.array(["a", "b"], "S1"),
                 np.float32(1), np.array([True]), "9" * 50, np.zeros(0), "NaN", b"\xff")
            )  # fmt: skip
            if rng.random() < 0.6 and len(owner.attrs):
                name = rng.choice(list(owner.attrs))
                del owner.attrs[name]
                if rng.random() < 0.8:
                    owner.attrs[name] = value
            elif owner.name != "/":
                name, attributes = owner.name, dict(owner.attrs)
                del file[name]
                if rng.random() < 0.8:
                    file[name] = value
                    for key, kept in attributes.items():
                        file[name].attrs[key] = kept
        return path.read_bytes()

    return odd


def _record(folder: Path) -> Seeds:
    from hw_profiles.ledger import Event, Ledger
    from hw_profiles.record import Record

    ledger = Ledger()
    ledger.add(Event.SYNAPTIC_OPERATIONS, 100, layer="a", phase="free")
    ledger.add(Event.STEPS, 10)
    found = []
    for kind in ("train", "qubo"):
        path = folder / f"seed-{kind}.h5"
        config = {"dataset": "digits", "profile": "loihi2", "problem": "p", "layers": [4, 2]}
        with Record.create(path, kind=kind, config=config, seeds={"run": 0}, target={"resolved": "loihi2-sim"}) as kept:
            kept.result("test_accuracy" if kind == "train" else "best_cost", 0.5)
            kept.result("samples.inference", 10)
            kept.result("weights", np.zeros((2, 3)))
            kept.append("epochs", {"epoch": 1, "test_accuracy": 0.5, "gradient_cosine": [0.1, 0.2], "nudge": None})
            kept.set_ledger(ledger)
        found.append(path.read_bytes())
    return found, _hdf5_odd(found, folder)


def _study_files(folder: Path) -> tuple[bytes, bytes]:
    from equipoise.study.runner import run_item
    from equipoise.study.spec import load_study
    from equipoise.study.store import Store, journal_of

    path = folder / "seed.toml"
    path.write_text('name = "t"\ntask = "calibrate"\n[fixed]\nmilliseconds = 0\n[grid]\nseed = [1, 2, 3]\n')
    study, out = load_study(path), folder / "seed-study.h5"
    store = Store(out, study.name, study.text)
    for item in study.items:
        store.add(run_item(item))
    journal = journal_of(out).read_bytes()
    store.close()
    return out.read_bytes(), journal


def _study(folder: Path) -> Seeds:
    sound, _ = _study_files(folder)

    def odd(rng: random.Random) -> bytes:
        import h5py

        path = folder / "odd-study.h5"
        path.write_bytes(sound)
        with h5py.File(path, "a") as file:
            texts = file["runs/details"].asstr()[()]
            place = rng.randrange(len(texts))
            texts[place] = json.dumps(_odd(json.loads(texts[place]), rng))
            file["runs/details"][...] = texts
        return path.read_bytes()

    shape = _hdf5_odd([sound], folder)
    return [sound], lambda rng: odd(rng) if rng.random() < 0.6 else shape(rng)


def _journal(folder: Path) -> Seeds:
    _, sound = _study_files(folder)
    return [sound], None


def _toml(*texts: str) -> Callable[[Path], Seeds]:
    return lambda folder: ([text.encode() for text in texts], None)


def _profile(folder: Path) -> Seeds:
    from hw_profiles.profile import FOLDER

    return [path.read_bytes() for path in sorted(FOLDER.glob("*.toml"))[:6]], None


def _chip(folder: Path) -> Seeds:
    from substrates.analog.imperfections import ChipInstance, ChipParameters
    from substrates.network import layered

    network = layered([4, 3, 2])
    chip = ChipInstance.draw(network, ChipParameters(gain_mismatch=0.1), 1)
    for index, coupling in enumerate(network.couplings):
        if coupling.weight is not None:
            chip.write(index, coupling.weight.detach().double().numpy())
    sound = [chip.save(folder / "seed-chip.h5").read_bytes()]
    return sound, _hdf5_odd(sound, folder)


def _chip_settings(folder: Path) -> Seeds:
    from substrates.analog.imperfections.parameters import ChipParameters

    sound = ChipParameters().as_dict()
    return [json.dumps(sound).encode()], lambda rng: json.dumps(_odd(sound, rng)).encode()


def _idx(folder: Path) -> Seeds:
    images = b"\0\0\x08\x03" + struct.pack(">3I", 2, 3, 3) + bytes(18)
    labels = b"\0\0\x08\x01" + struct.pack(">I", 4) + bytes(4)
    return [images, labels], None


def _pickles(first: int) -> Callable[[Path], Seeds]:
    def make(folder: Path) -> Seeds:
        sound: dict[Any, Any] = {
            b"data": np.zeros((2, 3072), np.uint8), b"labels": [first, first + 1], b"filenames": [b"a", b"b"],
            b"batch_label": b"x",
        }  # fmt: skip
        small = {**sound, b"data": np.zeros((1, 12), np.uint8)}

        def odd(rng: random.Random) -> bytes:
            value = {**sound, rng.choice(list(sound)): rng.choice((*_ODD, np.zeros(3), np.int64(3), np.array([1, 2])))}
            return pickle.dumps(value, protocol=rng.choice((0, 1, 2, 3, 4)))

        return [pickle.dumps(part, protocol=p) for part in (sound, small) for p in (2, 4)], odd

    return make


def _checkpoint(folder: Path) -> Seeds:
    import torch

    state: dict[str, Any] = {
        "version": 1, "identity": {"seed": 0}, "network": {"w": torch.zeros(2, 3)}, "optimizer": {"state": {}},
        "scheduler": None, "learner": {"step": 1, "nudge": None}, "machine": None,
        "ledger": [["steps", "", "", -1, "", 3]],
        "history": [{"epoch": 1, "test_accuracy": 0.5, "seconds": 0.1, "train_loss": 1.0}],
        "best": {"accuracy": 0.5, "epoch": 1, "weights": {}},
    }  # fmt: skip

    def packed(content: Any) -> bytes:
        buffer = io.BytesIO()
        torch.save(content, buffer)
        return buffer.getvalue()

    return [packed(state)], lambda rng: packed(_odd(state, rng))


def _tree(path: Path, entries: dict[str, Any]) -> bytes:
    """An HDF5 file of these data sets; texts as h5py writes them."""
    import h5py

    with h5py.File(path, "w") as file:
        for place, value in entries.items():
            file[place] = value
    return path.read_bytes()


def _netx(folder: Path) -> Seeds:
    lif = {"neuron/type": "CUBA", "neuron/iDecay": 400, "neuron/vDecay": 90, "neuron/vThMant": 30,
           "neuron/refDelay": 1, "neuron/gradedSpike": False}  # fmt: skip
    layers: list[dict[str, Any]] = [
        {"type": "input", "shape": np.array([1, 4, 4])},
        {"type": "conv", "shape": np.array([2, 2, 2]), "inChannels": 1, "outChannels": 2, "stride": np.array([1, 1]),
         "kernelSize": np.array([3, 3]), "padding": np.array([0, 0]), "dilation": np.array([1, 1]), "groups": 1,
         "weight": np.full((2, 1, 3, 3), 2.0, np.float32), "bias": np.zeros(2, np.float32), **lif},
        {"type": "flatten", "shape": np.array([8, 1, 1])},
        {"type": "dense", "shape": np.array([3]), "inFeatures": 8, "outFeatures": 3,
         "weight": np.full((3, 8), 4.0, np.float32), "bias": np.zeros(3, np.float32), "delay": np.ones((3, 8)), **lif},
    ]  # fmt: skip
    entries = {f"layer/{k}/{key}": value for k, layer in enumerate(layers) for key, value in layer.items()}
    sound = [_tree(folder / "seed.net", {"simulation/Ts": 1, "simulation/tSample": 30, **entries})]
    return sound, _hdf5_odd(sound, folder)


def _nir(folder: Path) -> Seeds:
    lif: dict[str, Any] = {key: np.ones(3) for key in ("tau", "r", "v_threshold")}
    cuba: dict[str, Any] = {key: np.ones(2) for key in ("tau_mem", "tau_syn", "r", "v_threshold", "w_in")}
    nodes: dict[str, dict[str, Any]] = {
        "input": {"type": "Input", "shape": np.array([4])},
        "a": {"type": "Affine", "weight": np.ones((3, 4)), "bias": np.ones(3)},
        "lif": {"type": "LIF", **lif, "v_leak": np.zeros(3), "v_reset": np.zeros(3)},
        "b": {"type": "Linear", "weight": np.ones((2, 3))},
        "d": {"type": "Delay", "delay": np.full(2, 2e-3)},
        "cuba": {"type": "CubaLIF", **cuba, "v_leak": np.zeros(2), "v_reset": np.zeros(2)},
        "output": {"type": "Output", "shape": np.array([2])},
    }
    names = list(nodes)
    edges = np.array([[x.encode(), y.encode()] for x, y in itertools.pairwise(names)])
    entries = {f"node/nodes/{name}/{key}": value for name, node in nodes.items() for key, value in node.items()}
    sound = [_tree(folder / "seed.nir", {"version": "1.0.8", "node/type": "NIRGraph", "node/edges": edges, **entries})]
    return sound, _hdf5_odd(sound, folder)


_STUDY_TEXT = """name = "t"
title = "T"
task = "calibrate"
finding = ""
[fixed]
milliseconds = 1
[grid]
seed = [1, 2, 3]
[[case]]
task = "qubo"
[case.grid]
nodes = [10, 20]
"""
_SEEDS: dict[str, Callable[[Path], Seeds]] = {
    "qubo": _qubo, "npz": _npz, "record": _record, "study": _study, "journal": _journal, "profile": _profile,
    "studytoml": _toml(_STUDY_TEXT), "chip": _chip, "chiptoml": _chip_settings, "idx": _idx, "cifar": _pickles(0),
    "imagenet": _pickles(1), "checkpoint": _checkpoint, "netx": _netx, "nir": _nir,
}  # fmt: skip
