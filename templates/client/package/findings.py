"""What a check found, and how to put it right: a table for people, JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from .exits import Exit


class State(StrEnum):
    """How a check went. A note is for a person to read, and nothing is wrong by it."""

    FINE = "ok"
    NOTE = "note"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, what was found, and how to put it right."""

    check: str
    state: State
    result: str
    fix: str = ""


def fine(check: str, result: str) -> Finding:
    """Return a check that went well."""
    return Finding(check, State.FINE, result)


def note(check: str, result: str, fix: str = "") -> Finding:
    """Return what a person should know."""
    return Finding(check, State.NOTE, result, fix)


def failed(check: str, result: str, fix: str = "") -> Finding:
    """Return what is wrong."""
    return Finding(check, State.FAILED, result, fix)


def failures(findings: Iterable[Finding]) -> list[Finding]:
    """Return those of ``findings`` that went wrong."""
    return [finding for finding in findings if finding.state is State.FAILED]


def show(findings: Sequence[Finding], *, as_json: bool) -> Exit:
    """Print ``findings`` and return the exit code that they mean."""
    wrong = failures(findings)
    if as_json:
        checks = [asdict(finding) for finding in findings]
        print(json.dumps({"ok": not wrong, "checks": checks}, indent=2))
    else:
        print(as_table(findings))
        print(_summary(findings))
    return Exit.AT_FAULT if wrong else Exit.DONE


def _summary(findings: Sequence[Finding]) -> str:
    wrong, open_notes = failures(findings), [each for each in findings if each.fix]
    if wrong:
        return f"{len(wrong)} of {len(findings)} checks failed"
    return "no check failed; read what is still to do" if open_notes else "all is well"


def as_table(findings: Sequence[Finding]) -> str:
    """Return a line for each finding, and below it how to put it right."""
    width = max((len(finding.check) for finding in findings), default=0)
    margin = " " * (len(State.FAILED) + width + 4)
    lines = []
    for finding in findings:
        state = f"{finding.state:<{len(State.FAILED)}}"
        lines.append(f"{state}  {finding.check:<{width}}  {finding.result}")
        if finding.fix:
            lines.append(f"{margin}to do: {finding.fix}")
    return "\n".join(lines)
