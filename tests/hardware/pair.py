"""Both halves of the handshake, and images that go whole from one to the other."""

from __future__ import annotations

from hardware.handshake import VisionSide
from hardware.handshake_plc import PlcSide
from hardware.plc import PlcEvent, Result
from hardware.signals import decode


class Pair:
    """Both halves, and images that go whole from one to the other."""

    def __init__(self) -> None:
        self.vision, self.plc = VisionSide(7), PlcSide()
        self.told: list[Result] = []
        self.events: list[PlcEvent] = []

    def down(self) -> None:
        """Our block reaches the PLC, and its program takes what it finds."""
        self.plc.heard(self.vision.image())
        orders = self.plc.take()
        self.told += orders.results

    def up(self) -> None:
        """The PLC's block reaches us, and our user takes what it finds."""
        self.vision.heard(self.plc.image(), 1)
        self.events += self.vision.take()
        self.events += self.vision.take()  # he asks oftener than the link brings

    def cycles(self, count: int = 3) -> None:
        for _ in range(count):
            self.down()
            self.up()

    @property
    def says(self) -> dict[str, int]:
        return decode("to_plc", self.vision.image())


def linked_pair() -> Pair:
    """A pair that knows each other, with nothing said yet."""
    pair = Pair()
    pair.cycles()
    assert pair.vision.linked
    pair.events.clear()
    return pair
