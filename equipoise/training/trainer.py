"""The trainer: data through a machine, rule by rule of the learner, epoch by epoch, kept as it goes."""

from __future__ import annotations

import json
import secrets
import time
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from equipoise.run import Run
from equipoise.training.build import make_learner, make_network, make_optimizer
from equipoise.training.callbacks import Callback, listeners
from equipoise.training.checkpoint import load_checkpoint, restore_machine, save_checkpoint
from equipoise.training.config import TrainConfig
from equipoise.training.datasets import Split, load_dataset
from equipoise.training.datasets.base import some
from equipoise.training.devices import place_network, require_device
from equipoise.training.evaluate import accuracy, gradient_cosine, response_to_noise
from equipoise.training.machines import make_machine, place_machine
from equipoise.training.result import TrainResult
from equipoise.training.team import Team, under_torchrun
from hw_profiles.arguments import checked
from hw_profiles.errors import InputError, Interrupted
from hw_profiles.interrupts import held
from hw_profiles.ledger import Event, Ledger, Phase
from hw_profiles.output import Output
from hw_profiles.per_sample import INFERENCE, PROBE, TEST, TRAINING_SAMPLE, in_phase, shares
from hw_profiles.reading import reading
from learning_rules import Learner, LearnerState, symmetry, weight_angle
from substrates.network import Dense
from substrates.seeds import stream
from substrates.threads import using_threads

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from equipoise.training.datasets.base import Inputs
    from hw_profiles.record import Record
    from substrates.base import RelaxationSubstrate
    from substrates.network import Network

__all__ = ["train"]

#: settings that may differ between a run and its resumption
_FREE = {"out", "checkpoint", "resume", "force", "data_dir", "patience", "profile", "target", "threads"}

#: share of the training samples held out where an early stop needs one and no other is given
_HELD_OUT = 0.1


@checked
def train(
    config: TrainConfig,
    progress: Callback | Iterable[Callback] | None = None,
    *,
    data: Split | None = None,
    network: Network | None = None,
    machine: RelaxationSubstrate | None = None,
) -> TrainResult:
    """Train a network on a machine and return the learning curve.

    Same configuration, same bits, for any number of threads: these share the rows of a relaxation, torch itself is held
    to one while training, and batches come from a seeded stream. Several processes: see `equipoise.training.team`.
    A run that is interrupted (Ctrl-C, SIGTERM) keeps a readable record of the epochs done, with status
    ``interrupted``, and then raises, so that a script ends too. ``resume`` goes on from the last whole epoch, after a
    kill as well, and ends with the same bits.

    Args:
        config: what to do.
        progress: a callback, or several: see `equipoise.training.Callback`.
        data: instead of ``config.dataset``; ``config.dataset`` is then only a name.
        network: instead of the layered network of the configuration (flat or image input as its shape says).
        machine: instead of the target's; must hold ``network``.

    Raises:
        InputError: something in the configuration, the data or the checkpoint cannot be used. Nothing was written.
        Interrupted: a `KeyboardInterrupt` whose ``result`` is what this function would have returned.
    """
    import torch

    told = listeners(progress)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            under_torchrun(config.processes, device=config.device) as team,
            using_threads(config.threads or team.threads),
        ):
            return _Training.prepare(config, data, network, machine, team).go(told)
    finally:
        torch.set_num_threads(threads)


@dataclass
class _Training:
    """Training in progress."""

    team: Team
    run: Run
    config: TrainConfig
    data: Split
    network: Network
    machine: RelaxationSubstrate
    learner: Learner
    optimizer: Any
    scheduler: Any
    state: LearnerState
    history: list[dict[str, Any]]
    best: dict[str, Any]
    samples: dict[str, int]  #: how many the counts stand for, see hw_profiles.per_sample
    name: str = ""  #: the run's own, in record and checkpoint
    checkpoint: Output | None = None

    @classmethod
    def prepare(
        cls,
        config: TrainConfig,
        data: Split | None,
        network: Network | None,
        machine: RelaxationSubstrate | None,
        team: Team,
    ) -> _Training:
        """Check and build everything before any work."""
        run = Run.prepare(
            config.target,
            "network",
            profile=config.profile,
            out=config.out if team.leads else None,
            also={"checkpoint": config.checkpoint_path if team.leads else None},
            force=config.force,
            goes_on=("out", "checkpoint") if config.resume else (),
            machine=machine,
        )
        target = run.choice.target
        split = load_dataset(config.dataset, config.data_dir) if data is None else data
        if not config.augment and split.augment is not None:
            split = replace(split, augment=None)
        if config.conv if network is None else len(network.input_shape) == 3:
            split = split.as_images()
        else:
            split = split.flattened()
        split = split.limited(config.train_samples, config.test_samples)
        split = split.holding_out(config.validation or (_HELD_OUT if config.patience else 0.0))
        config = config.resolved(target, split.train_inputs[0].numel(), split.classes, split.recipe)
        if network is None:
            network = make_network(config, split.input_shape, split.classes)
        device = place_network(network, config)
        split = split.on(device)
        if machine is None:
            machine = make_machine(target, network, config.chip, config.seed)
            if hasattr(machine, "readings"):
                machine.readings = config.readings
            elif config.readings > 1:
                raise InputError(f"--readings {config.readings}: nothing is averaged on {config.target}; leave it out")
            require_device(machine, device)
            if hasattr(machine, "precision"):
                machine.precision = config.precision
        if machine.network is not network:
            raise InputError("the machine holds another network than the one to train")
        if tuple(network.input_shape) != split.input_shape:
            raise InputError(f"the network takes {tuple(network.input_shape)}, the data has {split.input_shape}")
        if config.biased and any(network.recurrent_couplings()):
            warnings.warn(
                "forward and backward weights differ and nothing corrects the gradient for it; leave the homeostasis "
                "to the target, or use --correction asymep, --homeostasis or --tied",
                stacklevel=4,
            )
        learner = make_learner(config, machine)
        learner.check(machine)
        team.check(learner, machine)
        batches = -(-len(split.train_targets) // config.batch_size)
        optimizer, scheduler = make_optimizer(config, network, config.epochs * batches)
        place_machine(machine)
        training = cls(
            team,
            run,
            config,
            split,
            network,
            machine,
            learner,
            optimizer,
            scheduler,
            learner.init(),
            [],
            {},
            {TRAINING_SAMPLE: 0, INFERENCE: 0},
        )
        training.resume()
        return training

    @property
    def identity(self) -> dict[str, Any]:
        """Settings a resumed run must share."""
        return {k: v for k, v in self.config.as_dict().items() if k not in _FREE} | {"on": self.run.choice.resolved}

    def resume(self) -> None:
        """Take over what the checkpoint holds, where asked to, and make sure of both files."""
        self.team.agree(self.identity)
        path, saved = self.config.checkpoint_path if self.team.leads else None, None
        if path is not None:
            if self.config.resume:
                saved = load_checkpoint(path, self.identity)
            self.checkpoint = Output(path, force=self.config.force, mine=lambda _: saved is not None)
        saved = self.team.tell(saved)
        self.name = secrets.token_hex(8) if saved is None else saved.get("run", "") or secrets.token_hex(8)
        if saved is not None:
            self._take_over(saved)

    def _take_over(self, saved: dict[str, Any]) -> None:
        prices = self.run.profile
        timed = saved["ledger"].total(Event.WALL_NANOSECONDS) > 0
        if saved["history"] and timed != (prices.kind == "processor"):
            raise InputError(
                f"the run to go on with was {'timed' if timed else 'not timed'}, and the profile {prices.name} "
                f"prices {'counts' if timed else 'time'}; resume with the profile it began with, price the record "
                "again afterwards"
            )
        with reading(
            str(self.config.checkpoint_path), "checkpoint of this run", "resume with the same settings, or remove it"
        ):
            self.network.load_state_dict(saved["network"])
            fused = [group.get("fused") for group in self.optimizer.param_groups]
            self.optimizer.load_state_dict(saved["optimizer"])
            for group, own in zip(self.optimizer.param_groups, fused, strict=True):
                if "fused" in group:  # how a step is computed is this process's affair
                    group["fused"] = own
            if self.scheduler is not None:
                self.scheduler.load_state_dict(saved["scheduler"])
            restore_machine(self.machine, saved["machine"])
        self.state, self.run.ledger = saved["learner"], saved["ledger"]
        self.history, self.best = saved["history"], saved["best"]
        self.run.work_s = sum(row["seconds"] for row in self.history)
        self.samples = {
            TRAINING_SAMPLE: len(self.history) * len(self.data.train_targets),
            INFERENCE: len(self.history) * self.data.evaluated,
        }

    def go(self, progress: Callback) -> TrainResult:
        """All epochs that are left."""
        with self.run.recording(
            "train",
            config=self.config.as_dict(),
            seeds={"run": self.config.seed},
            name=self.name,
            goes_on=self._is_record_of_this_run if self.config.resume else None,
        ) as record:
            if record is not None:
                for row in self.history:
                    record.append("epochs", row)
            try:
                status = self._epochs(progress)
            except KeyboardInterrupt:
                raise Interrupted(self._finish("interrupted")) from None
            return self._finish(status)

    def _epochs(self, progress: Callback) -> str:
        if not self.history:
            self.run.ledger.merge(self.machine.program())
        for epoch in range(len(self.history) + 1, self.config.epochs + 1):
            with self.run.working():
                row = self._epoch(epoch, progress)
            with held():  # an epoch is kept in the checkpoint and in the record, or in neither
                self._keep(row)
            progress({**row, "epochs": self.config.epochs, "done": True})
            if 0 < self.config.patience <= epoch - self.best["epoch"]:
                return "stopped early"
        return "complete"

    def _epoch(self, epoch: int, progress: Callback) -> dict[str, Any]:
        import torch

        config, data = self.config, self.data
        began = time.perf_counter()
        count = len(data.train_targets)
        order = torch.from_numpy(stream(config.seed, "batches", epoch).permutation(count))
        batches = order.split(config.batch_size)
        total: dict[str, Any] = {
            "samples": 0, "loss": 0.0, "finite": 0, "right": 0, "settled": 0, "used": 0, "equilibrations": 0,
            "homeostasis": 0.0,
        }  # fmt: skip
        spent = Ledger()
        nudge: float | None = None
        parts = [index[self.team.part(len(index))] for index in batches]
        try:
            for number, (inputs, targets) in enumerate(data.batches(parts, self.device)):
                at = (epoch, number, len(batches))
                used = self._batch(at, inputs, targets, len(batches[number]), total, spent)
                nudge = nudge if used is None else used
                if number % 10 == 0:
                    progress({"epoch": epoch, "epochs": config.epochs, "batch": number, "batches": len(batches)})
            total, spent = self.team.total(total), self.team.merged(spent)
        finally:  # samples of an epoch that is cut short are counted, so must their time be
            self.samples[TRAINING_SAMPLE] += total["samples"]
            self.run.ledger.merge(spent)
            trained = self._clock(Phase.TRAIN, began)
        test, test_converged = self._test(data.test_inputs, data.test_targets)
        extra: dict[str, Any] = {**self._validate()}
        tested = self._clock(TEST, trained)
        probe = slice(0, config.probe_samples)
        cosine = gradient_cosine(
            self.learner,
            self.machine,
            data.test_inputs[probe].to(self.device),
            data.test_targets[probe].to(self.device),
            self.state,
        )
        extra |= self._noise(probe)
        probed = self._clock(PROBE, tested)
        return {
            "epoch": epoch,
            "train_loss": total["loss"] / max(1, total["finite"]),
            "train_accuracy": total["right"] / count,
            "test_accuracy": test,
            "converged_fraction": total["settled"] / count,
            "used_fraction": total["used"] / count,
            "test_converged_fraction": test_converged,
            "symmetry": self._symmetry(probe),
            "weight_angle": weight_angle(self.network),
            "gradient_cosine": cosine,
            "homeostasis_loss": total["homeostasis"] / len(batches) if self.learner.homeostasis is not None else None,
            "nudge": nudge,
            "equilibrations": total["equilibrations"],
            "seconds": probed - began,
            **extra,
        }

    def _batch(
        self,
        at: tuple[int, int, int],
        inputs: Tensor,
        targets: Tensor,
        count: int,
        total: dict[str, Any],
        spent: Ledger,
    ) -> float | None:
        """One step of the optimizer; adds to ``total`` and ``spent``.

        Args:
            at: epoch, number of the batch in it, batches of an epoch.
            inputs, targets: this process's part of the batch, which may be empty.
            count: samples of the whole batch.

        Returns:
            The nudge, where the rule has one.
        """
        import torch

        config, team, (epoch, number, batches) = self.config, self.team, at
        if self.data.augment is not None:
            names = (epoch, number) if team.size == 1 else (epoch, number, team.rank)
            inputs = self.data.augment(inputs, stream(config.seed, "augment", *names))
        done, mine = (epoch - 1 + number / batches) / config.epochs, len(targets)
        nudge = None
        self.optimizer.zero_grad(set_to_none=True)
        with team.sharing(self.machine, count):
            if mine:
                report, self.state = self.learner.step(self.machine, inputs, targets, self.state, progress=done)
            else:
                self.state = replace(self.state, step=self.state.step + 1)
        moved = self.learner.homeostasis is not None and self.learner.combination == "decoupled"
        team.average([p for p in self.network.parameters() if p.requires_grad], mine, count, moved=moved)
        self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
        self.run.ledger.merge(self.machine.program())
        if mine:
            spent.merge(report.ledger)
            finite = torch.isfinite(report.loss)
            total["samples"] += mine
            total["loss"] += float(torch.where(finite, report.loss, torch.zeros_like(report.loss)).sum())
            total["finite"] += int(finite.sum())
            total["right"] += report.correct
            total["settled"] += report.settled
            total["used"] += report.used
            total["equilibrations"] += report.equilibrations
            total["homeostasis"] += (report.homeostasis or 0.0) * (mine / count)
            nudge = report.nudge
        return nudge

    def _test(self, inputs: Inputs, targets: Tensor) -> tuple[float, float]:
        """Share of samples classified rightly, and of those that converged; counted as inference."""
        count, part = len(targets), self.team.part(len(targets))
        with self.team.sharing(self.machine, count):
            right, settled, spent = accuracy(self.machine, some(inputs, part), targets[part], self.learner.phases.free)
        mine = part.stop - part.start
        found = self.team.total({"right": right * mine, "settled": settled * mine})
        self.run.ledger.merge(in_phase(self.team.merged(spent), TEST))
        self.samples[INFERENCE] += count
        return (right, settled) if mine == count else (found["right"] / count, found["settled"] / count)

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return next(self.network.parameters()).device

    def _clock(self, phase: Phase | str, since: float) -> float:
        """Count the time since then, where the profile prices it (no other profile does); the time now."""
        now = time.perf_counter()
        if self.run.profile.kind == "processor":
            self.run.ledger.add(Event.WALL_NANOSECONDS, round(1e9 * (now - since)), phase=phase)
        return now

    def _validate(self) -> dict[str, float]:
        """Accuracy on the samples held out, where there are some; counted as inference."""
        data = self.data
        if data.validation_inputs is None or data.validation_targets is None:
            return {}
        found, _ = self._test(data.validation_inputs, data.validation_targets)
        return {"validation_accuracy": found}

    def _noise(self, probe: slice) -> dict[str, list[float]]:
        """Response over noise on a noisy machine; says so once where a population's is below one."""
        if not self.machine.capabilities.temporal_noise:
            return {}
        found = response_to_noise(
            self.learner,
            self.machine,
            self.data.test_inputs[probe].to(self.device),
            self.data.test_targets[probe].to(self.device),
            self.state,
        )
        if min(found) < 1.0 and not any(min(row.get("response_to_noise", [1.0])) < 1.0 for row in self.history):
            weak = ", ".join(p.name for p, s in zip(self.network.populations, found) if s < 1.0)
            warnings.warn(
                f"epoch {len(self.history) + 1}: a sample's response in {weak} is below its noise "
                f"({', '.join(f'{s:.2f}' for s in found)} times it); try more readings, or a larger nudge or batch",
                stacklevel=2,
            )
        return {"response_to_noise": found}

    def _symmetry(self, probe: slice) -> float:
        if all(isinstance(c, Dense) for c in self.network.recurrent_couplings()):
            return symmetry(self.network, feedback_scale=self.config.feedback_scale or 1.0)
        drive = self.machine.drive(self.data.test_inputs[probe].to(self.device))
        free = self.machine.relax(drive, self.learner.phases.free)
        return symmetry(self.network, free.activities, feedback_scale=self.config.feedback_scale or 1.0)

    def _keep(self, row: dict[str, Any]) -> None:
        """An epoch is done: remember the best, write record and checkpoint."""
        self.history.append(row)
        score = row.get("validation_accuracy")  # never the test set; without validation the last epoch is the best
        if not self.best or score is None or score > self.best.get("score", -1.0):
            weights = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
            best = {"accuracy": row["test_accuracy"], "epoch": row["epoch"], "weights": weights}
            self.best = best | ({} if score is None else {"score": score})
        # The checkpoint first: a record never tells of an epoch that could not be gone on from.
        if self.checkpoint is not None:
            save_checkpoint(
                self.checkpoint,
                run=self.name,
                identity=self.identity,
                network=self.network,
                optimizer=self.optimizer,
                scheduler=self.scheduler,
                learner=self.state,
                machine=self.machine,
                ledger=self.run.ledger,
                history=self.history,
                best=self.best,
            )
        if self.run.record is not None:
            self.run.record.append("epochs", row)
            self.run.record.set_ledger(self.run.ledger)
            self._write_cost(self.run.record)
            self.run.record.flush()

    def _is_record_of_this_run(self, record: Record) -> bool:
        """Whether the record that is there was begun by the run to go on with."""
        if record.kind != "train":
            return False
        if record.run and self.history:
            return record.run == self.name
        # A record older than names of runs, or a run that was stopped before its first checkpoint: the settings must be
        # the same, and no epoch may be lost.
        wanted = json.loads(json.dumps(self.config.as_dict(), default=str))
        alike = all(value == wanted.get(key) for key, value in record.config.items() if key not in _FREE)
        return alike and len(record.tables.get("epochs", [])) <= len(self.history)

    def _finish(self, status: str) -> TrainResult:
        last = self.history[-1]["test_accuracy"] if self.history else float("nan")
        best, best_epoch = self.best.get("accuracy", float("nan")), self.best.get("epoch", 0)
        record = self.run.record
        if record is not None:
            record.result("test_accuracy", last)
            record.result("best_accuracy", best)
            record.result("best_epoch", best_epoch)
            self._write_cost(record)
            for name, tensor in self.network.state_dict().items():
                record.result(f"weights.{name}", tensor.cpu().numpy())
        return TrainResult(
            test_accuracy=last,
            best_accuracy=best,
            best_epoch=best_epoch,
            epochs=self.history,
            per_sample={share.what: share for share in shares(self.run.ledger, self.samples, self.run.profile)},
            network=self.network,
            machine=self.machine,
            best_weights=self.best.get("weights", {}),
            **self.run.finish(status),
        )

    def _write_cost(self, record: Record) -> None:
        """Sample numbers, so that any profile can price a share again, and what they cost on the run's own."""
        for name in ("saturations", "silent_share"):  # of an integer machine
            if (value := getattr(self.machine, name, None)) is not None:
                record.result(name, value)
        for what, number in self.samples.items():
            record.result(f"samples.{what.replace(' ', '_')}", number)
        for share in shares(self.run.ledger, self.samples, self.run.profile):
            for name, unit, estimate in (("energy", "J", share.energy), ("latency", "s", share.latency)):
                plain = estimate.as_dict()
                if plain.pop("missing"):
                    continue
                record.result(
                    f"{name}.{share.what.replace(' ', '_')}", plain.pop("value"), unit,
                    profile=self.run.profile.name, **{k: v for k, v in plain.items() if v is not None},
                )  # fmt: skip
