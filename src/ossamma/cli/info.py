"""`ossamma info`: what a bundle is, whether it is intact, and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ossamma.cli.options import Json

EXAMPLES = """
[bold]Examples[/bold]

ossamma info runs/demo

ossamma info runs/demo/bundle --json
"""


def info(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or a run folder.")],
    as_json: Json = False,
) -> None:
    """Verify a bundle byte by byte and show what it is. A damaged bundle exits with 2."""
    import json

    from ossamma.export.manifest import resolve, verify

    folder = resolve(bundle)
    metadata = verify(folder)
    if as_json:
        typer.echo(json.dumps({"path": str(folder), **metadata}))
        return
    _show(folder, metadata)


def _show(folder: Path, metadata: dict[str, Any]) -> None:
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
        "dev F1": f"{metadata['val_f1']:.4f} (epoch {metadata['checkpoint_epoch']:g})",
    }
    test = (metadata.get("scores") or {}).get("test")
    if test:
        rows["test F1"] = f"{test['micro']['f1']:.4f} over {test['documents']} documents"
    rows["weights SHA-256"] = metadata["checksum"]
    for name, value in rows.items():
        table.add_row(name, Text(value, overflow="fold"))  # not markup: types may have brackets
    Output().print(table)
