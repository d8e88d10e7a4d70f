"""``audit``: the log as people read it, and whether it is whole."""

from __future__ import annotations

import json

from .audit import CUT_OFF, Chain, Entry
from .exits import Exit
from .place import COMMAND


def report(chain: Chain, *, expect: str, as_json: bool) -> Exit:
    """Print a log and whether its chain holds; return the exit code.

    ``expect`` is the hash of a line, noted earlier, that has to be there.
    """
    trouble = _trouble(chain, expect)
    if as_json:
        content = {
            "whole": not trouble,
            "trouble": trouble,
            "broken_line": chain.broken,
            "head": chain.head,
            "entries": chain.entries,
        }
        print(json.dumps(content))
        return Exit.AT_FAULT if trouble else Exit.DONE
    for entry in chain.entries:
        print(_line(entry))
    for number in chain.cut_off:
        print(f"line {number} was cut off, as by a crash or a full disk")
    if trouble:
        print(f"the log is not to be trusted: {trouble}")
        return Exit.AT_FAULT
    print(f"{counted(chain)}, the chain is whole; the last one's hash is {chain.head}")
    return Exit.DONE


def counted(chain: Chain) -> str:
    """Return how many entries there are, in words."""
    return "1 entry" if len(chain.entries) == 1 else f"{len(chain.entries)} entries"


def _trouble(chain: Chain, expect: str) -> str:
    if chain.broken:
        return f"line {chain.broken} {chain.reason}"
    if expect and expect not in chain.hashes[1:]:
        return f"no line has the hash {expect}: the log was written anew since it was noted"
    return ""


def _line(entry: Entry) -> str:
    try:
        about = _about(entry)
    except (LookupError, TypeError, ValueError, AttributeError):
        about = f"an entry that {COMMAND} does not write"
    return f"{entry['time'][:19]}  {entry['event']:<9}  {about}"


def _about(entry: Entry) -> str:
    event = entry["event"]
    if event == "approved":
        signed = f", signed by {entry['signer']}" if entry["signer"] else ""
        return f"{entry['digest'][:12]} by {entry['by']}{signed}"
    if event == "enrolled":
        return f"{entry['site']} with the key {entry['key']}"
    if event == "started":
        return f"{entry['site']} to {entry['server']}, package {entry['digest'][:12]}"
    if event == "answered":
        return _answered(entry)
    if event == CUT_OFF:
        return f"the line before, of {entry['bytes']} bytes, was not written whole"
    where = f"{entry['message']} of round {entry['round']}: " if "message" in entry else ""
    return f"{where}{entry.get('reason', '')}"


def _answered(entry: Entry) -> str:
    left = entry["left"]
    told = ", ".join(
        f"{record}: {' '.join(f'{name}={_number(value)}' for name, value in numbers.items())}"
        for record, numbers in left["numbers"].items()
    )
    if entry["message"] == "query":
        return "asked which site this is"
    return (
        f"{entry['message']} of round {entry['round']}: {entry['bytes_in']:,} bytes in, "
        f"{entry['bytes_out']:,} out, {len(left['arrays'])} arrays; {told}"
    )


def _number(value: float | None) -> str:
    return "nan" if value is None else f"{value:g}"
