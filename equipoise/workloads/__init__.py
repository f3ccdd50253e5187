"""Workloads with a known truth: uses of relaxing hardware whose exact answer can be computed without it.

    equipoise workload list
    equipoise workload run polar-decoding --target loihi2-sim --size small --seed 1 --out run.h5

**To add one** write a class with the members of `Workload` in one file, here or anywhere else:

    class Doubling(Workload):
        title = "doubling a number"
        unit = "number"
        sizes = {"small": {}, "large": {"count": 1000}}     # name -> arguments of `instance`

        def instance(self, seed, *, count: int = 10): ...    # draws the numbers; `self.draw(seed)` is its stream
        def truth(self, instance): ...                       # Truth(answer, how): never by our own solver
        def program(self, instance, target): ...             # compiled once for one target
        def run(self, instance, program, seed): ...          # Run(states, ledger): what the machine did, and its counts
        def decode(self, instance, states): ...              # what the host makes of it: an answer
        def controls(self, instance): ...                    # Control("classical", ...) and Control("trivial", ...)
        def score(self, instance, truth, answer): ...        # {name: Score(value, low, high, target)}

An answer is whatever `decode`, the truth and the controls give alike; `score` is the same for all of them. What
`instance` takes is checked there, and reaches users as ``--size large,count=50``. A program that is a QUBO uses
`equipoise.workloads.annealing.Annealed`; a machine that is in no table of targets is offered by overriding `machines`.
`equipoise.testing.check_workload` proves it. Use it as ``path.py:Doubling``, by an entry point of the group
``equipoise.workloads``, or by a line in `equipoise.workloads.registry`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from equipoise.workloads.interface import Control, Run, Score, Truth, Workload
    from equipoise.workloads.registry import WORKLOADS
    from equipoise.workloads.running import WorkloadResult, run_workload

__all__ = ["WORKLOADS", "Control", "Run", "Score", "Truth", "Workload", "WorkloadResult", "run_workload"]

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "equipoise.workloads.interface": ("Control", "Run", "Score", "Truth", "Workload"),
        "equipoise.workloads.registry": ("WORKLOADS",),
        "equipoise.workloads.running": ("WorkloadResult", "run_workload"),
    },
)
