"""Prints every verdict of a station and says what was missed. Needs only Python and pyzmq; copy it and build on it."""

import json
import sys
import time

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5571"
socket = zmq.Context().socket(zmq.SUB)
socket.connect(endpoint)
for topic in ("gutteil.verdict", "gutteil.heartbeat"):
    socket.subscribe(topic)
print(f"listening at {endpoint}", flush=True)

epoch, seq = 0, {"": 0}  # numbering starts anew with every epoch (start of the station)
silent_after_s, last = 1.5, time.monotonic()  # three heartbeats
while True:
    if not socket.poll(200):
        if silent_after_s and time.monotonic() - last > silent_after_s:
            print("STATION SILENT: treat every part as not inspected", flush=True)
            silent_after_s = 0.0  # said once, until it is back
        continue
    message = json.loads(socket.recv_multipart()[1])  # the first frame is the topic
    kind, last = message["type"], time.monotonic()
    if message["epoch"] != epoch:
        print(f"station {message['station']} started" + (" (SIMULATED)" if message["simulated"] else ""), flush=True)
        epoch, seq = message["epoch"], {}
    if kind in seq and message["seq"] != seq[kind] + 1:
        print(f"MISSED {kind} {seq[kind] + 1} to {message['seq'] - 1}", flush=True)
    seq[kind] = message["seq"]
    if kind == "heartbeat":
        silent_after_s = 3 * message["period_s"]
    else:
        print(f"part {message['part_id']}: {message['verdict']} {'; '.join(message['reasons'])}", flush=True)
