"""The change of model at a running line, with real processes: nothing lost, no stop, a way back, and the same model after a restart."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge import registry as rows
from edge import shadow_results
from edge.errors import RegistryError
from edge.messages import Alarm, AnyMessage, Ejection, Heartbeat, Run, Trigger, Verdict
from edge.pointer import Pointer, pointer_file, write_pointer
from tests.edge.registry_line import ANNA, BEN, OWN_MODEL, documents, ready_again, registry_in, running_line, sha_of, twin, until


def judges(sha256: str) -> Callable[[AnyMessage | None], bool]:
    return lambda m: isinstance(m, Verdict) and m.model_hash == sha256


def check_nothing_lost(said_or_again: list[AnyMessage], since_ns: int) -> None:
    """Every part has its verdict, the numbers have no hole, and the rejector never stopped the line.

    What a reader has missed is said again, later: so by the time of sending, from `since_ns` on, CLOCK_MONOTONIC.
    """
    seen = sorted((m for m in said_or_again if m.mono_ns >= since_ns), key=lambda m: m.mono_ns)
    announced = [m.trigger_id for m in seen if isinstance(m, Trigger)]
    judged = {m.trigger_id for m in seen if isinstance(m, Verdict)}
    assert announced == list(range(announced[0], announced[0] + len(announced)))
    assert set(announced[:-1]) <= judged
    assert not [m for m in seen if isinstance(m, Heartbeat) and m.sender in ("station", "rejector") and m.state != "ready"]
    assert not [m for m in seen if isinstance(m, Alarm) and m.active and m.severity == "fault"]
    assert not [m for m in seen if isinstance(m, Verdict) and m.expected == "OK" and m.verdict == "UNDECIDED"]
    said = {m.trigger_id: m.verdict for m in seen if isinstance(m, Verdict)}
    gone = [m for m in seen if isinstance(m, Ejection) and m.trigger_id in said]
    assert gone
    assert all((m.outcome == "passed") == (said[m.trigger_id] == "OK") for m in gone)


def parts(count: int) -> Callable[[AnyMessage | None], bool]:
    """True once so many parts more have gone by the ejector."""
    seen: list[int] = []

    def done(message: AnyMessage | None) -> bool:
        seen.extend([message.trigger_id] if isinstance(message, Ejection) else [])
        return len(seen) >= count

    return done


def test_from_candidate_to_active_and_back_without_a_stop(tmp_path: Path) -> None:
    own, model = sha_of(OWN_MODEL), twin(tmp_path, "second")
    second = sha_of(model)
    with running_line(tmp_path) as appliance, registry_in(appliance.config) as registry:
        until(appliance, parts(1))
        registry.register(model, documents(model), {"jetson": 4.5}, ANNA)
        registry.shadow("second", ANNA, "trained on the new lot")

        def enough(_: AnyMessage | None) -> bool:
            with registry.store.reading() as db:
                return shadow_results.parts(db, second, registry.loaded.hash, own) >= 5

        since_ns = time.monotonic_ns()
        seen = until(appliance, enough)
        assert registry.propose("second", ANNA, "no escape in shadow") == []
        with pytest.raises(RegistryError, match="two people"):
            registry.release("second", ANNA, "I am sure")
        registry.release("second", BEN, "looked at it")
        seen += until(appliance, judges(second)) + until(appliance, parts(3))
        check_nothing_lost(seen, since_ns)
        assert {m.model_hash for m in seen if isinstance(m, Run)} == {own, second}
        assert len({m.run_id for m in seen if isinstance(m, Run)}) == 2, "a run is one model"

        # told of a model that cannot be had: an alarm, and the one before judges on
        pointer = pointer_file(registry.folder, registry.product)
        good = pointer.read_bytes()
        write_pointer(registry.folder, Pointer(product=registry.product, sha256="0" * 64, previous=None, statements=[]))
        refused = until(appliance, lambda m: isinstance(m, Alarm) and m.active and m.code == "model-refused")[-1]
        assert isinstance(refused, Alarm)
        assert "cannot be read" in refused.text
        pointer.write_bytes(good[:-30])
        until(appliance, lambda m: isinstance(m, Alarm) and m.active and "damaged" in m.text)
        later = until(appliance, parts(3))
        assert {m.model_hash for m in later if isinstance(m, Verdict)} == {second}
        assert registry.point() == second
        until(appliance, lambda m: isinstance(m, Alarm) and not m.active and m.code == "model-refused")

        # a station that starts anew runs the same model as before, and has the one before it at hand
        os.kill(appliance.processes.child("station").pid, signal.SIGKILL)
        until(appliance, lambda _: appliance.processes.child("station").restarts)
        after = until(appliance, lambda m: isinstance(m, Run))
        assert [m.model_hash for m in after if isinstance(m, Run)] == [second]
        ready_again(appliance)
        since_ns = time.monotonic_ns()
        seen = until(appliance, parts(3))
        assert registry.rollback(BEN, "it rejects too many") == ""
        seen += until(appliance, judges(own)) + until(appliance, parts(3))
        check_nothing_lost(seen, since_ns)
        with registry.store.reading() as db:
            assert rows.states(db) == {(registry.product, second): "retired"}
        ops = [(row.op, row.who, row.accepted) for row in registry.store.audit(100) if row.op.startswith("model-")]
        assert ops[::-1] == [
            ("model-register", "Anna", True),
            ("model-shadow", "Anna", True),
            ("model-propose", "Anna", True),
            ("model-release", "Anna", False),
            ("model-release", "Ben", True),
            ("model-rollback", "Ben", True),
        ]
        assert registry.store.verify_audit().holds
