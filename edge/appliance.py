"""`gutteil run` and `gutteil demo`: the whole appliance on this machine."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from edge.alive import keeper
from edge.bus import watch
from edge.config import Camera, Line, Record, Station, load, reach
from edge.demo_people import DemoPerson, demo_people
from edge.errors import SettingsError
from edge.keys import OWN, check, listed
from edge.messages import STREAMS, Alarm, Ejection, Heartbeat, Run, Verdict
from edge.processes import Processes, running, until_signalled
from edge.rig import free_ports, own_ports, write_config

DEMO_RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "sim-board.toml"


def names_for(config: Station) -> list[str]:
    """The processes an appliance needs; the simulated line only where the PLC is simulated, the shadow where the settings ask for it."""
    simulated = ["line"] if config.plc.backend == "simulator" or config.plc.settings.get("simulated") is True else []
    return [*simulated, "recorder", "rejector", "station", "dashboard", *(["shadow"] if config.registry.shadow else [])]


def run_appliance(config_file: Path, console: Console) -> None:
    """Run a station until Ctrl-C.

    Raises:
        SettingsError: the settings are wrong.
    """
    config = load(config_file)
    console.print(_access(config), highlight=False, soft_wrap=True)
    _keep_running(config, config_file, Path(config.record.folder) / "logs", 0.0, console)


def _access(config: Station) -> str:
    """Who can reach the bus, in one line.

    Raises:
        KeysError: the keys cannot be used.
    """
    if not config.keys.folder:
        return "No keys: the bus answers on this machine only (loopback and ipc)."
    folder = Path(config.keys.folder)
    check(folder)
    others = [c for c in listed(folder) if not c.name.startswith(OWN)]
    beyond = reach(config)
    where = f"reaches beyond this machine ({', '.join(beyond)})" if beyond else "answers on this machine only"
    return f"Keys: the bus {where}; it lets in this appliance and {len(others)} other listed keys."


def run_demo(port: int, rate_hz: float, folder: Path | None, seconds: float, console: Console) -> None:
    """Run the simulated line until Ctrl-C or for some seconds."""
    with tempfile.TemporaryDirectory(prefix="gutteil-demo-") as scratch:
        place = (folder or Path(scratch)).resolve()
        config = own_ports(
            Station(
                name="demo",
                recipe=str(DEMO_RECIPE),
                camera=Camera(backend="simulator"),
                line=Line(rate_hz=rate_hz),
                record=Record(folder=str(place / "data"), ring_mb=128),
            )
        )
        # the well-known ports where they are free, so that the example subscriber finds the demo
        default = Station().bus
        endpoints = [value for value in default.model_dump().values() if isinstance(value, str)]
        if all(_free(int(endpoint.rpartition(":")[2])) for endpoint in endpoints):
            config = config.model_copy(update={"bus": default})
        config = config.model_copy(
            update={
                "dashboard": config.dashboard.model_copy(update={"port": port if _free(port) else free_ports(1)[0], "demo_people": True})
            }
        )
        path = write_config(config, place)
        console.print("[bold]SIMULATED[/]: a simulated line with simulated parts, defects, PLC and ejector.")
        _keep_running(config, path, place / "logs", seconds, console)


def _free(port: int) -> bool:
    import socket

    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _keep_running(config: Station, config_file: Path, logs: Path, seconds: float, console: Console) -> None:
    stop = until_signalled()
    until = time.monotonic() + seconds if seconds else float("inf")
    subscriber = watch(config, [s.message for s in STREAMS], 10_000)
    summary = _Summary(config)
    said_people = not config.dashboard.demo_people
    address = f"{'http' if config.dashboard.tls == 'off' else 'https'}://{config.dashboard.host}:{config.dashboard.port}"
    with running(names_for(config), config_file, logs) as processes:
        console.print(f"Dashboard: [link={address}]{address}[/]   (Ctrl-C stops; logs in {logs})", highlight=False, soft_wrap=True)
        with Live(summary.table(processes), console=console, refresh_per_second=4, transient=not console.is_terminal) as live:
            said = time.monotonic()
            while not stop.is_set() and time.monotonic() < until:
                message = subscriber.get(0.1)
                keeper.progress()
                if message is not None:
                    summary.take(message)
                now = time.monotonic()
                if now - said < 0.25:
                    continue
                said = now
                if not said_people and (known := demo_people(Path(config.record.folder))):
                    console.print(_demo_table(known))
                    said_people = True
                for words in processes.watch():
                    console.print(words, highlight=False, markup=False)
                failed = [c for c in processes.children if c.failed and c.name in ("line", "station", "rejector")]
                if failed:
                    raise SettingsError(f"{failed[0].name} cannot run: {failed[0].failed}")
                live.update(summary.table(processes))
        console.print("stopping ...")
    console.print(summary.last_line(), highlight=False)
    subscriber.close()


def _demo_table(known: list[DemoPerson]) -> Table:
    table = Table(title="Log in as one of these; they exist in this demo only", title_justify="left")
    for column in ("name", "role", "PIN", "password"):
        table.add_column(column, no_wrap=True)
    for person in known:
        table.add_row(*map(escape, (person.name, person.role, person.pin, person.password)))
    return table


class _Summary:
    """What the terminal shows while the appliance runs."""

    def __init__(self, config: Station) -> None:
        self._config = config
        self._run: Run | None = None
        self._verdicts = dict.fromkeys(("OK", "NG", "UNDECIDED"), 0)
        self._outcomes = dict.fromkeys(("passed", "ejected", "missed"), 0)
        self._last: Verdict | None = None
        self._alarms: dict[tuple[str, str], Alarm] = {}
        self._beats: dict[str, tuple[Heartbeat, float]] = {}

    def take(self, message: object) -> None:
        if isinstance(message, Verdict):
            self._verdicts[message.verdict] += 1
            self._last = message
        elif isinstance(message, Ejection):
            self._outcomes[message.outcome] += 1
        elif isinstance(message, Run):
            self._run = message
        elif isinstance(message, Heartbeat):
            self._beats[message.sender] = (message, time.monotonic())
        elif isinstance(message, Alarm):
            key = (message.sender, message.code)
            if message.active:
                self._alarms[key] = message
            else:
                self._alarms.pop(key, None)

    def table(self, processes: Processes) -> Table:
        table = Table(
            show_header=False,
            title=f"Gutteil station {self._config.name}" + (" · SIMULATED" if self._config.camera.backend == "simulator" else ""),
        )
        if self._run is not None:
            table.add_row("judging", escape(f"{self._run.product} with {self._run.model} on {self._run.provider}"))
        if self._last is not None:
            last = self._last
            style = {"OK": "bold green", "NG": "bold red"}.get(last.verdict, "bold yellow")
            table.add_row(
                "last part",
                f"[{style}]{last.verdict}[/] {escape('; '.join(last.reasons))}  ({last.timings.total_us / 1000:.1f} ms trigger to signal)",
            )
        table.add_row("verdicts", "  ".join(f"{k} {v}" for k, v in self._verdicts.items()))
        table.add_row("ejector", "  ".join(f"{k} {v}" for k, v in self._outcomes.items()))
        now = time.monotonic()
        states = []
        for child in processes.children:
            beat = self._beats.get(child.name)
            state = (
                ("silent" if now - beat[1] > 2 else beat[0].state)
                if beat is not None
                else "running"
                if child.notified.ready
                else "starting"
            )
            states.append(f"{child.name} {state}" + (f" (restarted {child.restarts}x)" if child.restarts else ""))
        table.add_row("processes", "  ".join(states))
        for alarm in self._alarms.values():
            table.add_row("[bold red]alarm[/]", escape(f"{alarm.text} → {alarm.remedy}"))
        return table

    def last_line(self) -> str:
        """The totals in one line."""
        return (
            "verdicts: "
            + ", ".join(f"{k} {v}" for k, v in self._verdicts.items())
            + "; ejector: "
            + ", ".join(f"{k} {v}" for k, v in self._outcomes.items())
        )
