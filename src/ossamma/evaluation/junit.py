"""Verdicts as JUnit XML, which systems of continuous integration show as tests.

One suite, a case per gate. A gate that failed is a failure; one that was not measured is an error,
or skipped if the gate says so. Deciding a gate takes no time worth stating: every time is 0.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree

from ossamma.evaluation.gates import Verdict
from ossamma.evaluation.measurement import Json
from ossamma.evaluation.verdicts import GateResult, Outcome, Verdicts

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document can hold, not even escaped."""
_TIME: Final = "0.000"


def junit_xml(verdicts: Verdicts, report: Json) -> str:
    """Return the document as text, with its declaration.

    Args:
        verdicts: the verdicts on the report.
        report: whose profile, system and date are stated.
    """
    failures = sum(_element(result) == "failure" for result in verdicts.results)
    errors = sum(_element(result) == "error" for result in verdicts.results)
    counts = {
        "tests": str(len(verdicts.results)),
        "failures": str(failures),
        "errors": str(errors),
        "skipped": str(verdicts.count(Outcome.SKIPPED)),
        "time": _TIME,
    }
    profile = str(report.get("profile") or "gates")
    root = ElementTree.Element("testsuites", {"name": "ossamma gate", **counts})
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {"name": _clean(profile), **counts, "timestamp": _timestamp(report.get("created"))},
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in _facts(verdicts, report).items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": _clean(value)})
    for result in verdicts.results:
        _add_case(suite, result, profile)
    ElementTree.indent(root)
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _add_case(suite: ElementTree.Element, result: GateResult, profile: str) -> None:
    attributes = {
        "name": _clean(result.gate.name),
        "classname": _clean(f"ossamma.{profile}"),
        "time": _TIME,
    }
    case = ElementTree.SubElement(suite, "testcase", attributes)
    kind = _element(result)
    if kind:
        attributes = {"message": _clean(result.reason)}
        if kind != "skipped":  # the usual schemas give a skipped element no type
            attributes["type"] = result.verdict.value
        ElementTree.SubElement(case, kind, attributes)
    lines = [f"{result.verdict}: {result.reason}", f"asked by: {result.gate.source}"]
    if result.gate.note:
        lines.append(f"note: {result.gate.note}")
    ElementTree.SubElement(case, "system-out").text = _clean("\n".join(lines))


def _element(result: GateResult) -> str:
    """Return the name of the element that says how a case came out; empty if it passed."""
    if result.outcome is Outcome.PASSED:
        return ""
    if result.outcome is Outcome.SKIPPED:
        return "skipped"
    return "failure" if result.verdict is Verdict.FAIL else "error"


def _facts(verdicts: Verdicts, report: Json) -> dict[str, str]:
    system, gold = report.get("system"), report.get("gold")
    return {
        "gates": verdicts.gates,
        "ossamma": str(report.get("ossamma")),
        "system": str(system.get("name")) if isinstance(system, dict) else "not stated",
        "gold": str(gold.get("path")) if isinstance(gold, dict) else "not stated",
    }


def _timestamp(created: object) -> str:
    """Return the report's date in UTC without an offset, as the schemas want it."""
    try:
        moment = datetime.fromisoformat(str(created))
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC)
    except (ValueError, OverflowError):  # the schemas demand a date even where there is none
        moment = datetime.fromtimestamp(0, UTC)
    return moment.replace(tzinfo=None, microsecond=0).isoformat()


def _clean(text: str) -> str:
    """Write what XML cannot hold as an escape that people can read."""
    return _FORBIDDEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
