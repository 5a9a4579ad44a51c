"""Prints every verdict of a station, asks for those it missed, and names those that are lost. Needs only Python and pyzmq.

    python watcher.py tcp://ADDRESS:5571 tcp://ADDRESS:5576 [KEYFILE]

The first address is `bus.station`, the second `bus.station_replay`. KEYFILE is what `gutteil keys --add` made for this client.
"""

import json
import sys
from typing import Any

import zmq

context = zmq.Context()


def connect(kind: int, endpoint: str) -> Any:
    """A socket that shows our key, if there is one, and talks to nobody but the appliance that it was made for."""
    socket = context.socket(kind)
    if len(sys.argv) > 3:
        with open(sys.argv[3], encoding="utf-8") as file:
            key = json.load(file)
        socket.curve_publickey, socket.curve_secretkey = key["public"].encode(), key["secret"].encode()
        socket.curve_serverkey = key["server"].encode()
    if kind == zmq.SUB:
        socket.subscribe("gutteil.verdict")
        socket.subscribe("gutteil.heartbeat")
    socket.connect(endpoint)
    return socket


def show(message: dict[str, Any], note: str = "") -> None:
    print(f"part {message['part_id']}: {message['verdict']} {'; '.join(message['reasons'])}{note}", flush=True)


def recover(epoch: int, first: int, last: int) -> None:
    """Ask for verdicts `first` to `last` until they are here or the station says that it has them no more."""
    while first <= last:
        question = {"v": 1, "ask": "again", "id": first, "epoch": epoch, "type": "verdict", "first": first, "last": last}
        replay.send_json(question)
        head: dict[str, Any] = {"id": -1}
        frames: list[dict[str, Any]] = []
        while head["id"] != first:  # an answer to an earlier question is no answer to this one
            if not replay.poll(2000):
                print(f"MISSED verdict {first} to {last}: no answer", flush=True)
                return
            head, *frames = map(json.loads, replay.recv_multipart())
        begin = head["first"] if head["epoch"] == epoch and head["count"] else last + 1
        if begin > first:
            print(f"MISSED verdict {first} to {begin - 1}: the station has them no more", flush=True)
        for message in frames:
            show(message, " (said again)")
        first = begin + len(frames)


reader, replay = connect(zmq.SUB, sys.argv[1]), connect(zmq.DEALER, sys.argv[2])
print("listening", flush=True)
epoch, seen = 0, 0
while True:
    message = json.loads(reader.recv_multipart()[1])
    beat = message["type"] == "heartbeat"
    newest = message["sent"].get("verdict", 0) if beat else message["seq"]  # a heartbeat tells of the newest ones, lost or not
    if message["epoch"] != epoch:  # the station has started anew and counts from 1; on joining we begin with now
        epoch, seen = message["epoch"], 0 if epoch else newest - (not beat)
    if newest > seen + (not beat):
        recover(epoch, seen + 1, newest - (not beat))
    if not beat and newest > seen:  # what is not newer is a repeat
        show(message)
    seen = max(seen, newest)
