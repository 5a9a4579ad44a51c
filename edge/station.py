"""The station's loop: trigger → frame → model → decide → publish. No disk, no HTTP, no database, no waiting for anybody."""

from __future__ import annotations

import gc
import logging
import threading
import time

import cv2

from edge.alarms import Alarms
from edge.alive import keeper
from edge.bus import publisher
from edge.config import Station as StationConfig
from edge.decide import Decision, undecided
from edge.errors import SettingsError
from edge.judge import Judge
from edge.memory import MemoryBound
from edge.messages import Ejector, Heartbeat, ImageRef, Run, State, Timings
from edge.order_desk import OrderDesk
from edge.parts_told import PartsTold
from edge.processes import STATION_PRIORITY, step_forward
from edge.recipe_change import RecipeChange
from edge.ring import RingWriter
from edge.watch import CameraWatch
from hardware.camera import Camera, CameraInfo, Frame, make_camera
from hardware.errors import DeviceError, DeviceGone, DeviceTimeout
from hardware.presence import PartDetector
from hardware.wire import WireIn

log = logging.getLogger("gutteil.station")

HEARTBEAT_S = 0.5
MAX_TRIGGER_AGE_NS = 20_000_000  # of a software trigger: the belt moves on, and the picture must show the part that was announced
RUN_REPEAT_S = 2.0


class Station:
    """One camera, one recipe, one publisher."""

    def __init__(self, config: StationConfig) -> None:
        """Load the recipe and its model and open the bus; the camera comes later, as it may come and go.

        Raises:
            SettingsError, ModelError, BusError, DeviceSettings: what is wrong before the line starts.
        """
        self._config = config
        settings = dict(config.camera.settings)
        if config.camera.backend in ("simulator", "replay"):
            settings.setdefault("wire", config.line.wire)
        self._camera: Camera = make_camera(config.camera.backend, settings)
        self._info: CameraInfo | None = None
        self._watch: CameraWatch | None = None
        self._presence: PartDetector | None = None
        self._ring: RingWriter | None = None
        self._edges: WireIn | None = None
        self._publisher = publisher(config, "station", simulated=config.camera.backend == "simulator")
        self._desk = OrderDesk(config.bus.orders, self._publisher.epoch, config)
        self._alarms = Alarms(self._publisher)
        self._told = PartsTold(config, self._publisher, self._desk)
        self._state: State = "starting"
        self._detail = "loading the recipe"
        self._counts = dict.fromkeys(("evidence_lost", "ring_held", "ring_slots", "orders_waiting", "orders_given_up"), 0)
        self._sensor, self._memory = config.line.sensor, MemoryBound("station")
        self._largest = 0  # bytes of the largest image so far
        self._ok_due = 0.0
        self._uncounted_failed = False
        self._next_beat = self._next_run = self._reopen_at = self._heard = 0.0
        self._change = RecipeChange(config)
        try:
            self._judge = self._change.first(self._while_loading)
        except BaseException:
            self._desk.close()
            self._publisher.close()
            raise
        self._told.by(self._judge)

    def _while_loading(self) -> None:
        self._desk.service()
        self._beat()

    def run(self, stop: threading.Event) -> None:
        """Judge parts until told to stop."""
        gc.collect()
        gc.freeze()
        gc.disable()  # collected between parts instead, see _idle: a collection in the middle of a part would cost milliseconds
        keeper.ready()  # model warm, socket bound; not waiting for the camera: one that is unplugged is an alarm, and no restart cures it
        try:
            while not stop.is_set():
                self._turn()
                keeper.progress(self._state, self._detail)
                if self._change.loading is not None or self._change.switch.loading:
                    self._memory.begin()  # what another model needs is no stranger's doing
                self._memory.check()
        finally:
            gc.enable()
            self._state, self._next_beat = "stopped", 0.0
            self._beat()
            self._camera.close()
            if self._edges is not None:
                self._edges.close()
            if self._ring is not None:
                self._ring.close()
            self._desk.close()
            self._change.switch.close()
            self._publisher.close()

    def _turn(self) -> None:
        """Wait for one frame and judge it, or see to what is due while none comes."""
        self._desk.service()
        self._recipes()
        if (judge := self._change.switch.take(self._judge, self._alarms)) is not None:
            self._use(judge)
        if self._info is None and not self._open():
            self._beat()
            time.sleep(0.02)
            return
        try:
            frame = self._grab(max(0.005, min(self._next_beat - time.monotonic(), self._desk.wait_s)))
        except DeviceTimeout:
            self._silence()
            self._beat()
            return
        except DeviceError as error:
            self._camera_gone(str(error))
            return
        got_ns = time.monotonic_ns()
        self._heard = got_ns / 1e9
        if self._presence is not None and not self._presence.feed(frame.image):
            self._seen_idle(frame)
        elif not frame.trigger_id and self._sensor == "line":  # which part it shows nobody knows: without a verdict the PLC ejects it
            self._camera_gone(
                "an image came without the number of its trigger, and the parts are counted by the line's sensor",
                "trigger-unnumbered",
                "have the camera triggered by the part sensor (its trigger mode and wire); it is reopened by itself",
            )
        else:
            self._alarms.set("trigger-unnumbered", False)
            self._part(frame, got_ns)
        self._beat()

    def _grab(self, timeout_s: float) -> Frame:
        """The next frame. A camera that is triggered by software is triggered here, on the edge of the part sensor.

        Raises:
            DeviceTimeout: no part came.
            DeviceGone: the camera has gone, or gave no image for its trigger (that part is UNDECIDED).
        """
        if self._edges is None:
            return self._camera.grab(timeout_s)
        edge = self._edges.wait(timeout_s)
        if time.monotonic_ns() - edge.at_ns > MAX_TRIGGER_AGE_NS:
            self._told.never_seen(edge.trigger_id, edge.at_ns)  # a picture taken now would show another part
            raise DeviceTimeout("a trigger came too late to take its picture")
        try:
            self._camera.trigger()
            frame = self._camera.grab(self._config.camera.stall_s)
        except DeviceError as error:
            self._told.never_seen(edge.trigger_id, edge.at_ns)
            raise DeviceGone(f"no image for a software trigger: {error}") from error
        frame.trigger_id, frame.trigger_ns, frame.encoder = edge.trigger_id, edge.at_ns, edge.encoder
        return frame

    def _open(self) -> bool:
        if time.monotonic() < self._reopen_at:
            return False
        try:
            info = self._camera.open()
        except DeviceError as error:
            self._camera_gone(str(error))
            return False
        self._info = info
        if self._watch is None:  # it outlives the camera: the same image after a reopening is still a frozen camera
            self._watch = CameraWatch(self._config.camera, info)
        self._presence = PartDetector() if info.mode == "free" else None
        if (info.mode == "free") != (self._sensor == "camera"):
            self._camera.close()
            raise SettingsError(
                f'line.sensor = "{self._sensor}" does not fit a camera in mode {info.mode}: '
                'a free-running camera finds the parts itself (line.sensor = "camera"), every other is told by the sensor ("line")'
            )
        if info.mode == "software" and self._edges is None:
            self._edges = WireIn(self._config.line.wire)
        if self._ring is None:
            size = max(self._largest, info.width_px * info.height_px * info.channels)
            record = self._config.record
            self._ring = RingWriter(record.ring_folder, self._config.name, self._publisher.epoch, size, record.ring_mb)
        self._heard = time.monotonic()
        self._settle()
        self._next_beat = self._next_run = 0.0
        self._alarms.set("camera-gone", False)
        self._beat()
        return True

    def _camera_gone(
        self, why: str, code: str = "camera-gone", remedy: str = "check the camera's cable and power; it is reopened by itself"
    ) -> None:
        """Close the camera, say so, and try again in a while."""
        self._camera.close()
        gc.collect()  # the line stands: time to collect what a flapping camera leaves behind
        self._info = None
        self._reopen_at = time.monotonic() + self._config.camera.reopen_s
        self._fault(code, why, remedy)

    def _fault(self, code: str, text: str, remedy: str) -> None:
        """Say at once that nothing can be judged: the rejector then stops the line."""
        self._alarms.set(code, True, "fault", text, remedy)
        self._state, self._detail, self._next_beat = "fault", text[:200], 0.0
        self._beat()

    def _silence(self) -> None:
        """No frame came. With a free-running camera that is a stall; with a trigger the camera is asked."""
        silent_s = time.monotonic() - self._heard
        if self._info is None or silent_s < self._config.camera.stall_s:
            return
        self._heard = time.monotonic()
        if self._info.mode == "free" or not self._camera.alive():
            self._camera_gone(f"the camera has stalled: no frame for {silent_s:.1f} s")

    def _seen_idle(self, frame: Frame) -> None:
        """A frame of the free-running camera that shows no part still tells whether the camera looks."""
        assert self._watch is not None
        self._health(self._watch.check(frame))

    def _health(self, problem: str) -> None:
        """Reopen a camera that is blind. The line stands meanwhile, so only trying shows whether it sees again: one
        part per attempt comes by and is UNDECIDED until it does. The alarm ends with the first healthy image."""
        assert self._watch is not None
        if problem and (self._watch.alarm or "black" in problem):
            self._camera_gone(problem, "camera-blind", "check the camera, its light and its lens; it is reopened by itself")
        elif not problem:
            self._alarms.set("camera-blind", False)

    def _part(self, frame: Frame, got_ns: int) -> None:
        """The way of a part; everything after the verdict has left is off it."""
        assert self._watch is not None
        assert self._ring is not None
        missing, odd = self._watch.number(frame)
        if odd:
            self._desk.forget()  # the line may count anew
        part_id = self._told.announce(frame, pictured=not odd)
        problem = self._watch.check(frame)
        looked = False
        if why := problem or odd or self._unjudgeable(frame):
            decision, timings = undecided(why), Timings()
        else:
            try:
                judgement = self._judge.judge(frame.image, frame.reference)
                decision, timings, looked = judgement.decision, judgement.timings, judgement.looked
            except Exception as error:  # whatever it is: doubt means reject, and the next part may be fine
                decision, timings = undecided(f"the part could not be judged: {error}"[:200]), Timings()
        if frame.image.nbytes > self._ring.slot_bytes:
            self._told.judged(frame, part_id, undecided("the camera changed its image size"), timings, got_ns, None, None)
            self._largest = frame.image.nbytes
            self._ring.close()
            self._ring = None
            self._camera_gone(f"the camera changed its image size to {frame.image.shape}")
            return
        image = self._reserve(frame, decision)
        reference = None
        if frame.reference is not None and self._judge.wants_reference and frame.reference.nbytes <= self._ring.slot_bytes:
            reference = self._ring.reserve(frame.reference, keep=image.keep)
        self._told.judged(frame, part_id, decision, timings, got_ns, image, reference)
        self._ring.fill(image, frame.image)
        if reference is not None and frame.reference is not None:
            self._ring.fill(reference, frame.reference)
        for trigger_id in missing:
            self._told.never_seen(trigger_id, frame.trigger_ns)
        if looked:  # last: parts that nobody saw are on their way to the ejector
            self._uncounted(part_id, decision)
        self._health(problem)
        if self._told.count % 16 == 0:
            gc.collect(0)

    def _uncounted(self, part_id: str, decision: Decision) -> None:
        """What the recipe did not count, for what-if questions: evidence alone, and never worth a stop of the line."""
        floor = self._config.record.candidate_score
        if floor >= 1:
            return
        try:
            self._told.uncounted(part_id, *self._judge.uncounted(decision, floor))
        except Exception:  # whatever it is: the verdict has left
            if not self._uncounted_failed:
                log.exception("what the model saw on part %s and the recipe did not count cannot be told; said once", part_id)
            self._uncounted_failed = True

    def _unjudgeable(self, frame: Frame) -> str:
        """Why no recipe is there for a part; '' if there is one."""
        if self._change.loading is not None:
            return "the recipe for it is still being loaded"
        if self._change.fault:
            return "the recipe for it could not be loaded"
        # it has waited in the camera's buffer
        return "it came before the recipe was changed" if frame.trigger_ns < self._change.changed_ns else ""

    def _reserve(self, frame: Frame, decision: Decision) -> ImageRef:
        keep = decision.verdict != "OK"
        if not keep:
            self._ok_due += self._config.record.ok_share
            if self._ok_due >= 1:
                self._ok_due -= 1
                keep = True
        assert self._ring is not None
        return self._ring.reserve(frame.image, keep=keep)

    def _recipes(self) -> None:
        """The PLC may ask for another recipe. It is changed between two parts; what cannot be loaded stops the line, as the parts to
        come are not those that the present recipe is for."""
        change, wanted = self._change, self._desk.recipe_wanted
        if change.loading is None:
            if wanted is None:
                return
            self._desk.recipe_wanted = None
            if change.ask(wanted):
                self._settle()
                self._next_beat = 0.0
                self._beat()
            else:
                self._next_run = 0.0  # asked again: say it again
            return
        judge = change.take()
        if judge is not None:
            self._alarms.set("recipe-refused", False)
            self._settle()
            self._use(judge)
        elif change.loading is None:
            self._fault("recipe-refused", change.fault, "mend the recipe or its settings, or ask for another one at the machine")

    def _use(self, judge: Judge) -> None:
        """Judge by another recipe or model from the next part on: a new run begins."""
        self._judge = judge
        self._told.by(judge, f"{self._config.name}-{time.time_ns() // 1_000_000:x}")
        self._memory.begin()  # what it holds now is its new measure
        self._next_beat = self._next_run = 0.0
        self._beat()

    def _settle(self) -> None:
        """What is to be said of the station now."""
        if self._change.loading is not None:
            self._state, self._detail = "starting", f"loading recipe {self._change.loading}"
        elif self._change.fault or self._info is None:
            self._state, self._detail = "fault", self._change.fault or "the camera is not open"
        else:
            self._state, self._detail = "ready", ""

    def _beat(self) -> None:
        now = time.monotonic()
        if now >= self._next_run and self._info is not None:
            self._next_run = now + RUN_REPEAT_S
            judge = self._judge
            self._publisher.send(
                Run, run_id=self._told.run_id, product=judge.recipe.product, recipe=judge.loaded.name, recipe_hash=judge.loaded.hash, model=judge.model.card.name,
                model_hash=judge.model.file_hash, classes=judge.classes, camera=self._info.name[:200], provider=judge.model.provider,
                recipe_number=self._change.number, ejector=Ejector(**judge.recipe.ejector.model_dump()),
            )  # fmt: skip
            self._desk.state(Run, self._publisher.last)
        if now < self._next_beat:
            return
        self._next_beat = now + HEARTBEAT_S
        self._counts["orders_waiting"], self._counts["orders_given_up"] = self._desk.waiting, self._desk.given_up
        if self._ring is not None:
            ring = self._ring
            self._counts["evidence_lost"], self._counts["ring_held"], self._counts["ring_slots"] = ring.lost, ring.count_held(), ring.slots
        self._publisher.send(
            Heartbeat,
            state=self._state,
            period_s=HEARTBEAT_S,
            run_id=self._told.run_id,
            detail=self._detail,
            counts=self._told.words | self._counts,
        )
        self._desk.state(Heartbeat, self._publisher.last)
        self._alarms.repeat()
        gc.collect(1)


def run_station(config: StationConfig, stop: threading.Event) -> None:
    """The station's process.

    Raises:
        SettingsError, ModelError, BusError, DeviceSettings: what is wrong before the line starts.
    """
    step_forward(STATION_PRIORITY)
    cv2.setNumThreads(1)  # the model has the cores; OpenCV's own threads take longer to wake than its small jobs last
    Station(config).run(stop)
