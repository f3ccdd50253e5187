"""Equilibrium propagation on a GPU: is it right, how fast is it, what does it take.

    python bench/cuda.py --out cuda.json                      # under four minutes on one CUDA device
    python bench/cuda.py --device cpu --small --out cpu.json  # all of it in small, where there is none

Every part is caught separately, and the JSON is written anew after each. Speeds are of the whole call, synchronised;
"share" is of the products' operations (multiply and add count two) against the fastest matrix product measured here in
the same precision. A convolution with average pooling counts its folded taps, which are those computed.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import platform
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from hw_profiles.errors import InputError
from learning_rules import (
    Adjoint,
    Cauchy,
    Centered,
    ClosedForm,
    Dyadic,
    FourPoint,
    JacobianVector,
    Learner,
    NoiseCorrelation,
    Oscillation,
    Phases,
    RecurrentBackprop,
    Tangent,
    TruncatedBPTT,
)
from learning_rules.homeostasis import jacobian_vector, noise_correlation
from substrates.analog import AnalogMachine, ChipParameters, IdealMachine
from substrates.analog.solvers import AlternatingBlocks, Damped
from substrates.base import Nudge, Stop
from substrates.devices import memory_estimate
from substrates.network import Network, convolutional, hopfield, layered, loop

#: nominal peaks of dense products in TFLOP/s, from the vendor's data sheets, by a part of the device's name
NOMINAL = {
    "H100": {"float32": 66.9, "tf32": 494.7},
    "H200": {"float32": 66.9, "tf32": 494.7},
    "A100": {"float32": 19.5, "tf32": 156.0},
}
PAPER = (128, 256, 512, 512)
#: relative difference allowed between devices, largest over the tensors compared
TOLERANCE = {torch.float64: 1e-9, torch.float32: 2e-3}


class Bench:
    """The device, the clock, and the results so far."""

    def __init__(self, device: torch.device, out: Path, small: bool, budget_s: float) -> None:
        self.device, self.out, self.small = device, out, small
        self.began, self.budget_s = time.perf_counter(), budget_s
        self.results: dict[str, Any] = {"command": " ".join(sys.argv), "small": small}

    def left(self) -> float:
        return self.budget_s - (time.perf_counter() - self.began)

    def synchronise(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def seconds(self, function: Callable[[], Any], most: float = 2.0, times: int = 5) -> float:
        """Best wall time of a few calls after one that is not counted."""
        function()
        best, spent = float("inf"), 0.0
        for _ in range(times):
            self.synchronise()
            start = time.perf_counter()
            function()
            self.synchronise()
            best = min(best, time.perf_counter() - start)
            spent += time.perf_counter() - start
            if spent > most:
                break
        return best

    def part(self, name: str, function: Callable[[Bench], Any]) -> None:
        start = time.perf_counter()
        print(f"[{start - self.began:6.1f} s] {name} ...", flush=True)
        try:
            found = function(self) if self.left() > 0 else {"skipped": "no time left"}
        except Exception as error:
            traceback.print_exc()
            found = {"error": f"{type(error).__name__}: {error}"[:2000]}
        self.results[name] = found
        self.results.setdefault("seconds", {})[name] = round(time.perf_counter() - start, 2)
        self.out.write_text(json.dumps(self.results, indent=1))
        if self.device.type == "cuda":
            torch.cuda.empty_cache()


def environment(bench: Bench) -> dict[str, Any]:
    found = {"python": platform.python_version(), "torch": torch.__version__, "device": str(bench.device)}
    if bench.device.type == "cuda":
        p = torch.cuda.get_device_properties(bench.device)
        found |= {"name": p.name, "memory_gb": round(p.total_memory / 1e9, 1), "cuda": torch.version.cuda}
        found |= {"cudnn": torch.backends.cudnn.version(), "processors": p.multi_processor_count}
    else:
        found["name"] = platform.processor() or platform.machine()
    print("   ", found, flush=True)
    return found


# --- equality with the CPU

NETWORKS: dict[str, Callable[[], Network]] = {
    "layered": lambda: layered([20, 16, 12, 5], seed=1),
    "layered-tanh": lambda: layered([20, 16, 12, 5], seed=1, activation="tanh", readout=False),
    "loop": lambda: loop([20, 16, 12, 5], seed=1),
    "hopfield": lambda: hopfield(20, 16, 5),
    "conv-average": lambda: convolutional((2, 12, 12), (4, 6), classes=5, pooling="average", angle=60),
    "conv-softmax": lambda: convolutional((2, 12, 12), (4, 6), classes=5, angle=60),
    "conv-none": lambda: convolutional((2, 7, 7), (4, 6), classes=5, pooling="none", angle=60),
    "conv-tied": lambda: convolutional((2, 12, 12), (4, 6), classes=5, feedback="tied"),
}
RULES = {
    "centered": Centered(0.1),
    "centered-held": Centered(0.1, force="held"),
    "centered-normalised": Centered(0.1, force="normalised"),
    "asymep": Centered(0.1, correction="asymep"),
    "four-point": FourPoint(0.1),
    "cauchy-4": Cauchy(0.1, count=4),
    "cauchy-4-asymep": Cauchy(0.1, count=4, correction="asymep"),
    "oscillation": Oscillation(0.1, count=4, periods=1),
    "tangent": Tangent(),
    "adjoint": Adjoint(),
    "recurrent-backprop": RecurrentBackprop(),
    "truncated-bptt": TruncatedBPTT(),
    "dyadic": Dyadic(),
}
HOMEOSTASES = {
    "none": None,
    "closed-form": ClosedForm(1.0),
    "jacobian-vector": JacobianVector(1.0, draws=2),
    "noise-correlation": NoiseCorrelation(1.0),
}


def _relative(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = a.detach().cpu(), b.detach().cpu()
    return float((a - b).abs().max() / b.abs().max().clamp_min(1e-12))


def _gradients(make: Callable[[], Network], device: torch.device, dtype: torch.dtype, rule: Any, homeostasis: Any,
               graphs: bool) -> list[torch.Tensor]:  # fmt: skip
    """Everything one step of learning leaves: errors, activities and gradients."""
    network = make().to(dtype).to(device)
    machine = IdealMachine(network, solver=AlternatingBlocks(1.0), graphs=graphs)
    generator = torch.Generator().manual_seed(3)
    inputs = torch.rand(6, *network.input_shape, generator=generator).to(dtype).to(device)
    target = (torch.arange(6) % 5).to(device)
    # fixed numbers of steps: rounding must not decide how many
    steps = (60, 40) if dtype == torch.float64 else (30, 20)
    learner = Learner(rule, Phases(Stop(steps[0]), Stop(steps[1])), homeostasis)
    for _ in range(2 if graphs else 1):  # the second time a recorded phase is played again
        network.zero_grad(set_to_none=True)
        report, _ = learner.step(machine, inputs, target, learner.init())
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return [*report.estimate.errors, *report.estimate.activities, *gradients]


def equality(bench: Bench) -> dict[str, Any]:
    """Every network by every rule and every homeostasis, on both devices, in both precisions."""
    cpu, worst, failures, count = torch.device("cpu"), {}, {}, 0
    drawn = jacobian_vector.draw_like

    def draw_on_host(at: Any, *arguments: Any) -> Any:
        return tuple(e.to(at[0].device) for e in drawn(tuple(v.cpu() for v in at), *arguments))

    jacobian_vector.draw_like = noise_correlation.draw_like = draw_on_host  # each device draws its own otherwise
    try:
        cases = [(n, r, "none") for n in NETWORKS for r in RULES]
        cases += [(n, "centered", h) for n in NETWORKS for h in HOMEOSTASES if h != "none"]
        cases = [(*c, dtype) for c in cases for dtype in (torch.float64, torch.float32)]
        random.Random(0).shuffle(cases)  # whatever the time allows is spread over all of them
        stop_at = bench.left() - 55
        for name, rule, homeostasis, dtype in cases[::4] if bench.small else cases:
            if bench.left() < stop_at:
                break
            key = f"{name} {rule} {homeostasis} {str(dtype).split('.')[1]}"
            arguments = (NETWORKS[name], RULES[rule], HOMEOSTASES[homeostasis])
            try:
                reference = _gradients(arguments[0], cpu, dtype, *arguments[1:], False)
            except InputError:
                continue  # refused on the CPU too: the closed form and noise correlation of pooled kernels
            try:
                found = _gradients(arguments[0], bench.device, dtype, *arguments[1:], True)
                gap = max(_relative(a, b) for a, b in zip(found, reference))
            except Exception as error:
                failures[key] = f"{type(error).__name__}: {error}"[:300]
                continue
            count += 1
            kind = f"{rule} {homeostasis} {str(dtype).split('.')[1]}"
            worst[kind] = max(worst.get(kind, 0.0), gap)
            if not gap <= TOLERANCE[dtype]:
                failures[key] = gap
    finally:
        jacobian_vector.draw_like = noise_correlation.draw_like = drawn
    print(f"    {count} cases, {len(failures)} beyond tolerance: {list(failures.items())[:8]}", flush=True)
    return {
        "cases": count,
        "beyond_tolerance": failures,
        "worst": worst,
        "tolerance": {str(k): v for k, v in TOLERANCE.items()},
    }


def graphs(bench: Bench) -> dict[str, Any]:
    """A recorded phase gives the bits of the phase itself."""
    found = {}
    for name, make in NETWORKS.items():
        pair = [_gradients(make, bench.device, torch.float32, Centered(0.1), None, g) for g in (True, False)]
        found[name] = all(torch.equal(a, b) for a, b in zip(*pair))
    print("    same bits:", found, flush=True)
    return found


def chip(bench: Bench) -> dict[str, Any]:
    """The imperfect machine with all its noise, on both devices."""
    parameters = ChipParameters(
        gain_mismatch=0.05, offset_mismatch=0.05, time_constant_mismatch=0.05, conductance_mismatch=0.05, levels=32,
        readout_noise=0.01, state_noise=0.01, read_noise=0.002, read_noise_proportional=0.01, adc_bits=10,
    )  # fmt: skip
    gaps = {}
    for name in ("layered", "layered-tanh"):
        results = []
        for device in (torch.device("cpu"), bench.device):
            network = NETWORKS[name]().to(device)
            machine = AnalogMachine(network, parameters, seed=2, solver=Damped())
            inputs = torch.rand(8, 20, generator=torch.Generator().manual_seed(0)).to(device)
            drive = machine.drive(inputs)
            free = machine.relax(drive, Stop(40))
            nudged = machine.relax(drive, Stop(20), nudge=Nudge(0.5, (torch.arange(8) % 5).to(device)), start=free)
            results.append([*free.activities, *nudged.activities])
        # an ADC code may flip where rounding decides: compare to a code
        gaps[name] = max(float((a.cpu() - b.cpu()).abs().max()) for a, b in zip(*results))
    print("    largest difference in activity:", gaps, flush=True)
    return {
        "largest_difference": gaps,
        "adc_step": 1 / 1023,
        "within_two_codes": all(g < 2.5 * 2 / 1023 for g in gaps.values()),
    }


# --- speed


def peak(bench: Bench) -> dict[str, Any]:
    """The fastest square matrix product, per precision, in TFLOP/s."""
    found: dict[str, Any] = {}
    for precision in ("float32", "tf32") if bench.device.type == "cuda" else ("float32",):
        best = 0.0
        for n in (512, 1024) if bench.small else (4096, 8192):
            a, b = (torch.randn(n, n, device=bench.device) for _ in range(2))
            torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
            best = max(best, 2 * n**3 / bench.seconds(lambda a=a, b=b: a @ b, 1.0))
        torch.backends.cuda.matmul.allow_tf32 = False
        found[precision] = best / 1e12
    name = torch.cuda.get_device_name(bench.device) if bench.device.type == "cuda" else ""
    found["nominal"] = next((v for k, v in NOMINAL.items() if k in name), None)
    print("    TFLOP/s:", found, flush=True)
    return found


def _operations(network: Network) -> int:
    """Multiplications and additions of one sweep of one sample, as computed: folded taps, and the pooled map's own."""
    total = 0
    for c in network.recurrent_couplings():
        macs = c.macs
        if getattr(getattr(c, "geometry", None), "pooling", None) is not None:
            pooling = c.geometry.pooling
            if pooling.name == "average":
                macs = macs * 16 // 36
            elif pooling.name == "softmax" and type(c).__name__ == "ConvolutionFeedback":
                macs *= 2  # the map it is pooled through is computed anew
        total += 2 * macs
    return total


def _sweeps(
    bench: Bench, network: Network, batch: int, sweeps: int, precision: str, recorded: bool, peak_tflops: float
) -> dict[str, Any]:
    network = network.to(bench.device)
    machine = IdealMachine(network, solver=AlternatingBlocks(1.0), precision=precision, graphs=recorded)
    inputs = torch.rand(batch, *network.input_shape, device=bench.device)
    drive = machine.drive(inputs)
    seconds = bench.seconds(lambda: machine.relax(drive, Stop(sweeps)), 3.0, 3)
    rate = sweeps / seconds
    tflops = _operations(network) * batch * rate / 1e12
    return {
        "batch": batch, "precision": precision, "recorded": recorded, "sweeps_per_s": rate,
        "sample_sweeps_per_s": rate * batch, "tflops": tflops,
        "share_of_peak": tflops / peak_tflops if peak_tflops else None,
    }  # fmt: skip


def speed(bench: Bench) -> list[dict[str, Any]]:
    """Sweeps per second of the paper's convolutional network and of 784-256-256-10."""
    peaks = bench.results.get("peak", {})
    precisions = ("float32", "tf32") if bench.device.type == "cuda" else ("float32",)
    if bench.small:
        networks = {"conv-average": NETWORKS["conv-average"](), "conv-softmax": NETWORKS["conv-softmax"]()}
        dense, batches, dense_batches, sweeps = layered([64, 32, 10]), (8,), (16,), 20
    else:
        networks = {
            f"cifar-{p}": convolutional((3, 32, 32), PAPER, pooling=p, angle=90) for p in ("average", "softmax")
        }
        dense, batches, dense_batches, sweeps = layered([784, 256, 256, 10]), (50, 256), (100, 1000, 10000), 50
    rows = []
    for name, network in networks.items():
        for batch, precision, recorded in itertools.product(batches, precisions, (True, False)):
            if not recorded and (precision != "float32" or batch != batches[0]):
                continue
            if bench.left() < 0.3 * bench.budget_s and rows:
                continue
            rows.append(
                {"network": name} | _sweeps(bench, network, batch, sweeps, precision, recorded, peaks.get(precision, 0))
            )
            print("   ", rows[-1], flush=True)
    for batch, recorded in itertools.product(dense_batches, (True, False)):
        rows.append(
            {"network": "dense"} | _sweeps(bench, dense, batch, 100, "float32", recorded, peaks.get("float32", 0))
        )
        print("   ", rows[-1], flush=True)
    return rows


def profile(bench: Bench) -> list[dict[str, Any]]:
    """Which kernels a sweep of the paper's network spends its time in."""
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record

    found = []
    for pooling in ("average", "softmax"):
        network = NETWORKS[f"conv-{pooling}"]() if bench.small else convolutional((3, 32, 32), PAPER, pooling=pooling)
        machine = IdealMachine(network.to(bench.device), solver=AlternatingBlocks(1.0), graphs=False)
        drive = machine.drive(torch.rand(8 if bench.small else 50, *network.input_shape, device=bench.device))
        machine.relax(drive, Stop(3))
        kinds = [ProfilerActivity.CPU] + ([ProfilerActivity.CUDA] if bench.device.type == "cuda" else [])
        with record(activities=kinds) as seen:
            machine.relax(drive, Stop(5))
            bench.synchronise()
        key = "self_device_time_total" if bench.device.type == "cuda" else "self_cpu_time_total"
        events = sorted(seen.key_averages(), key=lambda e: -getattr(e, key))[:14]
        found.append({"pooling": pooling, "us": {e.key[:90]: round(getattr(e, key)) for e in events}})
        print("   ", found[-1], flush=True)
    return found


def variants(bench: Bench) -> list[dict[str, Any]]:
    """Ways to multiply by one layer of the paper's network: 128 x 16 x 16 to 256 x 8 x 8, batch 50."""
    F = torch.nn.functional
    batch, low, high, side = (2, 4, 6, 8) if bench.small else (50, 128, 256, 16)
    taps = torch.randn(high, low, 4, 4, device=bench.device)
    phases = torch.randn(4 * low, high, 2, 2, device=bench.device)
    kernel = torch.randn(high, low, 3, 3, device=bench.device)
    v = torch.randn(batch, low, side, side, device=bench.device)
    h = torch.randn(batch, high, side // 2, side // 2, device=bench.device)
    full = torch.randn(batch, high, side, side, device=bench.device)

    def interleaved(x: torch.Tensor, k: torch.Tensor) -> torch.Tensor:
        n = x.shape[-1]
        maps = F.conv2d(x, k, padding=1).unflatten(1, (4, low))
        out = torch.empty(batch, low, 2 * n, 2 * n, device=x.device, dtype=x.dtype)
        for i in range(4):
            a, b = divmod(i, 2)
            out[:, :, a::2, b::2] = maps[:, i, :, a : a + n, b : b + n]
        return out

    operations = {
        "folded": (lambda x, k: F.conv2d(x, k, stride=2, padding=1), v, taps),
        "folded-back": (lambda x, k: F.conv_transpose2d(x, k, stride=2, padding=1), h, taps),
        "folded-back-interleaved": (interleaved, h, phases),
        "plain": (lambda x, k: F.conv2d(x, k, padding=1), v, kernel),
        "plain-back": (lambda x, k: F.conv_transpose2d(x, k, padding=1), full, kernel),
        "plain-back-as-forward": (
            lambda x, k: F.conv2d(x, k, padding=1), full, kernel.flip(2, 3).transpose(0, 1).contiguous()
        ),
    }  # fmt: skip
    rows = []
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    choices = itertools.product(
        ("float32", "tf32", "bfloat16"), (torch.contiguous_format, torch.channels_last), (False, True)
    )
    for precision, layout, search in choices:
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = precision == "tf32", search
        for name, (operation, x, k) in operations.items():
            dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
            x, k = (t.to(dtype).contiguous(memory_format=layout) for t in (x, k))
            calls = 2 if bench.small else 20
            seconds = bench.seconds(lambda o=operation, x=x, k=k, n=calls: [o(x, k) for _ in range(n)], 0.2, 2) / calls
            channels = "last" if layout == torch.channels_last else "first"
            row = {"operation": name, "precision": precision, "channels": channels, "search": search}
            rows.append(row | {"us": 1e6 * seconds})
    torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before
    for row in rows:
        print("   ", *row.values(), flush=True)
    return rows


# --- training


def memory(bench: Bench) -> list[dict[str, Any]]:
    """Peak memory of one training step of the paper's network, beside the estimate made before."""
    rows = []
    for pooling, batch in (("softmax", 8),) if bench.small else (("average", 50), ("softmax", 50), ("softmax", 128)):
        network = (
            NETWORKS[f"conv-{pooling}"]()
            if bench.small
            else convolutional((3, 32, 32), PAPER, pooling=pooling, angle=90)
        )
        network = network.to(bench.device)
        if bench.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        seconds = _step_seconds(bench, network, batch, Centered(0.4), JacobianVector(1.0, draws=5))
        used = torch.cuda.max_memory_allocated() if bench.device.type == "cuda" else None
        rows.append(
            {
                "pooling": pooling,
                "batch": batch,
                "peak_bytes": used,
                "estimate": memory_estimate(network, batch),
                "step_s": seconds,
            }
        )
        print("   ", rows[-1], flush=True)
    return rows


def _step_seconds(
    bench: Bench, network: Network, batch: int, rule: Any, homeostasis: Any, precision: str = "float32"
) -> float:
    machine = IdealMachine(network, solver=AlternatingBlocks(1.0), precision=precision)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)
    steps = (10, 5) if bench.small else (250, 40)  # the paper's
    learner = Learner(rule, Phases(Stop(steps[0]), Stop(steps[1])), homeostasis)
    inputs = torch.rand(batch, *network.input_shape, device=bench.device)
    target = torch.arange(batch, device=bench.device) % 5
    state = learner.init()

    def step() -> None:
        nonlocal state
        optimizer.zero_grad(set_to_none=True)
        _, state = learner.step(machine, inputs, target, state)
        optimizer.step()

    return bench.seconds(step, 4.0, 3)


def paper_step(bench: Bench) -> list[dict[str, Any]]:
    """The paper's training step (250 + 2 x 40 sweeps, batch 50), and what an epoch of 50 000 images would take."""
    rows = []
    for pooling, precision in itertools.product(
        ("softmax", "average"), ("float32", "tf32") if bench.device.type == "cuda" else ("float32",)
    ):
        if bench.left() < 0.15 * bench.budget_s:
            break
        batch = 8 if bench.small else 50
        network = (
            NETWORKS[f"conv-{pooling}"]()
            if bench.small
            else convolutional((3, 32, 32), PAPER, pooling=pooling, angle=90)
        )
        seconds = _step_seconds(bench, network.to(bench.device), batch, Centered(0.4), None, precision)
        rows.append(
            {
                "pooling": pooling,
                "precision": precision,
                "step_s": seconds,
                "epoch_s_extrapolated": seconds * 50_000 / batch,
            }
        )
        print("   ", rows[-1], flush=True)
    return rows


def epoch(bench: Bench) -> dict[str, Any]:
    """One epoch by `equipoise.training.train`: 50 000 synthetic images of 3 x 32 x 32 through 64-128-256."""
    from equipoise.training import Split, TrainConfig, train

    count, channels, shape = (64, (4, 6), (3, 12, 12)) if bench.small else (50_000, (64, 128, 256), (3, 32, 32))
    generator = torch.Generator().manual_seed(0)
    means = torch.rand(10, *shape, generator=generator)
    labels = [torch.randint(0, 10, (n,), generator=generator) for n in (count, max(20, count // 50))]
    images = [(means[y] + 0.5 * torch.randn(len(y), *shape, generator=generator)) / 2 for y in labels]
    data = Split("synthetic", images[0], labels[0], images[1], labels[1], 10)
    if not bench.small and bench.left() < 40:
        data = data.limited(10_000, 1000)
    network = convolutional(shape, channels, pooling="average", angle=90, activation="logistic")
    config = TrainConfig(
        dataset="synthetic",
        device=str(bench.device),
        epochs=1,
        batch_size=16 if bench.small else 256,
        lr=3e-3,
        nudge=0.4,
        nudge_force="normalised",
        correction="asymep",
        tolerance=2e-3,
        free_steps=40,
        nudge_steps=20,
    )
    start = time.perf_counter()
    result = train(config, data=data, network=copy.deepcopy(network))
    bench.synchronise()
    row = result.epochs[-1]
    found = {
        "images": len(data.train_targets), "seconds": time.perf_counter() - start,
        "test_accuracy": row["test_accuracy"],
        "settled": row["converged_fraction"], "train_loss": row["train_loss"], "cosine": row["gradient_cosine"],
        "images_per_s": len(data.train_targets) / row["seconds"],
    }  # fmt: skip
    print("   ", found, flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="small sizes, to try every part on a CPU")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", type=float, default=225.0, help="seconds after which no part begins")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    bench = Bench(torch.device(arguments.device), arguments.out, arguments.small, arguments.budget)
    for part in (environment, peak, graphs, chip, equality, speed, epoch, paper_step, memory, variants, profile):
        bench.part(part.__name__, part)
    failed = [k for k, v in bench.results.items() if isinstance(v, dict) and "error" in v]
    print(f"[{time.perf_counter() - bench.began:6.1f} s] done; parts that failed: {failed or 'none'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
