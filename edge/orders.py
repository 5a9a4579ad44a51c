"""The way of a verdict to the rejector: ROUTER (station) and DEALER (rejector), acknowledged, with an absolute deadline.

PUB/SUB loses messages without a word; this way does not. The station gives every trigger announcement and every verdict a
number and says it again, under the same number, until the rejector has acknowledged it or its deadline is long past. The
rejector takes each number once. Nothing here waits: with nobody at the other end the station goes on, and the parts are
ejected, as the PLC does with every part it has no OK for.

Frames from the station: kind, head (epoch, number, deadline), the message as it is published. From the rejector: `hello` every
`HELLO_S` with a number of its own (a new one: it has started anew and wants everything that is not acknowledged), `ack`, and
`recipe` (the PLC asks for another one). The messages come in order on one connection; a repeated one may come later than its
successors.
"""

from __future__ import annotations

import struct

# epoch; number; CLOCK_MONOTONIC ns at which it is due. Number 0: state, not acknowledged; then the last is the oldest number still kept
HEAD = struct.Struct(">QQq")
HELLO = struct.Struct(">Q")
ACK = struct.Struct(">QQ")  # epoch, number
RECIPE = struct.Struct(">H")
ORDER_KIND, HELLO_KIND, ACK_KIND, RECIPE_KIND = b"o", b"h", b"a", b"r"
KNOWN_KIND = (
    b"k"  # an order that was acknowledged once: for the rejector's books, and no permit, as another part may bear its number by now
)
HELLO_S = 0.2
MAX_WAITING = 20_000  # orders that the station keeps
