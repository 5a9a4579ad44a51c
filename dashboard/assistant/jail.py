"""A process that reads strangers' files gives up, before the first byte, what it does not need: network, programs, writing, other files.

Three layers, each of the kernel: resource limits; a seccomp filter (no sockets, no programs, no files opened for writing); and, where
the kernel has Landlock (5.13), no file outside Python's and the system's own folders can even be read, so that a parser that has been
taken over finds neither keys nor other documents.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys
from collections.abc import Sequence
from pathlib import Path

MEMORY_BYTES = 2_000_000_000
CPU_S = 300
OPEN_FILES = 64
# numbers of system calls: (x86-64, aarch64); None where it does not exist
_DENIED = {
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "sendto": (44, 206), "sendmsg": (46, 211), "bind": (49, 200),
    "listen": (50, 201), "socketpair": (53, 199), "accept4": (288, 242), "sendmmsg": (307, 269), "io_uring_setup": (425, 425),
    "ptrace": (101, 117), "kill": (62, 129), "pidfd_send_signal": (424, 424),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "bpf": (321, 280), "mount": (165, 40), "openat2": (437, 437),
    "creat": (85, None), "truncate": (76, 45), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276),
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35), "link": (86, None),
    "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "chmod": (90, None), "fchmodat": (268, 53), "chown": (92, None),
    "fchownat": (260, 54), "memfd_create": (319, 279),
}  # fmt: skip
_PROGRAMS = {"execve": (59, 221), "execveat": (322, 281)}
_OPEN = {"open": (2, None, 1), "openat": (257, 56, 2)}  # and which argument holds the flags
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_LOAD, _IF_EQUAL, _IF_GREATER, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # refuse = EPERM


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def confine(run_programs: bool = False, folders: Sequence[Path] = ()) -> list[str]:
    """Confine this process for good; returns which layers hold.

    Args:
        run_programs: may still execute another program, which inherits all this.
        folders: what may be read besides Python's and the system's own.

    Raises:
        OSError: the kernel refuses the filter, or the machine is neither x86-64 nor aarch64: then nothing may be parsed.
    """
    os.nice(10)
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
    ):
        resource.setrlimit(what, (most, most))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) != 0:  # PR_SET_NO_NEW_PRIVS
        raise OSError(ctypes.get_errno(), "no_new_privs")
    libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    held = ["limits"]
    if _landlock(libc, folders):
        held.append("landlock")
    code = _filter(run_programs)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    if libc.prctl(22, 2, ctypes.byref(program), 0, 0) != 0:  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER
        raise OSError(ctypes.get_errno(), "seccomp")
    return [*held, "seccomp"]


def _filter(run_programs: bool) -> bytes:
    """The classic BPF program of the filter (man 2 seccomp)."""
    if platform.machine() not in _MACHINES:
        raise OSError(f"no filter of system calls for {platform.machine()}")
    arch, column = _MACHINES[platform.machine()]
    table = _DENIED if run_programs else _DENIED | _PROGRAMS
    denied = [numbers[column] for numbers in table.values() if numbers[column] is not None]
    opened = [(row[column], row[2]) for row in _OPEN.values() if row[column] is not None]
    steps: list[tuple[int, int, int, int]] = [(_LOAD, 0, 0, 4), (_IF_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    tests = [(_IF_GREATER, 0x40000000), *((_IF_EQUAL, int(number or 0)) for number in denied)]  # the first: x32, another numbering
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    tail = [(_IF_EQUAL, 0, 3, int(number or 0)) for number, _ in opened]
    body: list[tuple[int, int, int, int]] = []
    for (code, _, skip, number), (_, argument) in zip(tail, opened, strict=True):
        body += [(code, 0, skip, number), (_LOAD, 0, 0, 16 + 8 * argument), (_IF_ANY_BIT, 0, 1, writing), (_RETURN, 0, 0, _REFUSE), (_LOAD, 0, 0, 0)]  # fmt: skip
    body.append((_RETURN, 0, 0, _ALLOW))
    for k, (code, number) in enumerate(tests):
        steps.append((code, len(tests) - 1 - k + len(body), 0, number))
    steps += [*body, (_RETURN, 0, 0, _REFUSE)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _landlock(libc: ctypes.CDLL, folders: Sequence[Path]) -> bool:
    """Leave only the system's folders readable; false where the kernel cannot."""
    create, add, restrict = 444, 445, 446
    execute, read_file, read_dir = 1, 4, 8
    every = (1 << 13) - 1  # each right of the first version: reading, writing, making, removing
    ruleset = libc.syscall(create, struct.pack("=Q", every), ctypes.c_size_t(8), 0)
    if ruleset < 0:
        return False
    own = [
        Path(sys.prefix),
        Path(sys.base_prefix),
        Path(__file__).resolve().parents[2] / "dashboard",
        Path(__file__).resolve().parents[2] / "edge",
    ]
    system = [Path(name) for name in ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache", "/etc/fonts", "/dev/null", "/dev/urandom", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")]  # fmt: skip
    for path in (*own, *system, *folders):
        try:
            handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        rights = execute | read_file | (read_dir if path.is_dir() else 0)
        libc.syscall(add, ruleset, 1, struct.pack("=Qi", rights, handle), 0)
        os.close(handle)
    done = libc.syscall(restrict, ruleset, 0)
    os.close(ruleset)
    return int(done) == 0


if __name__ == "__main__":  # python -m dashboard.assistant.jail PROGRAM ARGUMENT…
    confine(run_programs=True)
    os.execv(sys.argv[1], sys.argv[1:])
