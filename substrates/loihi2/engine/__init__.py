"""The engine: any program, step by step, on the CPU, every event counted."""

from substrates.loihi2.engine.engine import Engine, Probe, Run, StateOverflowError

__all__ = ["Engine", "Probe", "Run", "StateOverflowError"]
