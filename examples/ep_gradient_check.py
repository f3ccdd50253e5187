"""The gradient of equilibrium propagation beside the true gradient: every estimator, at two nudges.

python examples/ep_gradient_check.py
"""

from __future__ import annotations

from equipoise.testing.rules import make_bench, relative_error
from learning_rules import Cauchy, Centered, Dyadic, FourPoint, OneSided, Rule, Tangent


def main() -> dict[str, tuple[float, float]]:
    bench = make_bench((20, 30, 20, 10), batch=8, seed=1)
    found: dict[str, tuple[float, float]] = {}
    print(f"{'rule':<28}{'against dv/dbeta':>18}{'against gradient':>18}")
    rules: list[Rule] = [
        rule(nudge=nudge, correction=correction)
        for correction in ("none", "asymep")
        for rule in (OneSided, Centered, FourPoint, Cauchy)
        for nudge in (0.5, 0.05)
    ]
    for rule in [*rules, Tangent(), Dyadic()]:
        errors = rule.estimate(bench.machine, bench.drive, bench.target, bench.phases, bench.free).errors
        name = " ".join(str(x) for x in (rule.name, getattr(rule, "nudge", ""), getattr(rule, "correction", "")))
        found[name] = relative_error(errors, bench.response), relative_error(errors, bench.adjoint)
        print(f"{name:<28}{found[name][0]:>18.1e}{found[name][1]:>18.1e}")
    return found


if __name__ == "__main__":
    main()
