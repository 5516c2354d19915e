"""Time the automatic labeller on real text with 100,000 terms, against spaCy and a plain regex.

The lexicon is the profile's real one, filled up with generated names to the number asked for. The
peers get the same terms and only look them up: no word boundaries as ours (the regex has plain
ones), no context, no patterns, no choice among overlaps. Prints medians of several rounds on one
thread, and how many times slower each peer is. `--scaling` prints instead what doubling the text
does to the time of every pattern, on hostile texts.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
import random
import re
import statistics
import string
import time
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

from ossamma.data.autolabel.labeller import Labeller
from ossamma.data.autolabel.lexicon import Lexicon, Source, Term, TermFinder
from ossamma.data.autolabel.patterns import Pattern, PatternFinder
from ossamma.data.autolabel.rules import (
    LEXICONS_FILE,
    PATTERNS_FILE,
    read_lexicon_rules,
    read_patterns,
)
from ossamma.data.autolabel.sources import build_lexicon

OURS = "ossamma Labeller"
GENERATED = "generated"
HOSTILE = (
    "a", "A", "1", ".", "1.", "a.", "a-", "-", "/", "\\", "\\\\a", "c:\\a ", "a@", "[.]", "f", "0f",
    "cve-1", "hklm\\a ", "http://", "::", ":1", "iec 62443-", "T1", "1[.]", "a(dot)", "e1", "_",
)  # fmt: skip


def read_texts(paths: list[Path], num_bytes: int) -> list[str]:
    """Read documents (separated by a blank line) of equal shares of the files."""
    documents = []
    for path in paths:
        opener = lzma.open if path.suffix == ".xz" else open
        with opener(path, "rt", encoding="utf-8") as file:
            documents += file.read(num_bytes // len(paths)).split("\n\n")
    return [document for document in documents if document.strip()]


def fill_up(lexicon: Lexicon, num_terms: int, texts: list[str], seed: int) -> Lexicon:
    """Add generated names: words of the text in twos and threes, and names like no word."""
    generator = random.Random(seed)
    words = sorted(set(re.findall(r"[a-z]{4,12}", " ".join(texts[:5000]))))
    names: dict[str, None] = {}
    while len(names) + len(lexicon.terms) < num_terms:
        name = "".join(generator.choices(string.ascii_lowercase, k=generator.randint(6, 12)))
        if generator.random() < 0.5:
            name = " ".join(generator.choices(words, k=generator.randint(2, 3)))
        names[name.title()] = None
    label = sorted(lexicon.labels)[0]
    added = (Term(name, (label,), GENERATED) for name in names)
    sources = {**lexicon.sources, GENERATED: Source(name=GENERATED, confidence=0.5)}
    return Lexicon((*lexicon.terms, *added), sources, lexicon.boundaries)


def spacy_matcher(terms: list[str]) -> Callable[[list[str]], int]:
    """Look the terms up with spaCy's PhraseMatcher, tokenisation included: it needs tokens."""
    import spacy  # noqa: PLC0415 - an optional peer
    from spacy.matcher import PhraseMatcher  # noqa: PLC0415

    model = spacy.blank("en")
    model.max_length = 10**9
    matcher = PhraseMatcher(model.vocab, attr="LOWER")
    matcher.add("TERM", list(model.tokenizer.pipe(terms)))
    return lambda texts: sum(len(matcher(document)) for document in model.pipe(texts))


def regex_matcher(terms: list[str], num_terms: int, seed: int) -> Callable[[list[str]], int]:
    """Look a sample of the terms up by one compiled alternation: all of them would take hours."""
    sample = random.Random(seed).sample(terms, min(num_terms, len(terms)))
    longest_first = sorted(map(str.lower, sample), key=len, reverse=True)
    pattern = re.compile(r"\b(?:" + "|".join(map(re.escape, longest_first)) + r")\b")
    return lambda texts: sum(1 for text in texts for _ in pattern.finditer(text.lower()))


def timed(calls: dict[str, Callable[[], Any]], num_rounds: int) -> dict[str, float]:
    """Median seconds of each call. Rounds alternate, so that a busy machine slows all."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(num_rounds):
        for name, call in calls.items():
            start = time.process_time()
            call()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def scaling(patterns: tuple[Pattern, ...], size: int) -> list[dict[str, Any]]:
    """Return seconds of each pattern on its worst hostile text of this size and of twice it."""
    rows = []
    for pattern in patterns:
        finder = PatternFinder([pattern])
        worst: dict[str, Any] = {"pattern": pattern.name, "seconds": -1.0}
        for unit in HOSTILE:
            text = unit * (size // len(unit))
            start = time.process_time()
            finder.find_slowly(text)
            seconds = time.process_time() - start
            if seconds > worst["seconds"]:
                worst |= {"unit": unit, "seconds": seconds}
        start = time.process_time()
        finder.find_slowly(worst["unit"] * (2 * size // len(worst["unit"])))
        worst["ratio"] = (time.process_time() - start) / max(worst["seconds"], 1e-6)
        rows.append(worst)
    return rows


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    mirror = os.environ.get("OSSAMMA_MIRROR")
    parser.add_argument("texts", nargs="*", type=Path, help="text files, plain or .xz")
    parser.add_argument("--mirror", type=Path, default=mirror, help="folder of knowledge files")
    parser.add_argument("--profile", default="ner11", help="default: %(default)s")
    parser.add_argument("--terms", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument(
        "--bytes", type=int, default=8_000_000, help="of text, default: %(default)s"
    )
    parser.add_argument("--regex-terms", type=int, default=500, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    parser.add_argument("--no-spacy", action="store_true", help="leave spaCy out")
    parser.add_argument("--scaling", action="store_true", help="double hostile texts instead")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")
    options = parser.parse_args()
    if not options.scaling and (options.mirror is None or not options.texts):
        parser.error("give text files, and --mirror or OSSAMMA_MIRROR")
    return options


def compare(options: argparse.Namespace, patterns: tuple[Pattern, ...]) -> dict[str, Any]:
    """Time the labeller, its two halves and the peers on the same texts."""
    rules = files("ossamma.profiles").joinpath(options.profile)
    texts = read_texts(options.texts, options.bytes)
    real, _ = build_lexicon(read_lexicon_rules(rules.joinpath(LEXICONS_FILE)), options.mirror)
    lexicon = fill_up(real, options.terms, texts, options.seed)
    start = time.process_time()
    labeller = Labeller(lexicon, patterns)
    building = time.process_time() - start
    terms, forms = TermFinder(lexicon), PatternFinder(patterns)
    few = texts[:: max(1, len(texts) // 500)]  # the peers are slow
    surfaces = sorted({term.surface for term in lexicon.terms})
    calls: dict[str, Callable[[], Any]] = {
        OURS: lambda: sum(len(labeller.label(text)) for text in texts),
        "  of it terms": lambda: sum(len(terms.find(text)) for text in texts),
        "  of it patterns": lambda: sum(len(forms.find(text)) for text in texts),
    }
    ours = tuple(calls)
    if not options.no_spacy:
        spacy_find = spacy_matcher(surfaces)
        calls["spaCy PhraseMatcher LOWER"] = lambda: spacy_find(few)
    regex_find = regex_matcher(surfaces, options.regex_terms, options.seed)
    calls[f"re, {options.regex_terms} terms only"] = lambda: regex_find(few)
    seconds = timed(calls, options.rounds)
    sizes = {name: num_bytes(texts if name in ours else few) for name in calls}
    speeds = {name: sizes[name] / seconds[name] / 1e6 for name in calls}
    return {
        "terms": len(lexicon.terms),
        "real_terms": len(real.terms),
        "patterns": len(patterns),
        "documents": len(texts),
        "bytes": sizes[OURS],
        "marks": sum(len(labeller.label(text)) for text in texts),
        "seconds_to_build": building,
        "megabytes_per_second": speeds,
        "times_slower": {name: speeds[OURS] / speed for name, speed in speeds.items()},
    }


def num_bytes(texts: list[str]) -> int:
    """Return the size of texts in UTF-8."""
    return sum(len(text.encode()) for text in texts)


def main() -> None:
    """Run the comparison, or the scaling law, and print it."""
    options = _options()
    rules = files("ossamma.profiles").joinpath(options.profile)
    patterns = read_patterns(rules.joinpath(PATTERNS_FILE))
    if options.scaling:
        _print_scaling(scaling(patterns, 500_000), as_json=options.json)
    else:
        _print(compare(options, patterns), as_json=options.json)


def _print(result: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(result))
        return
    print(
        f"{result['terms']} terms ({result['real_terms']} real), {result['patterns']} patterns, "
        f"{result['documents']} documents, {result['bytes'] / 1e6:.1f} MB, "
        f"{result['marks']} marks, built in {result['seconds_to_build']:.1f} s"
    )
    for name, speed in result["megabytes_per_second"].items():
        print(f"{name:32}{speed:9.2f} MB/s {result['times_slower'][name]:9.1f} x")


def _print_scaling(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows))
        return
    print(f"{'pattern':26}{'worst text':16}{'s for 0.5 MB':>14}{'twice the text':>16}")
    for row in rows:
        print(f"{row['pattern']:26}{row['unit']!r:16}{row['seconds']:14.3f}{row['ratio']:14.2f} x")


if __name__ == "__main__":
    main()
