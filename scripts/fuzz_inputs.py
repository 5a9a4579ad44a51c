"""Damaged inputs for hypothesis: good ones with bytes cut out, put in, repeated, swapped or replaced by what breaks readers."""

from __future__ import annotations

from hypothesis import strategies as st

_NASTY = (
    b"",
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",  # a lone surrogate
    b"\\u0000",
    b"[" * 2000,
    b'{"a":' * 500,
    b"a." * 1000,
    b"-1",
    b"1e999",
    b"nan",
    b"9" * 5000,
    b"18446744073709551616",
    b"null",
    b"true",
    b'""',
    b"../../x",
    b"\n",
)


@st.composite
def damaged(draw: st.DrawFn, seeds: tuple[bytes, ...]) -> bytes:
    """Up to six changes to one of the seeds, or bytes out of nowhere."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.binary(max_size=200))
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(data)))
        end = draw(st.integers(at, min(len(data), at + 24)))
        piece = draw(st.sampled_from(_NASTY) | st.binary(max_size=8) | st.just(data[at:end] * 2))
        data = data[:at] + piece + data[end:]
    return data
