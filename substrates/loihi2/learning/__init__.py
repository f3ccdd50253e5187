"""The learning engine: synapses that change by sums of products of spikes, traces and synaptic variables."""

from substrates.loihi2.learning.draws import Draws
from substrates.loihi2.learning.rule import LearningRule
from substrates.loihi2.learning.synapses import LearningDense, LearningSparse, LearningSynapses, SpikeUse

__all__ = ["Draws", "LearningDense", "LearningRule", "LearningSparse", "LearningSynapses", "SpikeUse"]
