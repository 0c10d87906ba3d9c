"""Put faults into a running system one by one, and see whether the doctor names each, with what mends it.

    hatch run doctor:run                            all of them; about 7 minutes
    hatch run doctor:run --only disk_full           some of them

The system is the embedded one with its web app, as `synergy up` starts it; the doctor is the command. Exits with 1 when
a fault is not named, when something else is called wrong, or when a system without a fault is not called well: it is
looked at before, after each fault, and at the end. Two faults mount a small disk, for which root is needed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from faults import FAULTS, Fault
from system import Checks, Patient, alarms_of


def told(alarms: Checks) -> str:
    """For people."""
    return "; ".join(f"{name}: {each['text']}" for name, each in alarms.items())


def is_named(fault: Fault, alarms: Checks) -> bool:
    """By its check, with what mends it."""
    return fault.check in alarms and fault.fix in alarms[fault.check]["fix"]


def false_alarms(fault: Fault, alarms: Checks) -> Checks:
    """What has nothing to do with the fault."""
    fine = fault.also | {fault.check}
    return {name: each for name, each in alarms.items() if not {name, name.partition("/")[0]} & fine}


def try_fault(system: Patient, fault: Fault) -> bool:
    """Make it, look, mend it; whether all was as it should be. Prints a line, and more where it was not."""
    with fault.make(system) as given:
        options = [word for word in given if word.startswith("--")]
        settings = {name: value for name, value in given.items() if name not in options}
        began = time.monotonic()
        alarms = alarms_of(system.doctor(*options, **settings)[1])
        took = time.monotonic() - began
    named, others = is_named(fault, alarms), false_alarms(fault, alarms)
    print(f"{'ok    ' if named else 'MISSED'}  {fault.text:<62}  {fault.check:<32}  {took:4.1f} s", flush=True)
    if not named:
        print(f"        said: {told(alarms) or 'nothing'}", flush=True)
    if others:
        print(f"        FALSE: {told(others)}", flush=True)
    after = system.until_well()
    if after:
        print(f"        NOT WELL AFTER IT: {told(after)}", flush=True)
    return named and not others and not after


def main() -> int:
    """Run it; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = {fault.make.__name__: fault for fault in FAULTS}
    parser.add_argument("--only", nargs="+", choices=names, metavar="FAULT", help=f"of {', '.join(names)}")
    parser.add_argument("--keep", action="store_true", help="leave the folder with the log")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("Run it as root: two faults mount a small disk.")
    chosen = [names[name] for name in options.only or names]
    folder = Path(tempfile.mkdtemp(prefix="synergy-doctor-"))
    print(f"log in {folder}", flush=True)
    with Patient.started(folder) as system:
        before = system.until_well()
        print(f"healthy: {told(before) or 'nothing is said'}", flush=True)
        fine = [try_fault(system, fault) for fault in chosen]
    print(f"{len(chosen)} faults, {sum(fine)} named with what mends them and nothing else", flush=True)
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    return int(bool(before) or not all(fine))


if __name__ == "__main__":
    sys.exit(main())
