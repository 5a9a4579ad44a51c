"""`/metrics`: the state of the line and of this process in Prometheus' text format, made when it is asked for."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version

from fastapi import APIRouter, Response
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from dashboard.desk import Desk
from dashboard.line import SENDERS
from dashboard.view import Snapshot

WORDS = ("OK", "NG", "UNDECIDED", "STOPPED", "WAITING")


class LineCollector(Collector):
    """Reads one snapshot for each scrape; totals begin anew with the process that counts, as Prometheus expects of counters."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def describe(self) -> Iterable[Metric]:
        return []  # else registering would scrape

    def collect(self) -> Iterator[Metric]:
        snap = self._desk.live.snapshot()
        about = {"station": snap.station, "product": snap.product, "recipe": snap.recipe, "model": snap.model, "provider": snap.provider}
        yield InfoMetricFamily("gutteil", "what runs", value={"version": version("gutteil"), "camera": snap.camera} | about)
        yield from _line(snap)
        yield from self._processes()
        yield GaugeMetricFamily("gutteil_viewers", "pages that show the line at this moment", value=self._desk.viewers.count)

    def _processes(self) -> Iterator[Metric]:
        live, now_ns = self._desk.live, time.monotonic_ns()
        with live.lock:
            beats = [(sender, live.line.beats.get(sender)) for sender in SENDERS]
            said = [(sender, now_ns - beat.heard_ns, dict(beat.counts)) for sender, beat in beats if beat is not None]
            total_us, gaps, refused = live.line.total_us, live.line.gaps, live.line.refused
        ages = GaugeMetricFamily("gutteil_heartbeat_age_seconds", "since the last sign of life", labels=["process"])
        counts = GaugeMetricFamily("gutteil_process_count", "what a process counts since it started", labels=["process", "what"])
        for sender, age_ns, values in said:
            ages.add_metric([sender], age_ns / 1e9)
            for name, value in values.items():
                counts.add_metric([sender, name], value)
        yield ages
        yield counts
        yield GaugeMetricFamily("gutteil_trigger_to_verdict_seconds", "median of the last hundred parts", value=total_us / 1e6)
        yield CounterMetricFamily("gutteil_bus_gaps", "stretches of messages that the dashboard has missed", value=gaps)
        yield CounterMetricFamily("gutteil_bus_refused", "messages that could not be read", value=refused)


def _line(snap: Snapshot) -> Iterator[Metric]:
    counts = snap.counts
    parts = CounterMetricFamily("gutteil_parts", "judged parts since the station started", labels=["verdict"])
    for verdict, value in (("OK", counts.ok), ("NG", counts.ng), ("UNDECIDED", counts.undecided)):
        parts.add_metric([verdict], value)
    yield parts
    gone = CounterMetricFamily("gutteil_ejections", "what the ejector reported since the rejector started", labels=["outcome"])
    for outcome, value in (("passed", counts.passed), ("ejected", counts.ejected), ("missed", counts.missed)):
        gone.add_metric([outcome], value)
    yield gone
    state = GaugeMetricFamily("gutteil_line_state", "1 for the word on the screen", labels=["state"])
    for word in WORDS:
        state.add_metric([word], float(word == snap.word))
    yield state
    yield GaugeMetricFamily("gutteil_parts_per_minute", "over the last minute", value=snap.per_minute)
    if snap.part is not None and snap.part.age_ms is not None:
        yield GaugeMetricFamily("gutteil_last_part_age_seconds", "since the last verdict was heard", value=snap.part.age_ms / 1000)
    alarms = GaugeMetricFamily("gutteil_alarm_active", "alarms that last", labels=["sender", "code", "severity"])
    for alarm in snap.alarms:
        alarms.add_metric([alarm.sender, alarm.code, alarm.severity], 1)
    yield alarms


def add_metrics(router: APIRouter, desk: Desk) -> None:
    """The route; in a worker thread, as a scrape must not hold up the others."""
    registry = CollectorRegistry()
    registry.register(LineCollector(desk))
    ProcessCollector(registry=registry)

    @router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}})
    def metrics() -> Response:
        """Figures of the line and of this process in Prometheus' text format."""
        return Response(generate_latest(registry), headers={"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE_LATEST})
