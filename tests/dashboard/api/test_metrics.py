"""`/metrics` as Prometheus' own parser reads it, and what the API says of itself."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.dashboard.feed import Feed, Server, free_ports


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Feed, Server]]:
    feed = Feed(tmp_path_factory.mktemp("line"), free_ports(3))
    try:
        with Server(feed, free_ports(1)[0]) as server:
            yield feed, server
    finally:
        feed.close()


def scrape(server: Server) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {(s.name, *(s.labels[k] for k in sorted(s.labels))): s.value for f in text_string_to_metric_families(text) for s in f.samples}


def test_prometheus_reads_the_line(line: tuple[Feed, Server]) -> None:
    feed, server = line
    feed.part("OK")
    feed.part("NG")
    part_id = feed.part("NG")
    feed.ejection(part_id, "ejected")
    feed.alarm("bin-full", True, "full")
    until = time.monotonic() + 15
    while True:
        found = scrape(server)
        if found.get(("gutteil_parts_total", "NG")) == 2 and ("gutteil_alarm_active", "bin-full", "rejector", "fault") in found:
            break
        assert time.monotonic() < until, found
        time.sleep(0.2)
    assert found["gutteil_parts_total", "OK"] == 1
    assert found["gutteil_ejections_total", "ejected"] == 1
    assert sum(v for k, v in found.items() if k[0] == "gutteil_line_state") == 1
    assert found["gutteil_heartbeat_age_seconds", "station"] < 5
    assert found[("gutteil_trigger_to_verdict_seconds",)] == pytest.approx(0.012)
    assert found[("process_resident_memory_bytes",)] > 1e6
    assert any(k[0] == "gutteil_info" and feed.name in k and "Panel 7" in k for k in found)


def test_the_api_describes_every_address(line: tuple[Feed, Server]) -> None:
    _, server = line
    with urllib.request.urlopen(f"{server.url}/api/openapi.json", timeout=10) as answer:
        document = json.load(answer)
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path} says nothing of itself"
            assert operation["x-permission"]
            assert "200" in operation["responses"] or "204" in operation["responses"] or "303" in operation["responses"], f"{method} {path}"
    names = set(document["components"]["schemas"])
    refs = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                refs.add(node["$ref"].rsplit("/", 1)[1])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    assert {"Snapshot", "Refusal"} <= names
    assert refs <= names
