"""The confined process: a file on standard input, what was found on standard output.

Lines of JSON: `{"page": 3, "of": 12}` as it goes; `{"picture": 3, "bytes": n, …}` followed by n bytes, for what only OCR can read;
at last `{"pages": 12, "pieces": […]}` or `{"refused": "why"}`.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import msgspec


def main(kind: str) -> None:
    """Confine, then read; whatever a parser raises becomes a refusal."""
    import mimetypes

    from dashboard.assistant.jail import confine

    mimetypes.init([])  # openpyxl asks it, and its files in /etc are out of reach afterwards
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not look like an answer

    def say(line: dict[str, Any], more: bytes = b"") -> None:
        out.write(msgspec.json.encode(line) + b"\n" + more)
        out.flush()

    try:
        confine()
    except OSError as error:
        say({"refused": f"cannot be read safely on this machine ({error})"})
        return
    from dashboard.assistant.errors import Refused
    from dashboard.assistant.reading.kinds import read
    from dashboard.assistant.reading.limits import MAX_BYTES
    from dashboard.assistant.reading.writer import Writer

    def picture(page: int, found: object) -> None:
        if isinstance(found, bytes):
            say({"picture": page, "bytes": len(found)}, found)
        elif isinstance(found, tuple):
            width, height, gray = found
            data = b"P5 %d %d 255\n" % (width, height) + gray  # PGM
            say({"picture": page, "bytes": len(data)}, data)

    writer = Writer()
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
        pages = read(kind, data, writer, lambda page, of: say({"page": page, "of": of}), picture)
        say({"pages": pages, "pieces": writer.pieces()})
    except Refused as error:
        say({"refused": str(error)})
    except MemoryError:
        say({"refused": "needs more memory than a file may; divide it"})
    except RecursionError:
        say({"refused": "nested too deep; save it anew"})
    except Exception as error:
        # the text of a parser's error may repeat the document: only its kind goes on
        say({"refused": f"damaged ({type(error).__name__}); save it anew"})


if __name__ == "__main__":
    main(sys.argv[1])
