"""The same problem on bit-accurate Loihi 2 (both schemes) and on a perfect and an imperfect analog annealer."""

from equipoise.qubo import solve
from equipoise.qubo.generators import mis
from substrates.analog.imperfections.parameters import ChipParameters

problem = mis(nodes=150, density=0.1, seed=3).problem
imperfect = {"chip": ChipParameters(gain_mismatch=0.1, conductance_mismatch=0.05), "instance": 7}
runs = {
    "Loihi 2, two-phase": ("loihi2-sim", "two-phase", {}),
    "Loihi 2, refractory": ("loihi2-sim", "refractory", {}),
    "analog, perfect chip": ("analog", "two-phase", {}),
    "analog, chip 7": ("analog", "two-phase", imperfect),
}
print(f"{'':22}{'best':>6}{'energy':>12}{'latency':>12}")
for name, (target, scheme, options) in runs.items():
    s = solve(problem, target, scheme, steps=5000, reads=2, seed=0, options=options)
    energy, latency = (f"{e.value:.2g}" if e.value is not None else "?" for e in (s.energy, s.latency))
    print(f"{name:22}{s.best_cost:>6}{energy:>10} J{latency:>10} s")
