"""One call for a whole evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ..media.files import write_whole
from .collect import Results, collect
from .page import write_page
from .paper import missing_tracker
from .plan import Plan, Settings, make_plan
from .progress import Progress
from .store import Store
from .work import Processes, Worker


def evaluate(
    settings: Settings,
    out: str | Path = "outputs/evaluate",
    *,
    processes: Processes | None = None,
    say: Callable[[str], None] = print,
    bar: bool = True,
    command: str = "",
) -> Results | None:
    """Make and measure all missing videos of the given settings, and write the page.

    What is missing, weights of models or networks of measures, is reported before anything starts; the rest runs.
    You can stop it at any time, restart it, or run several processes: results are shared through the folder, each is
    written completely, and nothing is done twice. A broken scene, or a model whose weights are missing, is reported and
    skipped; the next run tries it again.

    Args:
        settings: What to evaluate.
        out: Folder of the results: index.html, results.csv, table.csv, summary.json, videos/ and more.
        processes: Which of several processes this is; None reads it from the environment.
        say: Function that receives a line for everything that goes wrong.
        bar: Whether to show progress (the first process only).
        command: Command that made this, for the page.

    Returns:
        The results; None in processes other than the first, which write no page.

    Raises:
        LabError: There is nothing to evaluate, or no video could be made.

    >>> results = evaluate(Settings("toyland:12", models=("toy",)), "outputs/toy")  # doctest: +SKIP
    >>> print(results.table())                                                     # doctest: +SKIP
    """
    processes = processes or Processes.from_environment()
    plan = make_plan(settings)
    store = Store(out)
    if (tracker := missing_tracker(plan)) and processes.rank == 0:
        say(f"Note: {tracker}")
    first = processes.rank == 0
    worker = Worker(plan, store, processes, say if first else _silent)
    missing = worker.preflight()
    worker.say = say
    worker.run(Progress(len(plan.jobs)) if bar and first else None)
    if not first:
        return None
    results = collect(plan, store, missing)
    write_page(results, store, command)
    write_whole(store.folder / "summary.json", (json.dumps(results.as_dict(), indent=1) + "\n").encode())
    return results


def rehearse(settings: Settings, out: str | Path, say: Callable[[str], None] = print) -> tuple[Plan, dict[str, str]]:
    """Make the plan, report what is missing, and start nothing; arguments and errors as for `evaluate`.

    Returns:
        The plan, and what cannot run -> why, and what to do.
    """
    plan = make_plan(settings)
    missing = Worker(plan, Store(out), Processes(), say).preflight()
    if tracker := missing_tracker(plan):
        missing["ObjMC by the paper's tracker"] = tracker
        say(f"Note: {tracker}")
    return plan, missing


def _silent(_: str) -> None:
    """The first process has reported it."""
