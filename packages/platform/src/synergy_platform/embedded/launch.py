"""Becomes the program that it is asked to start, after giving up root and tying its life to its parent's.

Runs alone (`python -I -S launch.py PARENT SIGNAL IDENTITY PROGRAM [ARGUMENT …]`) because the same done between fork
and exec of a process with threads can deadlock. PARENT is the process id that must live: when it dies, the kernel
sends SIGNAL (Linux only). IDENTITY is one of

- `same`: nothing is given up
- `namespace:UID:GID`: a user namespace in which this user is called UID; it keeps reading its own private files
- `account:UID:GID`: that account
- `account+files:UID:GID`: that account, with the capability to pass file permissions (where a private home holds the
  program or the data, and namespaces are forbidden, as in containers)
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE = 1
CAPABILITY_VERSION_3 = 0x20080522
EXIT_NOT_STARTED = 126


def _call(name: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _prctl(option: int, value: int = 0, third: int = 0) -> None:
    _call("prctl", option, ctypes.c_ulong(value), ctypes.c_ulong(third), ctypes.c_ulong(0), ctypes.c_ulong(0))


def _enter_namespace(uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWUSER)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1")


def _become(uid: int, gid: int, *, keep_file_access: bool) -> None:
    if keep_file_access:  # without this access(2), by which PostgreSQL finds its programs, forgets the capability
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if keep_file_access:
        bit = 1 << CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
        effective_permitted_inheritable = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
        _call("capset", header, effective_permitted_inheritable)
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE)


def main() -> None:
    """Replace this process; exits with 126 and a line on stderr when that fails."""
    parent, death_signal, identity, *command = sys.argv[1:]
    try:
        kind, *numbers = identity.split(":")
        if kind == "namespace":
            _enter_namespace(int(numbers[0]), int(numbers[1]))
        elif kind != "same":
            _become(int(numbers[0]), int(numbers[1]), keep_file_access=kind == "account+files")
        if sys.platform == "linux":
            _prctl(PR_SET_PDEATHSIG, int(death_signal))  # after the change of user, which clears it
        if os.getppid() != int(parent):  # it died before the line above
            sys.exit(EXIT_NOT_STARTED)
        # ignored by Python, and by a shell in what it starts in the background; the program would inherit it
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
        os.execv(command[0], command)
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error}\n")
        sys.exit(EXIT_NOT_STARTED)


if __name__ == "__main__":
    main()
