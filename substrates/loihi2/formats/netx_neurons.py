"""Neurons of a netx file as models of ours, with the numbers that lava-dl's netx gives to Lava's processes.

| file | model |
| --- | --- |
| LOIHI, CUBA | LIF: du = iDecay - 1, dv = vDecay, vth = vThMant, bias_mant = bias, bias_exp = 6 |
| SDNN | Delta at the input, Sigma with the key sigma_output, else SigmaDelta; spike_exp 6 unless told, state_exp 6 |
| none | LIF that sums for ever and never spikes |

refDelay, gradedSpike and the old keys theta, wgtExp, tauRho, scaleRho have no effect there, and none here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hw_profiles.errors import InputError
from substrates.loihi2.formats.netx_groups import NetxGroup
from substrates.loihi2.neurons.base import Neuron
from substrates.loihi2.neurons.delta import Delta
from substrates.loihi2.neurons.lif import LIF, NEVER
from substrates.loihi2.neurons.sigma import Sigma
from substrates.loihi2.neurons.sigma_delta import SigmaDelta

__all__ = ["LACKING", "NEURONS", "netx_neuron"]

BIAS_EXPONENT = 6
STATE_EXPONENT = 6

#: neurons that files name and that are not here -> the nearest that is
LACKING = {
    "ALIF": "a LIF (CUBA) without the adapting threshold",
    "RF_PHASE": "the neuron RF, by hand",
    "RF_IZHIKEVICH": "the neuron RFIzhikevich, by hand",
    "ADRF_PHASE": "the neuron RF, by hand",
    "ADRF_IZHIKEVICH": "the neuron RFIzhikevich, by hand",
}


def _lif(group: NetxGroup, bias: Any, is_input: bool, spike_exp: int) -> Neuron:
    threshold = group.number("vThMant")
    return LIF(
        du=group.number("iDecay") - 1,
        dv=group.number("vDecay"),
        vth=min(threshold, NEVER),
        bias_mant=bias,
        bias_exp=BIAS_EXPONENT,
    )


def _sdnn(group: NetxGroup, bias: Any, is_input: bool, spike_exp: int) -> Neuron:
    if is_input:
        return Delta(vth=group.number("vThMant"), spike_exp=spike_exp, state_exp=STATE_EXPONENT)
    if "sigma_output" in group:
        return Sigma()
    return SigmaDelta(
        vth=group.number("vThMant"), bias=bias, activation="relu", spike_exp=spike_exp, state_exp=STATE_EXPONENT
    )


#: type in the file -> (its group, bias per neuron or 0, is it the input, spike_exp) -> model
NEURONS: dict[str, Callable[[NetxGroup, Any, bool, int], Neuron]] = {"LOIHI": _lif, "CUBA": _lif, "SDNN": _sdnn}


def netx_neuron(group: NetxGroup | None, bias: Any, *, is_input: bool, spike_exp: int) -> Neuron:
    """The model of one layer's neurons; ``group`` is None where the file gives none.

    Raises:
        InputError: a number is out of range, or the neuron has no bias and the file has one.
    """
    if group is None:
        return LIF(du=-1, dv=4096, vth=NEVER, bias_mant=bias, bias_exp=BIAS_EXPONENT)
    try:
        model = NEURONS[group.text("type")](group, bias, is_input, spike_exp)
    except InputError as error:
        raise error if str(error).startswith(group.place) else InputError(f"{group.place}: {error}") from None
    if isinstance(model, Sigma) and not (isinstance(bias, int) and bias == 0):
        raise InputError(f"{group.place}: a sigma output has no bias, the file gives one")
    return model
