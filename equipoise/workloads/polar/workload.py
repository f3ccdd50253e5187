"""Maximum-likelihood decoding of polar and PAC codes on an annealer.

A frame is a random code word sent as +1 and -1 with Gaussian noise of variance 10^(-snr/10); at rate 1/2 the ratio in
dB is Eb/N0. Every frame is annealed with the synapses of the code and its own fields. The host re-encodes each read
from the frame's most reliable bits (with flips of up to ``order`` of them) and keeps the most likely word: the control
``re-encoding alone`` gets the received signs in place of the reads, and nothing else.

Codes and sets: CRISP, Hebbar et al., ICML 2023. See docs/workloads.md for what came out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from equipoise.targets import Target
from equipoise.workloads.annealing import Annealed
from equipoise.workloads.interface import Control, Run, Score, Truth, Workload, check_sizes
from equipoise.workloads.pictures import draw_curves
from equipoise.workloads.polar.codes import Code, Words, find_code
from equipoise.workloads.polar.decoders import (
    LARGEST_EXHAUSTIVE,
    Frames,
    best_words,
    exhaustive,
    list_decode,
    ordered_statistics,
)
from equipoise.workloads.polar.qubo import LARGEST_FIELD, Factor, factor_graph
from equipoise.workloads.scores import bootstrap, share
from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.seeds import derive_seed

__all__ = ["PolarDecoding", "Received"]

LIST = 32  #: paths of the best classical decoder
DESIGN = 8  #: frames of a stream of their own from which the temperatures follow
MOST_FRAMES = 1_000_000


@dataclass(frozen=True, eq=False)
class Received:
    """A batch of frames.

    Attributes:
        snr: dB of each point; ``sigma`` (B,) the noise of each frame, ``point`` (B,) its index in ``snr``.
        sent: (B, N) code words.
        y: (B, N) received.
        design: (DESIGN, N) frames that only set the temperatures.
    """

    code: Code
    snr: tuple[float, ...]
    point: npt.NDArray[np.int64]
    sent: Words
    y: Frames
    design: Frames
    reads: int
    steps: int
    order: int

    def sigma(self, point: int) -> float:
        """Standard deviation of the noise at a point."""
        return float(10 ** (-self.snr[point] / 20))


class PolarDecoding(Workload):
    """See the module."""

    title = "maximum-likelihood decoding of polar and PAC codes"
    unit = "frame"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {},
        "pac": {"code": "pac-32-16"},
        "long": {"code": "polar-64-22", "snr": (-1.0, 0.0), "frames": 40, "reads": 64, "steps": 8000},
    }
    unsuitable: ClassVar[Mapping[str, str]] = {
        "lava-sim": "it does some hundred steps a second, a frame takes ten thousands; loihi2-sim gives the same bits"
    }

    def instance(
        self,
        seed: int,
        *,
        code: str = "polar-32-16",
        snr: tuple[float, ...] = (1.0, 2.0, 3.0),
        frames: int = 100,
        reads: int = 16,
        steps: int = 2000,
        order: int = 1,
    ) -> Received:
        """``frames`` at each ``snr`` in dB, each annealed ``reads`` times for ``steps``."""
        found = find_code(code)
        check_sizes(("frames", frames, 1, MOST_FRAMES), ("reads", reads, 1, 10_000), ("steps", steps, 1, 10**9))
        if not 0 <= order <= 2:
            raise InputError(f"order={order}: expected 0 to 2 flipped bits")
        if not snr or any(not -30 <= s <= 30 for s in snr) or len(set(snr)) < len(snr):
            raise InputError(f"snr={snr}: expected different values from -30 to 30 dB")
        received = Received(
            found, tuple(snr), np.repeat(np.arange(len(snr)), frames), np.zeros((0, 0), np.uint8), np.zeros((0, 0)),
            np.zeros((0, 0)), reads, steps, order,
        )  # fmt: skip
        parts = [self._send(seed, "polar frames", received, k, frames) for k in range(len(snr))]
        middle = self._send(seed, "polar design frames", received, len(snr) // 2, DESIGN)
        sent, y = (np.concatenate([part[i] for part in parts]) for i in (0, 1))
        return replace(received, sent=sent, y=y, design=middle[1])

    def _send(self, seed: int, name: str, received: Received, point: int, frames: int) -> tuple[Words, Frames]:
        # By the ratio itself: a point has the same frames whichever other points are asked for.
        rng = self.draw(seed, f"{name} {received.code.name} {received.snr[point]:g}")
        messages = rng.integers(0, 2, (frames, received.code.bits), dtype=np.uint8)
        sent = received.code.encode(messages)
        noise = rng.standard_normal(sent.shape)
        return sent, (1.0 - 2.0 * sent) + received.sigma(point) * noise

    def units(self, instance: Received) -> int:
        """Frames."""
        return len(instance.y)

    def truth(self, instance: Received) -> Truth:
        """Every word compared; beyond 22 message bits the best word that list decoding or the sender names."""
        code = instance.code
        if code.bits <= LARGEST_EXHAUSTIVE:
            return Truth(exhaustive(code, instance.y), f"all 2^{code.bits} words compared")
        listed, sent = self._listed(instance, LIST), instance.sent
        better = (likelihood(instance.y, sent) > likelihood(instance.y, listed))[:, None]
        return Truth(
            np.where(better, sent, listed),
            f"2^{code.bits} words are too many to compare; the likelier of the word sent and list decoding's",
            exact=False,
        )

    def _listed(self, instance: Received, paths: int) -> Words:
        found = np.empty_like(instance.sent)
        for k in range(len(instance.snr)):
            here = instance.point == k
            found[here] = list_decode(instance.code, instance.y[here], instance.sigma(k), paths)
        return found

    def program(self, instance: Received, target: Target) -> tuple[Annealed, Factor]:
        """The factor graph on ``target``, scaled for the largest fields; temperatures of the design frames."""
        factor = factor_graph(instance.code)
        # Odd, so that fields of one unit stay representable.
        widest = factor.base.linear.copy()
        np.add.at(widest, factor.code_bits[factor.code_bits >= 0], LARGEST_FIELD - 1)
        annealed = Annealed(target, replace(factor.base, linear=widest))
        annealed.settle_temperatures(factor.fields(instance.design))
        return annealed, factor

    def run(self, instance: Received, program: tuple[Annealed, Factor], seed: int) -> Run:
        """(B, reads, N) code bits as read."""
        annealed, factor = program
        ledger = Ledger()
        states = np.empty((len(instance.y), instance.reads, factor.base.num_variables), np.uint8)
        for b, linear in enumerate(factor.fields(instance.y)):
            own = derive_seed(seed, "polar frame", b) % 2**63
            states[b], spent = annealed.anneal(linear, steps=instance.steps, reads=instance.reads, seed=own)
            ledger.merge(spent)
        return Run(factor.words(states), ledger)

    def decode(self, instance: Received, states: Words) -> Words:
        """(B, N) the most likely word near the reads."""
        return best_words(instance.code, instance.y, states, instance.order)

    def controls(self, instance: Received) -> dict[str, Control]:
        """List decoding, successive cancellation, hard decisions, and the host's part without the annealer."""
        code, y = instance.code, instance.y
        flips = f"{instance.order} flip" + "s" * (instance.order != 1)
        return {
            f"list {LIST}": Control(
                "classical", f"successive cancellation with a list of {LIST}", lambda: self._listed(instance, LIST)
            ),
            "successive cancellation": Control("other", "one path", lambda: self._listed(instance, 1)),
            "ordered statistics 2": Control(
                "other", "the received signs re-encoded, every two flips", lambda: ordered_statistics(code, y, 2)
            ),
            "re-encoding alone": Control(
                "other", f"what the host does to reads, {flips}, done to the received signs",
                lambda: ordered_statistics(code, y, instance.order),
            ),
            "hard decisions": Control(
                "trivial", "the signs of the most reliable bits, re-encoded", lambda: ordered_statistics(code, y, 0)
            ),
        }  # fmt: skip

    def score(self, instance: Received, truth: Truth, answer: Words) -> dict[str, Score]:
        """Block error rates and, frame by frame, how often the word is as likely as the truth's."""
        wrong = (answer != instance.sent).any(axis=1)
        best = (truth.answer != instance.sent).any(axis=1)
        cancelled = (self._listed(instance, 1) != instance.sent).any(axis=1)
        as_likely = likelihood(instance.y, answer) >= likelihood(instance.y, truth.answer) - 1e-9
        found = {}
        for k, snr in enumerate(instance.snr):
            here = instance.point == k
            n = int(here.sum())
            target = 1.1 * float(best[here].mean()) if truth.exact else None
            found[f"block error rate, {snr:g} dB"] = Score(
                *share(int(wrong[here].sum()), n), target, of="block error rate", at=snr
            )
        for k, snr in enumerate(instance.snr):
            here = instance.point == k
            name = "as likely as the truth" if truth.exact else "as likely as the bound"
            found[f"{name}, {snr:g} dB"] = Score(
                *share(int(as_likely[here].sum()), int(here.sum())), 0.99, "higher", f"share {name}", snr
            )
            pair = np.stack([wrong[here], cancelled[here]], axis=1).astype(np.float64)
            found[f"errors over successive cancellation's, {snr:g} dB"] = Score(*bootstrap(pair, "ratio"), 1.0)
        return found

    def picture(self, axes: Any, tables: Mapping[str, list[dict[str, Any]]]) -> str:
        """Block error rates against the signal-to-noise ratio, logarithmic."""
        words = draw_curves(axes, tables["scores"], "block error rate", at="signal-to-noise ratio (dB)", log=True)
        axes.set_title("Block error rate, 95 % intervals")
        return words


def likelihood(y: Frames, words: Words) -> npt.NDArray[np.float64]:
    """(B,) correlation of each frame with a word; the most likely word has the largest."""
    return np.asarray((y * (1.0 - 2.0 * words)).sum(axis=-1))
