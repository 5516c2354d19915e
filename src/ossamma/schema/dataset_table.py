"""A data set's label table: what each of its labels means in a profile, and what it marks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ossamma.schema.candidates import DROP, Candidates, check_candidates
from ossamma.schema.errors import ProfileError
from ossamma.schema.label_rules import Rule
from ossamma.schema.near_names import near


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetTable:
    """How one data set's labels map to a profile's types.

    `labels` gives each source label its candidate types, sorted and without repetition (several
    where the source cannot tell them apart), or DROP. `annotates` names the types that the data
    set marks exhaustively: only there does an unmarked word mean "not an entity of this type".
    `rules` narrow the candidates of a label by context; the first that holds decides.
    `found_by_labels` is False for a table that is meant only when it is named, because another
    data set has the same labels.
    """

    name: str
    title: str
    labels: Mapping[str, Candidates]
    annotates: frozenset[str]
    rules: tuple[Rule, ...] = ()
    found_by_labels: bool = True
    licence: str = ""
    url: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        if not self.labels:
            raise ProfileError(f"table {self.name!r}: expected at least one source label, got none")
        for label, candidates in self.labels.items():
            check_candidates(candidates, f"table {self.name!r}, label {label!r}")
        names = [rule.name for rule in self.rules]
        for rule in self.rules:
            if names.count(rule.name) > 1:
                raise ProfileError(f"table {self.name!r}: the rule {rule.name!r} is given twice")
            self._check_rule(rule)

    def _check_rule(self, rule: Rule) -> None:
        where = f"table {self.name!r}, rule {rule.name!r}"
        if rule.label not in self.labels:
            raise ProfileError(
                f"{where}: expected a label of the table ({', '.join(sorted(self.labels))}), "
                f"got {rule.label!r}" + near(rule.label, self.labels)
            )
        candidates = self.labels[rule.label]
        if candidates is DROP:
            raise ProfileError(f"{where}: the label {rule.label!r} is dropped in any case")
        if rule.types is not DROP and not set(rule.types) < set(candidates):
            raise ProfileError(
                f"{where}: a rule leaves some of the candidates of {rule.label!r} "
                f"({', '.join(candidates)}), or DROP, got {', '.join(rule.types)}"
            )

    def rules_of(self, label: str) -> tuple[Rule, ...]:
        """Return the rules of a source label, in order; none for a label without any."""
        return tuple(rule for rule in self.rules if rule.label == label)

    def named_types(self) -> Iterator[tuple[str, str]]:
        """Yield every type that the table speaks of, with the place that names it."""
        for label, candidates in self.labels.items():
            for name in () if candidates is DROP else candidates:
                yield f"label {label!r}", name
        for name in sorted(self.annotates):
            yield "annotates", name
