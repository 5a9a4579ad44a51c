"""Every setting of a station, with unit, bounds, default and help. What depends on the product is in the recipe."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from edge.config_shifts import Shifts as Shifts  # noqa: PLC0414  a block of these settings like the others
from edge.settings import Block, read_toml, under

Provider = Literal["tensorrt", "cuda", "openvino", "cpu"]
Language = Literal["de", "en"]
LANGUAGES: tuple[Language, ...] = ("de", "en")
PROVIDERS: tuple[Provider, ...] = ("tensorrt", "cuda", "openvino", "cpu")


def _real(endpoint: str) -> str:
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    if endpoint.startswith("tcp://"):
        if not 0 < int(port) < 65_536:  # ZeroMQ would take 99999 for 34463 without a word
            raise ValueError(f"there is no port {port}; ports go from 1 to 65535")
        try:
            IPv4Address(host)
        except ValueError as error:
            raise ValueError(f"{host} is no IPv4 address") from error
    return endpoint


def near(endpoint: str) -> str:
    """How this machine itself reaches an endpoint that is bound to all its addresses."""
    return endpoint.replace("tcp://0.0.0.0:", "tcp://127.0.0.1:")


Endpoint = Annotated[str, Field(pattern=r"^(tcp://127\.[0-9.]+:[0-9]{1,5}|ipc://[^\s]+)$"), AfterValidator(_real)]
# an address of this machine, or 0.0.0.0 for all of them; beyond loopback only with keys, see Station
BusEndpoint = Annotated[str, Field(pattern=r"^(tcp://[0-9.]+:[0-9]{1,5}|ipc://[^\s]+)$"), AfterValidator(_real)]


class Camera(Block):
    """Where frames come from."""

    backend: Literal["simulator", "replay", "opencv"] = Field("simulator", description="kind of camera")
    settings: dict[str, Any] = Field(default_factory=dict, description="the backend's own settings, see docs/cameras.md")
    stall_s: float = Field(
        2.0,
        ge=0.1,
        le=60,
        description="s without a frame until the camera is asked whether it is alive, and reported if not; a free-running camera is reported at once",
    )
    frozen_frames: int = Field(
        2,
        ge=2,
        le=100,
        description="frames in a row with the very same bytes that count as a frozen camera; every repeat is UNDECIDED from the first on",
    )
    black_level: int = Field(
        12, ge=0, le=255, description="an image with fewer than 1 in 200 pixels above this gray level is black: UNDECIDED and an alarm"
    )
    reopen_s: float = Field(1.0, ge=0.05, le=60, description="s between attempts to reopen a camera that has gone")


class Model(Block):
    """How the model runs. Which model is the recipe's business."""

    providers: list[Provider] = Field(default_factory=lambda: list(PROVIDERS), description="in this order the first that is installed and works is used (openvino only helps with onnxruntime-openvino)")  # fmt: skip
    threads: int = Field(0, ge=0, le=64, description="CPU threads of the model; 0 = all cores")
    spin: bool = Field(True, description="threads wait busily between operators: faster, but keeps the cores warm during a run")
    warm_up_runs: int = Field(8, ge=1, le=1000, description="runs before the station says it is ready")


class Bus(Block):
    """ZeroMQ endpoints: `tcp://ADDRESS:PORT` (0.0.0.0 = every address of this machine) or `ipc://PATH`. Beyond loopback only with keys."""

    station: BusEndpoint = Field("tcp://127.0.0.1:5571", description="the station publishes here")
    rejector: BusEndpoint = Field("tcp://127.0.0.1:5572", description="the rejector publishes here")
    recorder: BusEndpoint = Field("tcp://127.0.0.1:5573", description="the recorder publishes here")
    orders: BusEndpoint = Field(
        "tcp://127.0.0.1:5574", description="the station tells the rejector of parts and verdicts here, with acknowledgement"
    )
    commands: BusEndpoint = Field("tcp://127.0.0.1:5575", description="the rejector takes orders of people here: acknowledge, stop")
    station_replay: BusEndpoint = Field("tcp://127.0.0.1:5576", description="the station says again here what a reader has missed")
    rejector_replay: BusEndpoint = Field("tcp://127.0.0.1:5577", description="the same for the rejector")
    recorder_replay: BusEndpoint = Field("tcp://127.0.0.1:5578", description="the same for the recorder")
    history: int = Field(10_000, ge=100, le=1_000_000, description="messages of each type that a sender keeps to say them again")
    queue: int = Field(
        50_000, ge=1_000, le=10_000_000, description="messages kept per slow reader before they are dropped (and counted by the reader)"
    )


class Plc(Block):
    """The PLC side."""

    backend: Literal["simulator", "modbus-server", "modbus-client"] = Field("simulator", description="kind of PLC")
    settings: dict[str, Any] = Field(default_factory=dict, description="the backend's own settings, see docs/plc.md")
    no_verdicts_stop: int = Field(5, ge=1, le=1000, description="parts in a row without a verdict that stop the line")


class Line(Block):
    """The simulated line: belt, part sensor, ejector, confirmation sensor. Unused with a real PLC."""

    control: Endpoint = Field("tcp://127.0.0.1:5581", description="where the simulated PLC answers")
    wire: str = Field("127.0.0.1:5580", description="loopback UDP HOST:PORT that stands for the trigger wire to the camera")
    rate_hz: float = Field(
        2.0,
        ge=0,
        le=1000,
        description="parts per second; 0 = as fast as the station takes them, with an ejector that is quick enough for that",
    )
    jitter: float = Field(0.1, ge=0, le=0.5, description="spread of the spacing, as a share of it")
    parts: int = Field(0, ge=0, description="stop feeding after so many parts; 0 = never")
    sensor: Literal["line", "camera"] = Field(
        "line", description="who sees a part first: the line's part sensor, or a free-running camera that finds parts itself"
    )
    confirm_s: float = Field(0.02, ge=0.001, le=5, description="s from the ejector to the confirmation sensor")
    counts_per_s: float = Field(10_000, gt=0, description="encoder counts per second of belt movement")
    bin_parts: int = Field(
        0, ge=0, le=1_000_000, description="parts that the reject bin takes until the line stops; 0 = never full; acknowledging empties it"
    )
    miss_share: float = Field(0, ge=0, le=1, description="share of ejections that fail, for drills")
    lost_edge_share: float = Field(0, ge=0, le=1, description="share of trigger edges that the wire to the camera loses, for drills")
    journal: str = Field(
        "",
        description="file in which the line itself writes down every part and what became of it, relative to the settings file: an independent witness for drills; empty = none",
    )


class Record(Block):
    """What is kept, and where."""

    folder: str = Field("data", min_length=1, description="folder of the database and the images, relative to the settings file")
    ok_share: float = Field(0.02, ge=0, le=1, description="share of OK images kept; NG and UNDECIDED are always kept")
    ring_mb: int = Field(256, ge=8, le=16_384, description="MB of shared memory that hold images until the recorder has them")
    ring_folder: str = Field("/dev/shm", min_length=1, description="where the frame ring lies; must be memory, not disk")
    candidate_score: float = Field(
        0.1, ge=0.01, le=1, description="what the model saw with at least this score and the recipe did not count is recorded too, of the last 20,000 parts: what-if questions about lower thresholds reach down to here; 1 = nothing"
    )  # fmt: skip
    batch_s: float = Field(0.5, ge=0.01, le=10, description="s at most until a record is on disk")
    keep_days: int = Field(0, ge=0, le=36_500, description="days until an image is deleted, unless it is on hold; 0 = never; rows stay")
    quota_gb: float = Field(
        0, ge=0, le=1_000_000, description="GB that all images may take; then the oldest OK images go, then other old ones; 0 = no bound"
    )
    min_free_gb: float = Field(
        2, ge=0, le=100_000, description="GB of the disk, at most a tenth of it, that are kept free in the same way; 0 = images may fill it"
    )
    reserve_mb: int = Field(
        64, ge=0, le=10_000, description="MB, at most a fiftieth of the disk, set aside to write the rows when it is full all the same"
    )


class Rabbits(Block):
    """Self-test with reference parts, known bad and known good, up to the confirmed ejection: docs/setup.md."""

    parts: list[Literal["good", "bad"]] = Field(
        ["bad", "good"], min_length=1, max_length=12, description="reference parts of one test, in order"
    )

    @field_validator("parts")
    @classmethod
    def _both(cls, value: list[str]) -> list[str]:
        if {"good", "bad"} != set(value):
            raise ValueError("a test needs a bad part, and a good one: a line that rejects everything would pass it otherwise")
        return value

    every_shift: bool = Field(False, description="the dashboard asks for a test when a shift begins, until one has been passed")
    wait_s: float = Field(120.0, ge=5, le=3600, description="s within which a reference part must come once a person says it is on its way")


def _network(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no address and no network: {error}") from error
    return text


Network = Annotated[str, AfterValidator(_network)]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,252}[A-Za-z0-9])?$")]


class Report(Block):
    """The shift report that the dashboard's process writes as each shift ends, see docs/report.md."""

    folder: str = Field("", description="folder of the reports, relative to the settings file; empty = `reports` in the record's folder")
    languages: list[Language] = Field(
        default_factory=lambda: list(LANGUAGES), max_length=2, description="in which languages it is written; empty = only when somebody asks for it"
    )  # fmt: skip
    keep_days: int = Field(1100, ge=0, le=36_500, description="days until a report is deleted; 0 = never")


class Dashboard(Block):
    """The pages in the browser: where they are served, who counts as standing at the line, how long a login lasts."""

    host: str = Field(
        "127.0.0.1", min_length=1, description="address to listen at; anything but loopback needs `tls` and at least one user"
    )
    port: int = Field(8470, ge=1, le=65_535, description="port to listen at")
    tls: Literal["off", "own", "generated"] = Field(
        "off",
        description="`own`: with the certificate named below; `generated`: with one that the dashboard makes for this machine's names and addresses, and renews",
    )
    certificate: str = Field(
        "", description="with tls = own: PEM file of the certificate and those above it, relative to the settings file"
    )
    certificate_key: str = Field("", description="with tls = own: PEM file of its key, readable by the appliance's user only")
    hosts: list[HostName] = Field(
        default_factory=list,
        max_length=50,
        description="names and addresses under which browsers reach the pages, besides loopback, `host` and, with tls = generated, this machine's own; others are refused",
    )
    terminals: list[Network] = Field(
        default_factory=list,
        max_length=50,
        description="addresses or networks (10.0.7.0/28) of terminals at the line, where PIN and badge are enough; this machine itself always is one",
    )
    session_idle_min: int = Field(240, ge=1, le=10_080, description="min without a sign of life until a login by password ends")
    session_h: int = Field(16, ge=1, le=168, description="h until a login by password ends in any case")
    pin_idle_min: int = Field(20, ge=1, le=1440, description="the same in min for a login by PIN or badge")
    pin_h: int = Field(9, ge=1, le=24, description="the same in h for a login by PIN or badge")
    demo_people: bool = Field(
        False,
        description="at the first start make one person of every role, with random passwords and PINs in a file beside the record; with simulated camera and line only",
    )


class Keys(Block):
    """CURVE keys of the bus, and who may sign models; made by `gutteil keys`."""

    folder: str = Field(
        "", description="folder of the keys, relative to the settings file; empty = no keys, and then loopback and ipc only"
    )
    signers: str = Field(
        "",
        description="folder of the public keys of those who may sign models, relative to the settings file; where it is set, an unsigned or altered model is refused; empty = models need no signature",
    )


class Registry(Block):
    """From candidate to active model: what `gutteil models` asks for, see docs/registry.md."""

    shadow: bool = Field(False, description="`gutteil run` also starts the process that lets a shadow model judge beside the active one")
    shadow_threads: int = Field(
        1, ge=1, le=64, description="CPU threads of the shadow model; they run only where nothing else wants the core"
    )
    min_shadow_parts: int = Field(1000, ge=1, le=10_000_000, description="parts that a model must have judged in shadow, under the present recipe and beside the present model, before it may be released")  # fmt: skip
    min_reviews: int = Field(20, ge=0, le=100_000, description="parts which the shadow model would pass and the active one does not, that people must have reviewed before a release: so many, or all if there are fewer")  # fmt: skip
    keep_images: int = Field(500, ge=0, le=100_000, description="images of disagreements that are kept per shadow model, where the sample of OK parts would not have kept them")  # fmt: skip


class Station(Block):
    """One camera, one trigger, one reject point."""

    name: str = Field("S1", pattern=r"^[A-Za-z0-9_-]{1,32}$", description="name of the station, unique in the plant; part of every part_id")
    recipe: str = Field("recipes/sim-board.toml", min_length=1, description="recipe to start with, relative to the settings file")
    recipes: dict[str, str] = Field(
        default_factory=dict, description='recipes that the PLC may ask for, by number: { 1 = "a.toml", 2 = "b.toml" }'
    )
    camera: Camera = Field(default_factory=Camera)
    model: Model = Field(default_factory=Model)
    bus: Bus = Field(default_factory=Bus)
    keys: Keys = Field(default_factory=Keys)
    plc: Plc = Field(default_factory=Plc)
    line: Line = Field(default_factory=Line)
    record: Record = Field(default_factory=Record)
    dashboard: Dashboard = Field(default_factory=Dashboard)
    rabbits: Rabbits = Field(default_factory=Rabbits)
    shifts: Shifts = Field(default_factory=Shifts)
    report: Report = Field(default_factory=Report)
    registry: Registry = Field(default_factory=Registry)

    @model_validator(mode="after")
    def _triggered(self) -> Station:
        if self.plc.backend != "simulator" and self.camera.backend == "opencv":
            raise ValueError(
                f"camera.backend = 'opencv' with plc.backend = {self.plc.backend!r}: this camera has no trigger input, and nothing ties its pictures to the "
                "parts that the PLC counts; use a camera that the PLC's part sensor triggers, or plc.backend = 'simulator' for trials"
            )
        return self

    @model_validator(mode="after")
    def _certified(self) -> Station:
        board = self.dashboard
        if board.tls == "own" and not (board.certificate and board.certificate_key):
            raise ValueError("dashboard.tls = 'own': name dashboard.certificate and dashboard.certificate_key, or use tls = 'generated'")
        if board.demo_people and not self.simulated:
            raise ValueError(
                "dashboard.demo_people = true: only with simulated camera and line; remove it, and `gutteil people add` real people"
            )
        return self

    @property
    def simulated(self) -> bool:
        """No real part can be in front of it."""
        return self.camera.backend == "simulator" and self.plc.backend == "simulator"

    @model_validator(mode="after")
    def _reach(self) -> Station:
        if not self.keys.folder and (beyond := reach(self)):
            key = beyond[0]
            raise ValueError(
                f"{key} = {getattr(self.bus, key.removeprefix('bus.'))!r}: reaches beyond this machine, where anybody could read and inject; "
                "make keys (gutteil keys --folder keys) and set keys.folder, or use tcp://127.0.0.1:PORT"
            )
        return self


def reach(station: Station) -> list[str]:
    """The keys of the endpoints that reach beyond this machine."""
    bus = station.bus.model_dump()
    return [f"bus.{key}" for key, value in bus.items() if isinstance(value, str) and not value.startswith(("tcp://127.", "ipc://"))]


def load(path: Path) -> Station:
    """The settings of a station; paths inside are made absolute against the file's folder.

    Raises:
        SettingsError: as `edge.settings.read_toml`.
    """
    station = read_toml(path, Station)
    base = path.resolve().parent
    record = station.record.model_copy(update={"folder": str(under(base, station.record.folder))})
    line = station.line.model_copy(update={"journal": str(under(base, station.line.journal)) if station.line.journal else ""})
    recipes = {number: str(under(base, file)) for number, file in station.recipes.items()}
    folders = {name: str(under(base, value)) if value else "" for name, value in station.keys.model_dump().items()}
    keys = station.keys.model_copy(update=folders)
    reports = str(under(base, station.report.folder)) if station.report.folder else str(Path(record.folder) / "reports")
    report = station.report.model_copy(update={"folder": reports})
    certificates = {
        name: str(under(base, value)) if (value := getattr(station.dashboard, name)) else "" for name in ("certificate", "certificate_key")
    }
    dashboard = station.dashboard.model_copy(update=certificates)
    paths = {
        "dashboard": dashboard,
        "recipe": str(under(base, station.recipe)),
        "recipes": recipes,
        "line": line,
        "record": record,
        "keys": keys,
        "report": report,
    }
    return station.model_copy(update=paths)
