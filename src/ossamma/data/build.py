"""From a build policy to a documented, leak-free training set.

    OUT/
      train.jsonl, dev.jsonl, test.jsonl    the documents, in the profile's types
      dropped.jsonl                         what was left out, one line each, with the reason
      repairs.jsonl                         every mechanical repair of a mark
      card.json, card.md, card.html         what all this is
      work/                                 intermediate files; may be deleted

A build that was killed continues: shards that are there and up to date are kept. The same inputs
give the same bytes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from ossamma.data.assemble import AssembleSettings, assemble, check_leaks
from ossamma.data.audit import Auditor, can_miss_marks
from ossamma.data.card import write_card
from ossamma.data.catalog import Split
from ossamma.data.checksum import digest_of
from ossamma.data.deduplicate import DeduplicateSettings
from ossamma.data.gather import gather
from ossamma.data.near_index import NearSettings
from ossamma.data.policy import BuildPolicy, Grade
from ossamma.data.readers.jsonl import stream_jsonl
from ossamma.data.request import BuildProgress, BuildRequest
from ossamma.data.shards import repairs_path
from ossamma.data.split import PRIORITY, SplitSettings
from ossamma.data.statistics import Statistics
from ossamma.schema.atomic import atomic_write
from ossamma.schema.errors import DataError
from ossamma.schema.spans import Document

__all__ = ["BuildProgress", "BuildRequest", "build", "remove_work"]

REPAIRS_FILE: Final = "repairs.jsonl"


def build(request: BuildRequest, progress: BuildProgress) -> dict[str, Any]:
    """Build the set and return its card as JSON values (the content of `card.json`).

    Raises:
        DataError, FormatError, ConfigurationError, ProfileError: an input is at fault, or no
            source could be taken; what was finished before stays for the next attempt.
    """
    work = request.out / "work"
    work.mkdir(parents=True, exist_ok=True)
    gathered = gather(request, work, progress)
    if not gathered.shards:
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in gathered.rejected)
        raise DataError(f"no source could be taken: {reasons or 'the policy names none'}")
    settings = _assemble_settings(request.policy)
    statistics, auditor = Statistics(), Auditor()

    def watch(documents: Iterable[Document], split: str) -> Iterable[Document]:
        for document in statistics.count(documents, split):
            if split == "train":
                auditor.add(document)
            yield document

    progress.step("assembling", 0, 3)
    assembled = assemble(gathered.shards, request.out, work, settings)
    progress.step("looking for leaks", 1, 3)
    leaks = check_leaks(request.out, settings.leaks, watch=watch)
    progress.step("auditing", 2, 3)
    auditor.search_all(stream_jsonl(request.out / "train.jsonl", where=can_miss_marks))
    logs = [repairs_path(shard.path) for shard in gathered.shards]
    _join(logs, request.out / REPAIRS_FILE)
    content = {
        "profile": {
            "name": request.profile.name,
            "title": request.profile.title,
            "types": [t.name for t in request.profile.types],
        },
        "policy": _policy_facts(request.policy),
        "circumstances": request.circumstances,
        "sources": gathered.sources,
        "rejected": [{"name": each.name, "reason": each.reason} for each in gathered.rejected],
        "assembly": assembled.to_json(),
        "statistics": statistics.to_json(),
        "leaks": leaks.to_json(),
        "audit": auditor.report().to_json(),
        "files": [_file_facts(request.out / f"{split}.jsonl") for split in PRIORITY],
    }
    write_card(content, request.out)
    return content


def remove_work(out: Path) -> None:
    """Delete the intermediate files of a finished build; the next one begins anew."""
    shutil.rmtree(out / "work", ignore_errors=True)


def _assemble_settings(policy: BuildPolicy) -> AssembleSettings:
    dev, test = policy.shares.get(Split.DEV, 0.0), policy.shares.get(Split.TEST, 0.0)
    near = NearSettings(**policy.deduplicate)  # type: ignore[arg-type]  # it checks its values
    return AssembleSettings(
        split=SplitSettings(
            shares={"test": test, "dev": dev, "train": 1.0 - dev - test}, salt=policy.salt
        ),
        deduplicate=DeduplicateSettings(near=near),
    )


def _join(parts: Sequence[Path], out: Path) -> None:
    with atomic_write(out, binary=True) as joined:
        for part in parts:
            with part.open("rb") as file:
                shutil.copyfileobj(file, joined)


def _policy_facts(policy: BuildPolicy) -> dict[str, Any]:
    return {
        "name": policy.name,
        "licences": sorted(policy.licences),
        "salt": policy.salt,
        "shares": {split.value: share for split, share in sorted(policy.shares.items())},
        "weights": {grade.value: policy.weight(grade) for grade in Grade},
        "repairs": list(policy.repairs),
        "deduplicate": json.loads(json.dumps(dict(sorted(policy.deduplicate.items())))),
    }


def _file_facts(path: Path) -> dict[str, Any]:
    digest = digest_of(path)
    return {"name": path.name, "sha256": digest.sha256, "bytes": digest.num_bytes}
