"""Run a bench command and keep its figures; write docs/benchmarks.md from what is kept.

    python bench/benchmarks.py run engine        equipoise bench engine --json, kept in bench/results/engine.json
    python bench/benchmarks.py run ep --full
    python bench/benchmarks.py run mapping
    python bench/benchmarks.py run qubo-million
    python bench/benchmarks.py page              docs/benchmarks.md from bench/results/

Each kept file holds the command, the date, the machine and the versions beside the figures.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from hw_profiles.record import provenance
from hw_profiles.texts import times

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"


def run(name: str, options: list[str]) -> None:
    words = SCRIPTS.get(name, ["-m", "equipoise", "bench", name, "--json"])
    command = [sys.executable, *words, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    where = provenance()
    kept = {
        "command": " ".join(["python", *words, *options]).replace("python -m equipoise", "equipoise"),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": {key: where[key] for key in ("processor", "machine", "python") if key in where},
        "versions": where["versions"],
        "figures": json.loads(done.stdout),
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n")


def mapping_section(kept: dict[str, Any]) -> str:
    figures = kept["figures"]
    rows = [
        [
            name,
            f"{case['seconds']:.1f}",
            str(case["cores"]),
            f"{case['messages_between_cores']:,}",
            f"{case['the_same_in_index_order']:,}",
        ]
        for name, case in figures.items()
        if isinstance(case, dict)
    ]
    head = ["network, 10^6 neurons, 10^7 synapses", "s", "cores", "messages between cores", "the same in index order"]
    return "\n\n".join(
        [
            "## Mapping a million neurons onto Hala Point",
            table(head, rows),
            f"Peak memory {figures['peak_memory_gb']:.2f} GB.",
            origin(kept),
        ]
    )


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def origin(kept: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in kept["versions"].items())
    machine = ", ".join(str(value) for value in kept["machine"].values())
    return f"`{kept['command']}`, {kept['date']}; {machine}; {versions}."


def engine_section(kept: dict[str, Any]) -> str:
    figures = kept["figures"]
    rows = []
    for name, case in figures["cases"].items():
        engine, lava = case["engine"], case.get("lava", {})
        rows.append(
            [
                name,
                f"{engine['us_per_step']:.1f}",
                f"{lava['us_per_step']:.0f}" if "us_per_step" in lava else lava.get("reason", "not run"),
                f"{case['ratio']:.0f}x" if case.get("ratio") else "",
                f"{engine['synaptic_operations_per_s']:.2g}",
                f"{100 * case['fraction_of_bandwidth_at_this_size']:.0f} %",
            ]
        )
    head = ["network", "engine, us/step", "Lava, us/step", "ratio", "synaptic operations/s", "of read bandwidth"]
    annealer = figures["annealer"]
    return "\n\n".join(
        [
            "## The Loihi 2 engine against Lava's fixed-point CPU models",
            "The same network, the same integers, one run, smallest block of steps on either side. 5 % of the first\n"
            "layer's neurons send at each step. Read bandwidth is that of one core, in the same run, on a block\n"
            "of the synapses' size (small networks stay in the cache).",
            table(head, rows),
            f"Annealer, two-phase, n = {annealer['n']}: {annealer['steps_per_s']:.3g} algorithmic steps/s.\n"
            f"lava-optimization 0.4.0's CPU model ran about {annealer['lava_optimization_steps_per_s']:.0f} steps/s\n"
            f"(measured elsewhere, not in this run): {annealer['ratio']:.0f} times as many.",
            origin(kept),
        ]
    )


def spiking_section(kept: dict[str, Any]) -> str:
    rows, peers = [], ("Brian2, double precision", "Brian2, single precision")
    for name, case in kept["figures"].items():
        seconds = case["seconds_per_step"]
        ours = seconds["engine"]
        for peer, taken in seconds.items():
            rate = f"{case['events_per_step'] / taken / 1e6:,.0f}"
            rows.append([name, peer, f"{1e6 * taken:,.2f}", rate, "" if peer == "engine" else times(taken / ours)])
    best = {
        name: min(case["seconds_per_step"][peer] for peer in peers) / case["seconds_per_step"]["engine"]
        for name, case in kept["figures"].items()
        if peers[0] in case["seconds_per_step"]
    }
    twice = {
        name: case["seconds_per_step"]["engine"] / case["seconds_per_step"]["engine, two threads"]
        for name, case in kept["figures"].items()
        if "engine, two threads" in case["seconds_per_step"]
    }
    head = ["network", "program", "us/step", "million synaptic events/s", "time over the engine's"]
    parts = [
        "## Spiking networks beside Brian2, snnTorch and Lava",
        "`dense`: 1000 inputs, 5 % spike at each step, all-to-all to 1000 LIF neurons; `sparse`: 10,000 inputs, 1 %\n"
        "spike, 100 synapses from each to 10,000 LIF neurons. Time of the time loop alone, one thread, nothing\n"
        "recorded, who spikes when given. The engine's integers are the chip's, the others' (but Lava's) are floating\n"
        "point. `large-dense`: 5000 inputs, half of them spike, all-to-all; `large-sparse`: 100,000, a tenth, 100\n"
        "each.",
        table(head, rows),
        f"Against the faster of Brian2's precisions the engine is {best['dense']:.0f} times as fast on the dense\n"
        f"network and {best['sparse']:.1f} times on the sparse one. There a third of its time is the update of\n"
        "10,000 neurons, and a synapse costs a load from the third-level cache and an addition anywhere in memory;\n"
        "Brian2 has the same to do. Two threads are "
        + " and ".join(f"{ratio:.2f} times as fast on {name}" for name, ratio in twice.items())
        + ",\nwith the same integers; there the synapses come from memory that the cores share.",
        origin(kept),
    ]
    return "\n\n".join(parts)


def million_section(kept: dict[str, Any]) -> str:
    f = kept["figures"]
    head = [
        "call, CPU s",
        "sampling, wall s",
        "updates/s, call",
        "updates/s, sampling",
        "peak memory",
        "set, edges within",
    ]
    row = [
        f"{f['call_cpu_s']:.1f}",
        f"{f['sampling_wall_s']:.1f}",
        f"{f['neuron_updates_per_s_of_the_call']:.3g}",
        f"{f['neuron_updates_per_s_of_sampling']:.3g}",
        f"{f['peak_memory_gb']:.2f} GB",
        f"{f['set_size']:,}, {f['edges_within_the_set']}",
    ]
    return "\n\n".join(
        [
            f"## A QUBO of {f['nodes']:,} variables, degree 10",
            f"Independent set, {f['edges']:,} edges, {f['steps']} two-phase steps, from a dimod model to samples,\n"
            f"one thread. The model and its making take {f['peak_memory_before_the_call_gb']:.2f} GB of the memory.",
            table(head, [row]),
            origin(kept),
        ]
    )


def ep_section(kept: dict[str, Any]) -> str:
    figures = kept["figures"]
    rows = [
        [
            case["layers"],
            str(case["batch"]),
            f"{case['ms']:.3g}",
            f"{case['gflops']:.3g}",
            f"{100 * case['share_of_peak']:.0f} %",
            f"{case['times_faster_than_plain']:.1f}x",
            f"{case['times_faster_than_energy_autograd']:.1f}x",
        ]
        for case in figures["relaxation"]
    ]
    head = ["network", "batch", "ms for 100 steps", "GFLOP/s", "of peak", "against plain torch", "against autograd"]
    return "\n\n".join(
        [
            "## Relaxation",
            f"Matrix-product peak of one core in the same run: {figures['peak_gflops']:.0f} GFLOP/s.",
            table(head, rows),
            "GFLOP/s count the input's product once and the recurrent ones at every step, over the whole time. The\n"
            "recurrent product of 784-512-10 is 512 x 10: its 10 columns fill 16 lanes, and 522 activations a step\n"
            "weigh half as much as the products.",
            f"One epoch of 60 000 samples, 784-256-256-10, batch 50, centered nudge of 0.5, SGD with momentum, on\n"
            f"{figures['epoch'][0]['images']}, {figures['epoch'][0]['batches']} batches trained; processor time of "
            "relaxing, learning and the optimizer:",
            table(
                ["form", "s per epoch", "of peak", "steps, free", "steps, nudged", "test accuracy after them"],
                [epoch_row(e) for e in figures["epoch"]],
            ),
            f"At the fixed steps of the map the recurrent products are {FIXED_TFLOP:.1f} TFLOP an epoch, "
            f"{FIXED_TFLOP * 1e3 / figures['peak_gflops']:.0f} s at this core's peak;\n"
            "alternating blocks need half of it for the same depth. Batches of fixed steps are all the same work;\n"
            "other work on the machine made their mean "
            + " and ".join(f"{e['mean_over_best_batch']:.2f}" for e in figures["epoch"] if e["mean_over_best_batch"])
            + " times the best one.\n"
            + aims(figures["epoch"]),
            "Noise, 784-256-256-10, batch 50:",
            table(
                ["noise", "times the noise-free time"],
                [[e["noise"], f"{e['times_noise_free']:.2f}"] for e in figures["noise"]],
            ),
            origin(kept),
        ]
    )


#: recurrent products of an epoch at 150 + 2 x 20 steps of the map, 784-256-256-10
FIXED_TFLOP = 60_000 * (150 + 2 * 20) * 2 * 2 * (256 * 256 + 256 * 10) / 1e12


def aims(epoch: list[dict[str, Any]]) -> str:
    """How far the aims for one core (20 s at fixed steps, 8 s stopped) were met, and what stands in the way."""
    fixed = min(e["seconds_per_epoch"] for e in epoch if e["mean_over_best_batch"])
    stopped = next(e["seconds_per_epoch"] for e in epoch if not e["mean_over_best_batch"])
    words = [
        f"{what} {'met' if took <= aim else f'missed by {100 * (took / aim - 1):.0f} %'} ({took:.1f} s of {aim} s)"
        for what, took, aim in (("fixed steps", fixed, 20), ("stopped", stopped, 8))
    ]
    return f"Aims for one core: {', '.join(words)}."


def convolution_section(kept: dict[str, Any]) -> str:
    rows = [
        [
            case["input"],
            case["channels"],
            case["pooling"],
            f"{case['ours_ms_a_sweep']:.1f}",
            f"{case['plain_ms_a_sweep']:.1f}",
            f"{case['plain_ms_a_sweep'] / case['ours_ms_a_sweep']:.1f}x",
        ]
        for case in kept["figures"]
    ]
    head = ["input", "channels", "pooling", "ms a sweep", "plain torch, ms", "ratio"]
    return "\n\n".join(
        [
            "## Convolution",
            "One alternating sweep, batch 50, one thread, processor time. Plain torch runs the same equations:\n"
            "`conv2d`, `avg_pool2d` and `conv_transpose2d`; with softmax pooling the feedback is a vector-Jacobian\n"
            "product. Both end in the same state to 2e-6.",
            table(head, rows),
            origin(kept),
        ]
    )


def epoch_section(kept: dict[str, Any]) -> str:
    figures = kept["figures"]
    rows = [
        [
            row["rule"],
            f"{row['s_one_thread']:.1f}",
            f"{row['s_two_threads']:.1f}",
            f"{row['two_threads_gain']:.2f}x",
            f"{row['times_backprop']:.1f}",
            f"{row['times_backprop_with_two']:.1f}",
        ]
        for row in figures["rows"]
    ]
    head = ["rule", "s, one thread", "s, two threads", "gain", "times backpropagation", "two threads, times its one"]
    return "\n\n".join(
        [
            "## An epoch beside backpropagation",
            f"Fashion-MNIST, 784-256-256-10, batch {figures['batch']}, AdamW; 60 000 images trained, 10 000 tested;\n"
            "seconds on the wall. Phases end for each sample at a residual of 3e-4. What these rules reach after\n"
            "twelve epochs: [reproduction](reproduction.md).",
            table(head, rows),
            origin(kept),
        ]
    )


def cuda_section(kept: dict[str, Any]) -> str:
    figures, words = kept["figures"], {True: "recorded", False: "launched"}
    speeds = [
        [
            case["network"].replace("cifar-", "128-256-512-512, ").replace("dense", "784-256-256-10"),
            str(case["batch"]),
            case["precision"],
            words[case["recorded"]],
            f"{case['sweeps_per_s']:.0f}",
            f"{case['tflops']:.2f}",
            f"{100 * case['share_of_peak']:.1f} %",
        ]
        for case in figures["speed"]
    ]
    steps = [
        [case["pooling"], case["precision"], f"{case['step_s']:.2f}", f"{case['epoch_s_extrapolated'] / 60:.0f}"]
        for case in figures["paper_step"]
    ]
    peak, equal, epoch = figures["peak"], figures["equality"], figures["epoch"]
    held = [
        [case["pooling"], str(case["batch"]), f"{case['peak_bytes'] / 1e9:.1f}", f"{case['estimate'] / 1e9:.1f}"]
        for case in figures["memory"]
    ]
    return "\n\n".join(
        [
            "## On a GPU",
            f"{figures['environment']['name']}, torch {figures['environment']['torch']}. Equal to the CPU in "
            f"{equal['cases'] - len(equal['beyond_tolerance'])} of {equal['cases']} cases\n(networks by rules by "
            "homeostasis; largest relative difference of errors, activities and gradients 1e-9 in float64,\n2e-3 in "
            "float32); recorded phases (CUDA graphs) give the bits of launched ones.",
            table(["network", "batch", "products", "phases", "sweeps/s", "TFLOP/s", "of peak"], speeds),
            f"Peak: the fastest matrix product in the same run, {peak['float32']:.0f} TFLOP/s in float32 and "
            f"{peak['tf32']:.0f} in TF32. Operations are\nthose computed: folded taps for average pooling, two "
            "convolutions per feedback for softmax pooling.",
            "The paper's training step, 250 + 2 x 40 sweeps at a batch of 50, none ending early, and what an epoch of "
            "50 000\nimages would take at that rate:",
            table(["pooling", "products", "s a step", "min an epoch, extrapolated"], steps),
            "Memory of a step with five Jacobian-vector draws, and the estimate that `train` makes before it starts:",
            table(["pooling", "batch", "GB at most", "estimate, GB"], held),
            f"One epoch of {epoch['images']} synthetic images of 3 x 32 x 32 by `equipoise train`'s own loop "
            f"(64-128-256, average pooling,\nAsymEP, batch 256, phases stopped at a residual of 2e-3): "
            f"{epoch['images_per_s']:.0f} images/s.",
            origin(kept),
        ]
    )


def epoch_row(case: dict[str, Any]) -> list[str]:
    accuracy = case["test_accuracy"]
    return [
        case["variant"],
        f"{case['seconds_per_epoch']:.1f}",
        f"{100 * case['share_of_peak']:.0f} %",
        f"{case['free_steps']:.1f}",
        f"{case['nudged_steps']:.1f}",
        "" if accuracy is None else f"{100 * accuracy:.1f} %",
    ]


#: other pages of figures, listed where they have been written
MORE = {
    "benchmarks_qubo.md": "the QUBO annealer against its peers",
    "loihi2_ep.md": "equilibrium propagation on Loihi 2 arithmetic",
    "reproduction.md": "reproduction on Fashion-MNIST",
}
SECTIONS = {
    "engine": engine_section,
    "spiking": spiking_section,
    "mapping": mapping_section,
    "qubo-million": million_section,
    "ep": ep_section,
    "epoch": epoch_section,
    "convolution": convolution_section,
    "cuda": cuda_section,
}
#: sections whose figures come from a script that prints JSON, not from `equipoise bench`
SCRIPTS = {
    "mapping": ["bench/mapping.py"],
    "spiking": ["bench/spiking.py"],
    "qubo-million": ["bench/qubo_million.py"],
    "convolution": ["bench/convolution.py"],
    "epoch": ["bench/epoch.py"],
}


def page() -> None:
    parts = [
        "# Benchmarks",
        "Every figure comes from a command or a script in `bench/`, on the machine named beside it; ratios are taken\n"
        "within one run. Absolute times are those of a shared virtual machine. This page is written by\n"
        "`bench/benchmarks.py`.\n\n"
        "More: "
        + ", ".join(f"[{text}]({name})" for name, text in MORE.items() if (ROOT / "docs" / name).exists())
        + ".",
    ]
    for name, section in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        if path.is_file():
            parts.append(section(json.loads(path.read_text())))
    (ROOT / "docs" / "benchmarks.md").write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["run"] and sys.argv[2:3] and sys.argv[2] in SECTIONS:
        run(sys.argv[2], sys.argv[3:])
    elif sys.argv[1:] == ["page"]:
        page()
    else:
        sys.exit(__doc__)
