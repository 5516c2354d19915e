"""`ossamma info`: what a bundle is, whether it is intact, and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ossamma.cli.options import Json

if TYPE_CHECKING:
    from ossamma.inference.calibration import Calibration

EXAMPLES = """
[bold]Examples[/bold]

ossamma info runs/demo

ossamma info runs/demo/bundle --json

ossamma info release --verify-key public.pem
"""


def info(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or a run folder.")],
    verify_key: Annotated[
        Path | None,
        typer.Option(
            "--verify-key",
            metavar="KEY",
            help="Refuse a bundle that the owner of this Ed25519 public key (PEM) has not signed.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Verify a bundle byte by byte and show what it is. A damaged bundle exits with 2."""
    import json

    from ossamma.export.calibration_file import read_calibration
    from ossamma.export.manifest import resolve, verify

    folder = resolve(bundle)
    metadata = verify(folder)
    if verify_key is not None:
        from ossamma.export.signature import read_public_key, verify_signature

        verify_signature(folder, read_public_key(verify_key))
    calibration = read_calibration(folder)
    if as_json:
        facts = calibration and {
            "thresholds": sorted(calibration.thresholds),
            **calibration.facts,
        }
        typer.echo(json.dumps({"path": str(folder), **metadata, "calibration": facts}))
        return
    _show(folder, metadata, calibration)


def _confidence(calibration: Calibration | None) -> str:
    """Say what the confidence of an entity is."""
    if calibration is None:
        return "raw posterior of the span; calibrate with `ossamma calibrate`"
    facts = calibration.facts
    fitted = facts.get("fitted_on", {})
    offered = ", ".join(sorted(calibration.thresholds)) or "none"
    return (
        f"calibrated ({facts.get('method', 'not stated')}, fitted on "
        f"{fitted.get('documents', '?')} documents); thresholds: {offered}"
    )


def _signature(folder: Path) -> str:
    """Say whether there is a signature; whose it is only a key can tell."""
    from ossamma.export.manifest import SIGNATURE_FILE

    return "signed" if (folder / SIGNATURE_FILE).is_file() else "not signed"


def _show(folder: Path, metadata: dict[str, Any], calibration: Calibration | None) -> None:
    from rich.table import Table
    from rich.text import Text

    from ossamma.cli.terminal import Output

    table = Table(title=str(folder), show_header=False)
    types = [tag[2:] for tag in metadata["label_schema"] if tag.startswith("B-")]
    rows = {
        "integrity": f"{len(metadata['files'])} files verified",
        "model": f"{metadata['model_type']}, {metadata['num_parameters']:,} parameters",
        "written by": f"ossamma {metadata['version']}, {metadata['exported_at']}",
        "profile": metadata.get("profile", "not stated"),
        "types": ", ".join(types),
        "confidence": _confidence(calibration),
        "dev F1": f"{metadata['val_f1']:.4f} (epoch {metadata['checkpoint_epoch']:g})",
    }
    test = (metadata.get("scores") or {}).get("test")
    if test:
        rows["test F1"] = f"{test['micro']['f1']:.4f} over {test['documents']} documents"
    if "weights" in metadata:
        rows["release"] = f"weights in {metadata['weights']}; {_signature(folder)}"
    rows["weights SHA-256"] = metadata["checksum"]
    for name, value in rows.items():
        table.add_row(name, Text(value, overflow="fold"))  # not markup: types may have brackets
    Output().print(table)
