"""Fair lotteries over matchings when merits are uncertain: the linear program, its fairness rows, and its exact answer.

n individuals, m resources with capacities c. The merit of i at k is normal with mean mu_ik and deviation s_ik, so i
deserves k more than j does with probability p_k(i > j) = Phi((mu_ik - mu_jk) / sqrt(s_ik^2 + s_jk^2)). A lottery x, the
chance x_ik of i to get k, maximises the merit sum_ik u_ik x_ik, u = mu - min(mu) + 0.1, with

    sum_k x_ik <= 1,  sum_i x_ik <= c_k,  x >= 0
    phi p_k(i > j) x_jk <= sum over the k' that i likes at least as much as k of x_ik'       for all i != j and k

"whoever deserves more is as well served": the marginal form of fairness under uncertainty after Devic et al.
"Fairness in matching under uncertainty" (ICML 2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Market", "random_market"]

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Market:
    """One instance.

    Attributes:
        utility: (n, m) what a match is worth.
        rows: (constraints, n m) fairness: rows x <= 0.
        capacity: (m,) places.
    """

    utility: F64
    rows: F64
    capacity: npt.NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        return self.utility.shape[0], self.utility.shape[1]

    @classmethod
    def of(cls, mean: F64, deviation: F64, liking: F64, capacity: npt.NDArray[np.int64], phi: float) -> Market:
        """From merits, their deviations, and how much (n, m) each likes each resource."""
        from scipy.stats import norm  # late: a quarter of a second

        n, m = mean.shape
        spread = np.sqrt(deviation[:, None] ** 2 + deviation[None] ** 2)
        deserves = norm.cdf((mean[:, None] - mean[None]) / spread)  # (i, j, k)
        rows = np.zeros((n, n, m, n, m))
        i, j, k = np.ogrid[:n, :n, :m]
        rows[i, j, k, j, k] = phi * deserves
        liked = liking[:, None, :] >= liking[:, :, None]  # (i, k, k'): i likes k' at least as much as k
        for who in range(n):
            rows[who, :, :, who, :] -= liked[who][None]
        different = ~np.eye(n, dtype=bool)
        return cls(mean - mean.min() + 0.1, rows[different].reshape(-1, n * m), capacity)

    def worth(self, lottery: F64) -> float:
        """Expected utility."""
        return float((self.utility * lottery).sum())

    def unfairness(self, lottery: F64) -> float:
        """The largest violation of a fairness row, zero where there is none."""
        return max(float((self.rows @ lottery.ravel()).max(initial=0.0)), 0.0)

    def best(self, *, fair: bool = True) -> F64:
        """(n, m) the exact lottery, by linear programming (HiGHS)."""
        from scipy.optimize import linprog  # late: half a second

        n, m = self.shape
        rows = np.concatenate([np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
        bounds = np.concatenate([np.ones(n), self.capacity])
        if fair:
            rows, bounds = np.concatenate([rows, self.rows]), np.concatenate([bounds, np.zeros(len(self.rows))])
        found = linprog(-self.utility.ravel(), A_ub=rows, b_ub=bounds, bounds=(0, 1), method="highs")
        return np.asarray(found.x, np.float64).reshape(n, m)


def random_market(
    rng: np.random.Generator, people: int, phi: float, off: tuple[np.random.Generator, float] | None = None
) -> Market:
    """As many resources as people, one place each: common quality, own merits, tastes that partly agree.

    Args:
        off: whose normal numbers times what the means of all merits are off by: the same market as somebody sees it who
            does not know them exactly.
    """
    shape = (people, people)
    mean = rng.normal(size=(people, 1)) + 0.5 * rng.normal(size=shape)
    deviation = rng.uniform(0.2, 1.0, shape)
    liking = rng.normal(size=shape) + 0.7 * rng.normal(size=people)
    if off is not None:
        mean = mean + off[1] * off[0].normal(size=shape)
    return Market.of(mean, deviation, liking, np.ones(people, np.int64), phi)
