"""The training of a ControlNet on any number of processes, which a kill at any moment does not lead astray."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import LabError, first_line
from ..engine.quick import no_denormals
from . import checkpoint
from .lock import FolderLock
from .log import Log, chosen_trackers, read_log
from .networks import Start
from .options import Options
from .record import check_record
from .run import Run, Stopped, Validate
from .source import Source, Supply, check_source
from .state import State
from .step import Frozen, forward, prepare_controlnet, to_device
from .together import (
    StopSignal,
    build_accelerator,
    by_main,
    forget_accelerator,
    is_disk_error,
    naming_the_dead,
    one_voice,
    succeeded,
)

UNUSABLE = 20  # steps in a row without a finite gradient that end a run
LOSSES = ("loss", "inside", "everywhere", "area")
SAID_EVERY = 20.0  # seconds between lines of progress


def train(
    source: Source,
    start: Start,
    options: Options,
    run: Run,
    *,
    names: Mapping[str, Any] | None = None,
    validate: Validate | None = None,
    say: Callable[[str], None] = print,
) -> Path:
    """Train, in every process of a run alike.

    Args:
        source: Where samples come from.
        start: The networks.
        options: What decides the result.
        run: How it is run.
        names: Kept in the folder's record, for whoever resumes or exports: the base's name, where the data lie.
        validate: Called by the main process every `run.validate_every` steps and at both ends; None for no validation.
        say: Gets a line now and then, in the main process.

    Returns:
        The last checkpoint.

    Raises:
        LabError: The options are impossible or do not go together with the folder; nothing has been trained then. Or
            the gradient was not finite for many steps in a row, the last checkpoint could not be written, or another
            process has died.
        Stopped: SIGTERM or SIGINT; a checkpoint was saved before.
    """
    options.checked()
    run.checked()
    try:
        with naming_the_dead(), StopSignal() as stop:
            return _Training(source, start, options, run, names or {}, validate, say, stop).run()
    finally:
        forget_accelerator()


class _Training:
    """One call of `train` in one process."""

    def __init__(
        self,
        source: Source,
        start: Start,
        options: Options,
        run: Run,
        names: Mapping[str, Any],
        validate: Validate | None,
        say: Callable[[str], None],
        stop: StopSignal,
    ) -> None:
        self.source, self.start, self.options, self.how = source, start, options, run
        self.names, self.validate, self.stop = names, validate, stop
        self.accelerator = build_accelerator(options, run.device, chosen_trackers(run.log_with), run.folder)
        self.say = say if self.accelerator.is_main_process else _silent
        self.log = Log(run.folder, self.say)
        self.lock: FolderLock | None = None
        self.whole: Path | None = None  # the last checkpoint
        self.tracked = bool(self.accelerator.log_with)

    def run(self) -> Path:
        with one_voice(self.accelerator):
            self.options.share(self.accelerator.num_processes)
            check_source(self.source, self.start, self.options)
        try:
            self.whole = by_main(self.accelerator, self._open)
            self._build()
            self._train()
            self.accelerator.wait_for_everyone()
            self._leave()
        except Stopped:
            self._leave()
            raise
        finally:
            for tracker in getattr(self.accelerator, "trackers", []):
                tracker.finish()
            if self.lock is not None:
                self.lock.release()
        assert self.whole is not None
        return self.whole

    def _open(self) -> Path | None:
        """Take the folder, and find the checkpoint to go on from."""
        folder = self.how.folder
        self.lock = FolderLock(folder)
        choices = self.options.result() | {"data": self.source.fingerprint(), "base": self.start.fingerprint}
        choices["start"] = self.start.origin
        changed = check_record(folder, choices, self.names, resume=self.how.resume, change=self.how.change)
        checkpoint.clean(folder)
        found = checkpoint.newest(folder, self.say)
        step = 0 if found is None else checkpoint.step_of(found)
        self.log.cut(step)
        if changed:
            self.log.add({"step": step, "changed": changed})
        if self.how.resume:
            self.say(f"going on from step {step}" if found else f"{folder} has no checkpoint yet: starting at step 0")
        return found

    def _build(self) -> None:
        device = self.accelerator.device
        self.frozen = Frozen.of(self.start.parts, self.options, device)
        controlnet = prepare_controlnet(self.start.controlnet, self.options, device)
        self.state = State(self.accelerator, controlnet, self.options)
        if self.whole is not None:
            with one_voice(self.accelerator):
                self.state.load(self.whole)
        if self.tracked:
            plain = {name: str(value) for name, value in self.options.result().items()}
            purge = {"tensorboard": {"purge_step": self.state.step + 1}}
            self.accelerator.init_trackers("draganything", config=plain, init_kwargs=purge)

    def _train(self) -> None:
        state, options = self.state, self.options
        accelerator, supply = self.accelerator, Supply(self.source, self.start, options, *self._place())
        ahead = supply.from_step(state.step, self.how.workers, accelerator.device.type)
        if not self._validated(state.step):
            self._validate()
        said, began_at, began = time.perf_counter(), state.step, time.perf_counter()
        while state.step < options.steps:
            with no_denormals():
                line, number = self._step(ahead)
            if accelerator.is_main_process:
                self.log.add(line)
            self._track({name: line[name] for name in (*LOSSES, "norm", "rate")})
            if state.unusable >= UNUSABLE:
                with one_voice(accelerator):
                    raise LabError(
                        f"no finite gradient in the last {UNUSABLE} steps, up to step {state.step}",
                        fix="--resume with a smaller rate (--rate 1e-6 --change rate)",
                    )
            done = state.step == options.steps
            if number or done or state.step % self.how.save_every == 0:
                self._save(last=bool(number) or done)
            if number:
                raise Stopped(number, state.step)
            if time.perf_counter() - said > SAID_EVERY or done:
                said = time.perf_counter()
                self._progress(line, (said - began) / (state.step - began_at))
            if self._due(state.step):
                self._validate()
        if self.whole is None or checkpoint.step_of(self.whole) != state.step:
            self._save(last=True)

    def _step(self, ahead: Iterator[Any]) -> tuple[dict[str, Any], int]:
        """Take one step; return its line for the log, and the signal that some process has got, or 0."""
        state, options, accelerator = self.state, self.options, self.accelerator
        began, sums = time.perf_counter(), torch.zeros(len(LOSSES), device=accelerator.device)
        rate = options.rate * min(1.0, (state.step + 1) / max(1, options.warm_up))
        for group in state.optimiser.param_groups:
            group["lr"] = rate
        norm: Any = None
        for _ in range(options.accumulate):
            batch, noise = next(ahead)
            with accelerator.accumulate(state.model):
                losses = forward(
                    state.model,
                    self.frozen,
                    to_device(batch, accelerator.device),
                    to_device(noise, accelerator.device),
                    options,
                )
                accelerator.backward(losses["loss"])
                sums += torch.stack([losses[name].detach().float() for name in LOSSES]) / options.accumulate
                if accelerator.sync_gradients:
                    norm = accelerator.clip_grad_norm_(state.model.parameters(), options.clip_norm)
                    norm = 0.0 if norm is None else float(norm)
                    # The scaler of float16 skips such a step itself, and learns from it.
                    if np.isfinite(norm) or accelerator.scaler is not None:
                        state.optimiser.step()
                    state.optimiser.zero_grad()
        # A step with a gradient of zeros would still follow its momentum, so it is left out altogether.
        usable = bool(np.isfinite(norm)) and not accelerator.optimizer_step_was_skipped
        if usable:
            state.average.step(state.trained())
        state.step, state.unusable = state.step + 1, 0 if usable else state.unusable + 1
        own = self.stop.number  # read once: it may change at any moment, and all processes must agree
        told = torch.cat([sums, sums.new_tensor([float(own)])])
        values = (accelerator.reduce(told, "mean") if accelerator.num_processes > 1 else told).tolist()
        number = own or (signal.SIGTERM.value if values[-1] else 0)
        line = {"step": state.step, **dict(zip(LOSSES, values, strict=False)), "norm": norm, "rate": rate}
        line["inside"] = line["inside"] / line["area"] if line["area"] else 0.0  # the mean error where entities are
        line |= {"seconds": round(time.perf_counter() - began, 4)} | ({} if usable else {"skipped": True})
        return line, number

    def _save(self, *, last: bool) -> None:
        """Write a checkpoint; if the disk is full, earlier ones stay, and training goes on unless it is the last."""
        state, folder, accelerator = self.state, self.how.folder, self.accelerator
        part = checkpoint.checkpoint_path(folder, state.step).with_suffix(checkpoint.PART)
        wrong = by_main(accelerator, lambda: _tried(lambda: self._begin(part)))
        wrong = wrong or succeeded(accelerator, lambda: state.save(part))
        accelerator.wait_for_everyone()
        wrong = wrong or by_main(accelerator, lambda: _tried(lambda: checkpoint.finish(part)))
        if not wrong:
            self.whole = part.with_suffix("")
            if accelerator.is_main_process:
                checkpoint.prune(folder, self.how.keep)
            return
        if accelerator.is_main_process:
            shutil.rmtree(part, ignore_errors=True)
        kept = "none" if self.whole is None else f"{self.whole.name} is intact"
        text = f"the checkpoint of step {state.step} could not be written to {folder} ({wrong}); before it: {kept}"
        if last:
            with one_voice(accelerator):
                raise LabError(text, fix="make room on the disk, and pass --resume to do the steps since then again")
        self.say(f"{text}; training goes on, and step {state.step + self.how.save_every} tries again: make room")

    def _begin(self, part: Path) -> None:
        self.log.flush(sync=True)
        checkpoint.begin(self.how.folder, self.state.step)

    def _validate(self) -> None:
        """Let the main process make videos with the averaged weights; the others wait."""
        if self.validate is None:
            return
        weights, step = self.state.averaged(), self.state.step
        if self.accelerator.is_main_process:
            began = time.perf_counter()
            try:
                with same_chance():
                    numbers = dict(self.validate(weights, step, lambda: bool(self.stop.number)))
            except (LabError, OSError, RuntimeError) as error:
                self.say(f"validation of step {step} failed: {first_line(error)}; training goes on")
                numbers = {}
            if numbers and not self.stop.number:
                seconds = round(time.perf_counter() - began, 1)
                self.log.add({"step": step, "validation": numbers, "seconds": seconds})
                self._track({f"validation/{name}": value for name, value in numbers.items()})
                told = ", ".join(f"{name} {value:.3g}" for name, value in numbers.items())
                self.say(f"validation of step {step}: {told} ({seconds:.0f} s)")
        self.accelerator.wait_for_everyone()

    def _due(self, step: int) -> bool:
        return step % self.how.validate_every == 0 or step == self.options.steps

    def _validated(self, step: int) -> bool:
        """Whether nothing is left to validate at a step where a run begins: a kill may have come before it."""
        done = not self._due(step)
        if self.accelerator.is_main_process and not done and self.log.path.exists():
            done = any(line["step"] == step and "validation" in line for line in read_log(self.log.path))
        return by_main(self.accelerator, lambda: done)

    def _track(self, values: Mapping[str, Any]) -> None:
        """Hand numbers to the trackers; one that fails is not asked again, and does not end the training."""
        if not self.tracked:
            return
        try:
            self.accelerator.log({k: v for k, v in values.items() if np.isfinite(v)}, step=self.state.step)
        except Exception as error:  # each has its own, from networks to disks
            self.tracked = False
            self.say(f"a tracker failed ({first_line(error)}) and gets no more numbers; {self.log.path} goes on")

    def _progress(self, line: Mapping[str, Any], seconds: float) -> None:
        left = (self.options.steps - self.state.step) * seconds
        epoch = self.state.step * self.options.batch / len(self.source)
        self.say(
            f"step {self.state.step} of {self.options.steps}: loss {line['loss']:.4g}, {seconds:.2f} s per step, "
            f"epoch {epoch:.1f}, about {left / 60:.0f} min left"
        )

    def _place(self) -> tuple[int, int]:
        return self.accelerator.process_index, self.accelerator.num_processes

    def _leave(self) -> None:
        if torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()


def _tried(work: Callable[[], Any]) -> str:
    """Do something that a full disk may stop; return why it failed, "" if it did not."""
    try:
        work()
    except Exception as error:
        if not is_disk_error(error):
            raise
        return first_line(error)
    return ""


def _silent(line: str) -> None:
    """Say nothing: the main process speaks for all."""


@contextmanager
def same_chance() -> Iterator[None]:
    """A block that leaves all global random numbers as they were."""
    kept = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        yield
    random.setstate(kept[0])
    np.random.set_state(kept[1])
