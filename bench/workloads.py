"""Every workload on machines side by side, five seeds: fills the tables of docs/workloads.md.

    python bench/workloads.py [--seeds 5] [--targets loihi2-sim,analog,...] [--only NAME] [--write]

Seeds from 100 on; settings were chosen on others. Runs are kept in bench/results/workloads.jsonl and not repeated.
``--write`` puts the tables between the marks of docs/workloads.md; without it they are printed.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from equipoise.workloads import WORKLOADS, run_workload
from equipoise.workloads.scores import mean_interval

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "bench" / "results" / "workloads.jsonl"
PAGE = ROOT / "docs" / "workloads.md"
FIRST = 100
#: sizes other than the small one that have a table, on the usual machine
LARGER = ("polar-decoding/pac", "polar-decoding/long", "pareto-qubo/large", "inversion/steep")
#: (workload, machine, seed) -> who answered -> role, scores, targets, joules, seconds
Runs = dict[tuple[str, str, int], dict[str, Any]]


def machines(name: str) -> dict[str, Any]:
    """Of a workload, whose size may follow a stroke."""
    return WORKLOADS[name.partition("/")[0]].machines()


def answers(name: str, target: str, seed: int) -> dict[str, Any]:
    """One run: every answer's scores and what it cost."""
    workload, _, size = name.partition("/")
    result = run_workload(workload, target=target, size=size or "small", seed=seed)
    return {
        who: {
            "role": answer.role,
            "scores": {score: value.value for score, value in answer.scores.items()},
            "targets": {score: [value.target, value.better] for score, value in answer.scores.items()},
            "joules": [answer.energy.value, answer.energy.low, answer.energy.high],
            "seconds": answer.latency.value,
        }
        for who, answer in result.answers.items()
    }


def kept() -> dict[tuple[str, str, int], dict[str, Any]]:
    if not KEPT.is_file():
        return {}
    rows = (json.loads(line) for line in KEPT.read_text().splitlines())
    return {(row["workload"], row["target"], row["seed"]): row["answers"] for row in rows}


def measure(names: Iterable[str], targets: Iterable[str], seeds: int) -> dict[tuple[str, str, int], dict[str, Any]]:
    """What is kept, and what is missing of what is asked for."""
    known = kept()
    for name in names:
        for target in targets:
            if target not in machines(name):
                continue
            for seed in range(FIRST, FIRST + seeds):
                if (name, target, seed) in known:
                    continue
                known[name, target, seed] = answers(name, target, seed)
                row = {"workload": name, "target": target, "seed": seed, "answers": known[name, target, seed]}
                with KEPT.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    return known


def table(name: str, runs: Runs) -> str:
    """Markdown: machines first, then the controls; means and 95 % intervals over seeds."""
    found: dict[str, list[dict[str, Any]]] = {}
    usual = next(iter(machines(name)))
    for (workload, target, _), row in sorted(runs.items()):
        if workload != name:
            continue
        for who, answer in row.items():
            if who == target or target == usual:  # the controls of one machine's runs, which are those of all
                found.setdefault(who, []).append(answer)
    order = {"classical": 1, "other": 2, "trivial": 3, "truth": 4}
    who = sorted(found, key=lambda w: order.get(found[w][0]["role"], 0))
    scores = list(next(iter(found.values()))[0]["scores"])[:3]
    lines = ["| | " + " | ".join(_head(found, score) for score in scores) + " | J | s |"]
    lines.append("|---|" + "---|" * (len(scores) + 2))
    for each in who:
        cells = [_mean([a["scores"].get(score, math.nan) for a in found[each]]) for score in scores]
        lines.append(f"| {each} | " + " | ".join(cells) + f" | {_joules(found[each])} | {_seconds(found[each])} |")
    return "\n".join(lines)


def summary(runs: Runs) -> str:
    """Markdown: every workload on every machine, by its headline, beside the classical method of least energy.

    That is of the classical methods that reach the workload's target; of all, where none does or there is no target.
    Ratios are geometric means over seeds; their ranges are those of the prices.
    """
    lines = [
        "| workload | machine | headline | machine | classical | target met | J, over the classical | s, over it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    by_machine: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for (name, target, seed), row in sorted(runs.items()):
        usual = runs.get((name, next(iter(machines(name))), seed), row)
        controls = {who: answer for who, answer in usual.items() if answer["role"] != "machine"}
        by_machine.setdefault((name, target), []).append({target: row[target], **controls})
    for (name, target), rows in by_machine.items():
        head = next(iter(rows[0][target]["scores"]))
        best = min(_classical(rows, head), key=lambda who: statistics.mean(r[who]["joules"][0] for r in rows))
        wanted = [r[target]["targets"][head][0] for r in rows]
        met = sum(_met(r[target], head) for r in rows)
        ours, theirs = ([r[who]["scores"][head] for r in rows] for who in (target, best))
        (a, low_a, high_a), (b, low_b, high_b) = (
            [statistics.geometric_mean(r[who]["joules"][k] for r in rows) for k in range(3)] for who in (target, best)
        )
        seconds = statistics.geometric_mean(r[target]["seconds"] / r[best]["seconds"] for r in rows)
        energy = f"{a / b:.2g} ({low_a / high_b:.1g} to {high_a / low_b:.1g})"
        reached = "" if None in wanted else f"{met} of {len(rows)}"
        lines.append(
            f"| {name} | {target} | {head} | {_mean(ours)} | {best}: {_mean(theirs)} | "
            f"{reached} | {energy} | {seconds:.2g} |"
        )
    return "\n".join(lines)


def _classical(rows: list[dict[str, Any]], head: str) -> list[str]:
    """The classical methods that reach the target on every seed; all of them where none does."""
    every = [who for who, answer in rows[0].items() if answer["role"] == "classical"]
    return [who for who in every if all(_met(row[who], head) for row in rows)] or every


def _met(answer: dict[str, Any], head: str) -> bool:
    wanted, better = answer["targets"][head]
    value = answer["scores"][head]
    return wanted is not None and bool(value <= wanted if better == "lower" else value >= wanted)


def _head(found: dict[str, list[dict[str, Any]]], score: str) -> str:
    wanted, better = next(iter(found.values()))[0]["targets"][score]
    sign = "at most" if better == "lower" else "at least"
    alike = {row["targets"][score][0] for row in next(iter(found.values()))} == {
        wanted
    }  # else each instance has its own
    return score if wanted is None or not alike else f"{score} ({sign} {round(wanted, 6):g})"


def _mean(values: list[float]) -> str:
    if any(math.isnan(value) for value in values):
        return ""
    value, low, high = mean_interval(values)
    half = (high - low) / 2
    return f"{value:.4g}" if not half > 1e-9 else f"{value:.4g} ± {half:.2g}"


def _joules(rows: list[dict[str, Any]]) -> str:
    known = [row["joules"] for row in rows if row["joules"][0] is not None]
    if not known:
        return ""
    value, low, high = (sum(part) / len(known) for part in zip(*known))
    return f"{value:.2g} ({low:.1g} to {high:.1g})"


def _seconds(rows: list[dict[str, Any]]) -> str:
    known = [row["seconds"] for row in rows if row["seconds"] is not None]
    return f"{sum(known) / len(known):.2g}" if known else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--targets", default="loihi2-sim,analog,p-bits,cpu,resistor-grid,error-units,primal-dual")
    parser.add_argument("--only", default="")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    names = [given.only] if given.only else [*WORKLOADS, *LARGER]
    runs: Runs = {}
    for name in names:
        wanted = [next(iter(machines(name)))] if "/" in name else given.targets.split(",")
        runs |= measure([name], wanted, given.seeds)
    page = PAGE.read_text() if PAGE.is_file() else ""
    texts = {name: table(name, runs) for name in names} | {"summary": summary(runs)}
    for name, text in texts.items():
        print(f"{name}\n\n{text}\n")
        mark = re.escape(f"<!-- {name} -->")
        page = re.sub(
            rf"({mark}\n).*?(\n{mark})", lambda m, text=text: f"{m[1]}\n{text}\n{m[2]}", page, flags=re.DOTALL
        )
    if given.write:
        PAGE.write_text(page)


if __name__ == "__main__":
    main()
