"""Counts under NeuroBench's names and in the form of its results (a flat dict; one nested one for synaptic operations).

NeuroBench counts per inference; give ``samples`` to divide. A message of a graded or integer neuron times a weight is
an effective MAC; a binary message is an effective AC.
"""

from __future__ import annotations

from typing import Any

from hw_profiles.ledger import Event, Ledger

__all__ = ["neurobench_results"]


def neurobench_results(
    ledger: Ledger,
    *,
    samples: int = 1,
    footprint: int | None = None,
    connection_sparsity: float | None = None,
    dense_operations: int | None = None,
    binary_messages: bool = False,
    **quality: float,
) -> dict[str, Any]:
    """NeuroBench's result dict.

    Args:
        ledger: counts of the run.
        samples: inferences in the run.
        footprint: bytes of parameters and state.
        connection_sparsity: fraction of stored weights that are zero.
        dense_operations: operations per sample if nothing were sparse.
        binary_messages: messages carry no value, so that a synaptic operation is an accumulate.
        quality: task metrics to put first, such as ``ClassificationAccuracy``.
    """
    operations = ledger.total(Event.SYNAPTIC_OPERATIONS) + ledger.total(Event.CELL_READS)
    macs = ledger.total(Event.MACS) + (0 if binary_messages else operations)
    acs = ledger.total(Event.ACS) + (operations if binary_messages else 0)
    active = ledger.total(Event.NEURON_UPDATES_ACTIVE)
    updates = active + ledger.total(Event.NEURON_UPDATES_INACTIVE)
    result: dict[str, Any] = dict(quality)
    if footprint is not None:
        result["Footprint"] = footprint
    if connection_sparsity is not None:
        result["ConnectionSparsity"] = connection_sparsity
    if updates:
        result["ActivationSparsity"] = 1.0 - active / updates
    synaptic = {"Effective_MACs": macs / samples, "Effective_ACs": acs / samples}
    if dense_operations is not None:
        synaptic["Dense"] = dense_operations
    result["SynapticOperations"] = synaptic
    if updates:
        result["MembraneUpdates"] = updates / samples
    return result
