"""A report on disk held against the gates of its profile. Needs neither torch nor transformers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from ossamma.evaluation.gate_file import load_gates, read_gates
from ossamma.evaluation.gates import GateSet, Threshold
from ossamma.evaluation.incumbent import default_gate
from ossamma.evaluation.junit import junit_xml
from ossamma.evaluation.measurement import Json
from ossamma.evaluation.report import read_report
from ossamma.evaluation.verdicts import Verdicts, check_gates
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import ConfigurationError, ProfileError
from ossamma.schema.near_names import near
from ossamma.schema.profile import available_profiles


@dataclass(frozen=True, kw_only=True, slots=True)
class GateRequest:
    """What to hold against what."""

    report: Path
    """report.json of the model to judge."""
    profile: str | None = None
    """Profile whose gates decide; None means the one that the report names."""
    gates: Path | None = None
    """A file of gates in place of a profile's."""
    incumbent: Path | None = None
    """report.json of the model in use."""
    junit: Path | None = None
    """Where to write the verdicts as JUnit XML."""
    strict: bool = False
    """Whether what was not measured has failed, whatever its gate says."""

    def __post_init__(self) -> None:
        if self.profile is not None and self.gates is not None:
            raise ConfigurationError("expected a profile or a file of gates, got both")


def check_report(request: GateRequest) -> Verdicts:
    """Hold a report against gates, and write the verdicts as JUnit XML if that is asked for.

    Raises:
        FormatError: a file is not a report.
        ProfileError: the gates cannot be found, or are not well-formed.
        DataError: the JUnit file cannot be written.
    """
    report = read_report(request.report)
    incumbent = None if request.incumbent is None else read_report(request.incumbent)
    gates = _gates_for(request, report)
    if incumbent is not None and not _speaks_of_an_incumbent(gates):
        gates = replace(gates, gates=(*gates.gates, default_gate()))
    verdicts = check_gates(gates, report, incumbent, strict=request.strict)
    if request.junit is not None:
        with atomic_write(request.junit) as file:
            file.write(junit_xml(verdicts, report))
    return verdicts


def _gates_for(request: GateRequest, report: Json) -> GateSet:
    if request.gates is not None:
        return read_gates(request.gates)
    if request.profile is not None:
        return load_gates(request.profile)
    name = report.get("profile")
    shipped = available_profiles()
    if name not in shipped:
        raise ProfileError(
            f"{request.report}: the report's profile is {name!r}, and gates are known of "
            f"{', '.join(shipped)}; give --profile P or --gates FILE" + near(str(name), shipped)
        )
    return load_gates(name)


def _speaks_of_an_incumbent(gates: GateSet) -> bool:
    return any(
        isinstance(gate.check, Threshold) and gate.check.against_incumbent for gate in gates.gates
    )
