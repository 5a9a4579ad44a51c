"""Where a race's trainings run: here, one after another, or on a Ray cluster, as many at once as it has room for."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from rich.console import Console
from rich.progress import Progress

from edge.errors import SettingsError, reason
from training.jobs import Job, advance

RETRIES = 5
ANSWER_S = 5.0


class Pool(Protocol):
    """Runs jobs and gives each one's result as it comes."""

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, dict[str, Any]]]: ...


class Here:
    """One training after another in this process."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, dict[str, Any]]]:
        """In the order given."""
        for job in jobs:
            yield job, advance(job, self.console)


class Cluster:
    """Tasks of a Ray cluster. Every machine needs this installation, and must see set and output folder under the same paths.

    A worker or machine that dies loses nothing but the time since its last checkpoint: the task starts again elsewhere and goes on from it.
    """

    def __init__(self, address: str, console: Console) -> None:
        """Join the cluster at an address (`HOST:PORT`, or `auto` for one on this machine).

        Raises:
            SettingsError: Ray is not installed, or nobody answers there.
        """
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # nothing leaves the building
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # its future default; silences the note on it
        try:
            import ray
        except ImportError as error:
            raise SettingsError("--ray needs Ray, which is not installed; install it with: .venv/bin/pip install -e '.[ray]'") from error
        self._ray, self.console = ray, console
        hint = f"--ray {address}: no cluster answers there; start one with: RAY_USAGE_STATS_ENABLED=0 ray start --head"
        host, _, port = address.rpartition(":")
        try:
            if host and port.isdigit():  # Ray itself would try for many minutes
                socket.create_connection((host, int(port)), ANSWER_S).close()
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True)
        except (ConnectionError, ValueError, RuntimeError, OSError, OverflowError) as error:
            raise SettingsError(f"{hint} ({reason(error)})") from error

    def run(self, jobs: Sequence[Job]) -> Iterator[tuple[Job, dict[str, Any]]]:
        """In the order in which they come to their end."""
        ray = self._ray
        task = ray.remote(advance)
        waiting = {}
        for job in jobs:
            gpus = 0.0 if not ray.cluster_resources().get("GPU") else 1.0
            waiting[task.options(num_cpus=job.threads or 1, num_gpus=gpus, max_retries=RETRIES).remote(job)] = job
        with Progress(console=self.console) as bar:
            shown = bar.add_task("on the cluster", total=len(jobs))
            while waiting:
                for done in ray.wait(list(waiting), num_returns=1)[0]:
                    yield waiting.pop(done), ray.get(done)
                    bar.advance(shown)

    def close(self) -> None:
        """Leave the cluster; it stays."""
        self._ray.shutdown()
