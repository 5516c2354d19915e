"""JUnit XML that every reader takes: well-formed, valid, and with counts that add up."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossamma.evaluation.gate_file import load_gates
from ossamma.evaluation.gates import (
    Gate,
    GateSet,
    IfNotMeasured,
    Metric,
    Operator,
    Scope,
    Score,
    Threshold,
    Unmeasurable,
)
from ossamma.evaluation.junit import junit_xml
from ossamma.evaluation.verdicts import Outcome, check_gates
from tests.evaluation.reports import report

REPORT = report({"PERSON": (300, 10, 10), "PLACE": (9, 1, 1)})
ODD = st.text(st.characters(exclude_categories=[]), max_size=20)

# What the schemas of JUnit that are in use agree upon, written down for this test.
SCHEMA = """\
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
  <xs:simpleType name="moment"><xs:restriction base="xs:dateTime">
    <xs:pattern value="[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"/>
  </xs:restriction></xs:simpleType>
  <xs:attributeGroup name="counts">
    <xs:attribute name="name" type="xs:token" use="required"/>
    <xs:attribute name="tests" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="failures" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="errors" type="xs:nonNegativeInteger" use="required"/>
    <xs:attribute name="skipped" type="xs:nonNegativeInteger"/>
    <xs:attribute name="time" type="xs:decimal" use="required"/>
  </xs:attributeGroup>
  <xs:complexType name="fault">
    <xs:attribute name="message" use="required"/><xs:attribute name="type" use="required"/>
  </xs:complexType>
  <xs:complexType name="case">
    <xs:sequence>
      <xs:choice minOccurs="0">
        <xs:element name="skipped"><xs:complexType>
          <xs:attribute name="message"/></xs:complexType></xs:element>
        <xs:element name="error" type="fault"/>
        <xs:element name="failure" type="fault"/>
      </xs:choice>
      <xs:element name="system-out" minOccurs="0" type="xs:string"/>
    </xs:sequence>
    <xs:attribute name="name" type="xs:token" use="required"/>
    <xs:attribute name="classname" type="xs:token" use="required"/>
    <xs:attribute name="time" type="xs:decimal" use="required"/>
  </xs:complexType>
  <xs:complexType name="suite">
    <xs:sequence>
      <xs:element name="properties"><xs:complexType><xs:sequence>
        <xs:element name="property" maxOccurs="unbounded"><xs:complexType>
          <xs:attribute name="name" use="required"/><xs:attribute name="value" use="required"/>
        </xs:complexType></xs:element>
      </xs:sequence></xs:complexType></xs:element>
      <xs:element name="testcase" type="case" minOccurs="0" maxOccurs="unbounded"/>
    </xs:sequence>
    <xs:attributeGroup ref="counts"/>
    <xs:attribute name="timestamp" type="moment" use="required"/>
  </xs:complexType>
  <xs:element name="testsuites"><xs:complexType>
    <xs:sequence><xs:element name="testsuite" type="suite" maxOccurs="unbounded"/></xs:sequence>
    <xs:attributeGroup ref="counts"/>
  </xs:complexType></xs:element>
</xs:schema>
"""


def gate(name="a", *, check=None, skips=False, source="s", note=""):
    return Gate(
        name=name,
        source=source,
        note=note,
        check=check or Unmeasurable("nobody knows"),
        if_not_measured=IfNotMeasured.SKIP if skips else IfNotMeasured.FAIL,
    )


def scored(threshold):
    return Threshold(
        measure=Score(metric=Metric.F1, scope=Scope.MICRO),
        operator=Operator.ABOVE,
        threshold=threshold,
    )


FOUR = GateSet(
    "four",
    (
        gate("pass", check=scored(0.5)),
        gate("fail", check=scored(0.999)),
        gate("error"),
        gate("skipped", skips=True),
    ),
)


def parsed(verdicts, content=REPORT):
    return ElementTree.fromstring(junit_xml(verdicts, content).encode())


def test_every_outcome_has_its_element():
    suite = parsed(check_gates(FOUR, REPORT))[0]
    cases = {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}
    assert cases == {
        "pass": ["system-out"],
        "fail": ["failure", "system-out"],
        "error": ["error", "system-out"],
        "skipped": ["skipped", "system-out"],
    }


@pytest.mark.parametrize("name", ["rag9", "ner11"])
@pytest.mark.parametrize("strict", [False, True])
def test_counts_add_up(name, strict):
    verdicts = check_gates(load_gates(name), REPORT, strict=strict)
    root = parsed(verdicts)
    for node in (root, root[0]):
        numbers = {key: int(node.get(key)) for key in ("tests", "failures", "errors", "skipped")}
        assert numbers["tests"] == len(list(root.iter("testcase"))) == len(verdicts.results)
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert numbers[key] == len(list(root.iter(tag)))
        assert numbers["failures"] + numbers["errors"] == verdicts.count(Outcome.FAILED)
        assert numbers["skipped"] == verdicts.count(Outcome.SKIPPED)
        total = sum(float(case.get("time")) for case in root.iter("testcase"))
        assert float(node.get("time")) == pytest.approx(total)


def test_it_is_valid():
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.fromstring(SCHEMA))
    for gates in (FOUR, load_gates("rag9"), load_gates("ner11")):
        text = junit_xml(check_gates(gates, REPORT), REPORT)
        schema.assertValid(etree.fromstring(text.encode()))
    broken = text.replace(' timestamp="', ' stamp="').encode()
    assert not schema.validate(etree.fromstring(broken)), "the schema must be able to refuse"


@pytest.mark.parametrize(
    ("created", "stamp"),
    [
        ("2026-11-22T12:00:00+01:00", "2026-11-22T11:00:00"),
        ("2026-11-22T12:00:00.123456Z", "2026-11-22T12:00:00"),
        ("2026-11-22T12:00:00", "2026-11-22T12:00:00"),
        (None, "1970-01-01T00:00:00"),
        ("yesterday", "1970-01-01T00:00:00"),
        ("0001-01-01T00:00:00+14:00", "1970-01-01T00:00:00"),
    ],
)
def test_the_date_is_the_reports_in_utc(created, stamp):
    root = parsed(check_gates(FOUR, REPORT), REPORT | {"created": created})
    assert root[0].get("timestamp") == stamp


@given(ODD, ODD, ODD, ODD)
def test_any_text_is_well_formed(name, source, reason, profile):
    gates = GateSet("g", (gate(name, check=Unmeasurable(reason), source=source, note=reason),))
    content = REPORT | {"profile": profile, "system": {"name": source}, "gold": {"path": name}}
    (case,) = parsed(check_gates(gates, content), content).iter("testcase")
    if name.isprintable():
        assert case.get("name") == name
    assert case.find("error") is not None


def test_what_xml_cannot_hold_is_shown_as_an_escape():
    gates = GateSet("g", (gate("a\x00\x1b[31m\ud800\ufffe<&>"),))
    (case,) = parsed(check_gates(gates, REPORT)).iter("testcase")
    assert case.get("name") == r"a\x00\x1b[31m\ud800\ufffe<&>"
