"""The same race on a Ray cluster of two nodes on this machine, one of whose workers is killed: the result is that of a race alone."""

from __future__ import annotations

import io
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

pytest.importorskip("torch", reason="extra training is not installed")
pytest.importorskip("onnx", reason="extra training is not installed")
pytest.importorskip("ray", reason="extra ray is not installed")

from edge.errors import SettingsError
from tests.training.sets import draw_tiles
from training.latency import candidate_files, measure, write_profile
from training.pool import Cluster, Here
from training.race import run_race
from training.race_state import Terms

pytestmark = [pytest.mark.timeout(400), pytest.mark.filterwarnings("ignore")]  # Ray's notes on its own future


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A head without processors and two nodes with one each."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as folder:
        patch.setenv("RAY_TMPDIR", folder)  # short, for its sockets' paths are
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        from ray.cluster_utils import Cluster as LocalCluster

        (Path(folder) / "ray").mkdir()
        few: dict[str, Any] = {"include_dashboard": False, "object_store_memory": 80_000_000}
        cluster = LocalCluster(initialize_head=True, head_node_args={"num_cpus": 0, **few})
        try:
            for _ in range(2):
                cluster.add_node(num_cpus=1, **few)
            yield str(cluster.address)
        finally:
            cluster.shutdown()  # type: ignore[no-untyped-call]


def quiet() -> Console:
    return Console(file=io.StringIO(), width=400)


def kill_a_worker(networks: Path, killed: list[int]) -> None:
    """As soon as a training has a checkpoint, kill the process that trains."""
    until = time.monotonic() + 120
    while time.monotonic() < until and not killed:
        if list(networks.glob("*/last.pt")):
            for process in psutil.process_iter(["name", "cmdline"]):
                if any("ray::advance" in part for part in process.info["cmdline"] or []):
                    os.kill(process.pid, signal.SIGKILL)
                    killed.append(process.pid)
                    break
        time.sleep(0.01)


def test_a_cluster_gives_what_one_machine_gives_though_a_worker_dies(address: str, tmp_path: Path) -> None:
    data, val = draw_tiles(tmp_path / "train", 8, 1), draw_tiles(tmp_path / "val", 4, 2)
    asked = Terms(data=str(data), val=str(val), budget_ms=10_000, families=["pair"], steps=18, threads=1, widths=["pair-8", "pair-12"])
    run_race(asked, tmp_path / "p", Here(quiet()), quiet(), only_candidates=True)
    write_profile(measure(candidate_files(tmp_path / "p" / "candidates"), [], "cpu", 1, 1, quiet()), tmp_path / "profile.json")
    asked = Terms(**{f: getattr(asked, f) for f in asked.__struct_fields__} | {"profile": str(tmp_path / "profile.json")})
    alone = run_race(asked, tmp_path / "alone", Here(quiet()), quiet())

    pool, killed = Cluster(address, quiet()), list[int]()
    killer = threading.Thread(target=kill_a_worker, args=(tmp_path / "together" / "networks", killed))
    killer.start()
    try:
        together = run_race(asked, tmp_path / "together", pool, quiet())
    finally:
        pool.close()
        killer.join()
    assert len(killed) == 1
    assert together.rungs == alone.rungs
    assert together.pick == alone.pick


def test_where_no_cluster_answers_the_error_says_how_to_start_one() -> None:
    with pytest.raises(SettingsError, match="ray start --head"):
        Cluster("127.0.0.1:1", quiet())
