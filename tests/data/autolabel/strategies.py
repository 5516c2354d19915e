"""Texts, lexicons and rules that are likely to collide."""

from __future__ import annotations

from hypothesis import strategies as st

from ossamma.data.autolabel.boundaries import BoundaryRules
from ossamma.data.autolabel.context import Context
from ossamma.data.autolabel.lexicon import Lexicon, Source, Term, TermCase
from ossamma.schema.errors import ConfigurationError

# Letters that change their length or number when folded, and everything that joins words.
LETTERS = "aAbBsS\u00df\u1e9e\u017f\u0130\u0131\ufb03\u03a3\u03c2\u0301"
JOINERS = " -\u2010'\u2019./@&_\n\u00a0"
texts = st.text(alphabet=LETTERS + JOINERS, max_size=60)
words = st.text(alphabet="abAB", min_size=1, max_size=2)
CONTEXT = Context(words=frozenset({"ab", "s"}), before=2, after=1)


def term_or_none(surface, labels, source, case, needs_context):
    try:
        return Term(surface, labels, source, "", case, needs_context)
    except ConfigurationError:
        return None


@st.composite
def lexicons(draw):
    """A lexicon of three sources, two of them of one priority."""
    sources = {
        "one": Source(name="one", priority=2, context=CONTEXT, confidence=0.9),
        "two": Source(name="two", priority=2, context=CONTEXT, confidence=0.8),
        "low": Source(name="low", priority=1, context=CONTEXT, confidence=0.7),
    }
    surfaces = st.one_of(words, st.text(alphabet=LETTERS + " -.'&", min_size=1, max_size=5))
    terms = draw(
        st.lists(
            st.builds(
                term_or_none,
                surfaces.map(lambda text: " ".join(text.split())),
                st.sampled_from([("X",), ("Y",), ("X", "Z")]),
                st.sampled_from(sorted(sources)),
                st.sampled_from(list(TermCase)),
                st.booleans(),
            ),
            max_size=12,
        )
    )
    rules = BoundaryRules(prefixes=frozenset({"a"}), suffixes=frozenset({"b", "ab"}))
    return Lexicon(tuple(term for term in terms if term), sources, rules)
