"""A network trained with snnTorch on digits, through NIR onto Loihi 2's integers: accuracy before and after rounding.

Pixels are spike rates. snnTorch trains (surrogate gradients, reset to zero, which is what NIR says) and its own
exporter writes the graph. Where snnTorch is not installed the same equations are trained in torch and the graph is
written here.

python examples/nir_network.py [epochs] [graph.nir]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import nir
import numpy as np
import torch

from equipoise.network_run import run_network
from equipoise.training.datasets import load_dataset
from substrates.loihi2.formats import from_nir

DT, BETA, STEPS, HIDDEN = 1e-4, 0.9, 25, 64


class Spike(torch.autograd.Function):
    """1 above 0; its gradient is that of a fast sigmoid."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).float()

    @staticmethod
    def backward(ctx, gradient):
        return gradient / (1 + 25 * ctx.saved_tensors[0].abs()) ** 2


class Leaky(torch.nn.Module):
    """v <- beta v + x;  spike and v <- 0 if v > 1: snnTorch's Leaky(reset_mechanism="zero", reset_delay=False)."""

    def forward(self, x, v):
        v = BETA * v + x
        spike = Spike.apply(v - 1)
        return spike, v * (1 - spike)


def network():
    """(layers, made with snnTorch)"""
    linear = [torch.nn.Linear(64, HIDDEN, bias=False), torch.nn.Linear(HIDDEN, 10, bias=False)]
    try:
        import snntorch
    except ImportError:
        return torch.nn.Sequential(linear[0], Leaky(), linear[1], Leaky()), False
    leaky = [snntorch.Leaky(beta=BETA, reset_mechanism="zero", reset_delay=False) for _ in range(2)]
    return torch.nn.Sequential(linear[0], leaky[0], linear[1], leaky[1]), True


def counts(net, spikes):
    """Spikes of the output (samples, 10) for spikes (steps, samples, 64)."""
    v = [torch.zeros(spikes.shape[1], HIDDEN), torch.zeros(spikes.shape[1], 10)]
    total = torch.zeros(spikes.shape[1], 10)
    for now in spikes:
        hidden, v[0] = net[1](net[0](now), v[0])
        out, v[1] = net[3](net[2](hidden), v[1])
        total = total + out
    return total


def export(net, with_snntorch):
    if with_snntorch:
        import snntorch
        from snntorch.export_nir import export_to_nir

        def leaky(n):  # the exporter runs a sequence, whose neurons keep their own state and have a size
            options = {"reset_mechanism": "zero", "reset_delay": False, "init_hidden": True}
            return snntorch.Leaky(beta=torch.full((n,), BETA), threshold=torch.ones(n), **options)

        chain = [net[0], leaky(HIDDEN), net[2], leaky(10)]
        return export_to_nir(torch.nn.Sequential(*chain), torch.zeros(1, 64), ignore_dims=[0])
    nodes = {"input": nir.Input(np.array([64])), "output": nir.Output(np.array([10]))}
    names = ["input"]
    for k, n in ((0, HIDDEN), (2, 10)):
        one = np.ones(n)
        nodes[f"{k}"] = nir.Linear(net[k].weight.detach().numpy())
        nodes[f"{k + 1}"] = nir.LIF(DT / (1 - BETA) * one, one / (1 - BETA), 0 * one, one, 0 * one)
        names += [f"{k}", f"{k + 1}"]
    return nir.NIRGraph(nodes, list(zip(names, [*names[1:], "output"], strict=True)))


def main(epochs: int = 8, path: str | None = None) -> dict[str, float]:
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = load_dataset("digits").flattened()
    net, with_snntorch = network()
    print(
        "trained with snnTorch" if with_snntorch else "snnTorch is not installed: trained with its equations in torch"
    )
    generator = torch.Generator().manual_seed(1)

    def encode(images):
        return (torch.rand((STEPS, *images.shape), generator=generator) < images).float()

    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3)
    for _ in range(epochs):
        for index in torch.randperm(len(data.train_targets), generator=generator).split(64):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(
                counts(net, encode(data.train_inputs[index].float())), data.train_targets[index]
            )
            loss.backward()
            optimizer.step()
    spikes = encode(data.test_inputs.float())
    labels = data.test_targets.numpy()
    with torch.no_grad():
        found = {"framework": float((counts(net, spikes).argmax(1).numpy() == labels).mean())}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(path or Path(folder) / "digits.nir")
        nir.write(file, export(net, with_snntorch))
        inputs = spikes.numpy().transpose(1, 0, 2).astype(np.int64)
        print(f"in the framework:                    {100 * found['framework']:.2f} %")
        for connections in (1, 2):
            result = run_network(from_nir(file, dt=DT, connections=connections), inputs=inputs, labels=labels)
            found["float"], found[f"loihi2-sim {connections}"] = result.float_accuracy, result.accuracy
            bits = {1: "8-bit weights", 2: "14-bit weights, two connections"}[connections]
            print(f"loihi2-sim, {bits}: {100 * result.accuracy:.2f} % (before rounding {100 * found['float']:.2f} %)")
    return found


if __name__ == "__main__":
    main(*(int(a) if a.isdigit() else a for a in sys.argv[1:]))
