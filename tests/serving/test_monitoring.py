"""The page of metrics has the plan's names and buckets, and its figures add up."""

from __future__ import annotations

import asyncio
import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ossamma.export.reference import Reference, stability_index
from ossamma.schema.spans import Entity
from ossamma.serving.drift import BLOCK_TEXTS, LEAST_TEXTS, Seen
from ossamma.serving.stages import Answer
from tests.serving.fakes import answer_to
from tests.serving.serving import CALIBRATION, fake_model, run, serving


def families(page: str) -> dict:
    return {family.name: family for family in text_string_to_metric_families(page)}


def bounds(family) -> list[float]:
    return [float(s.labels["le"]) for s in family.samples if s.name.endswith("_bucket")]


def test_names_and_buckets_are_those_of_the_plan():
    async def story():
        async with serving() as server:
            await server.post("/predict", {"texts": ["Ada met Alan in Oslo", "x", ""]})
            await server.post("/ner", {"text": 3})
            await server.client.get("/health")
            found = families((await server.client.get("/metrics")).text)
            assert found["ner_requests"].samples[0].name == "ner_requests_total"
            assert found["ner_requests"].samples[0].value == 2
            latency = found["ner_request_latency_seconds"]
            assert bounds(latency) == [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, math.inf]
            assert bounds(found["ner_batch_size"]) == [1, 2, 4, 8, 16, 32, math.inf]
            [entities] = [s for s in found["ner_entities"].samples if s.name.endswith("_total")]
            assert entities.labels == {"entity_type": "NAME"}
            assert entities.value == 3
            assert await server.metric("ner_request_latency_seconds_count") == 1
            assert await server.metric("ner_texts_total") == 3
            assert await server.metric("ner_characters_total") == 21
            assert await server.metric("ner_tokens_total") == 6
            assert await server.metric("ner_truncated_texts_total") == 0
            assert await server.metric("ner_confidence_count") == 3
            assert await server.metric("ner_entities_per_1000_characters_count") == 2
            assert await server.metric("ner_requests_in_flight") == 0
            for route, status in (("/predict", 200), ("/ner", 422)):
                name = f'ner_responses_total{{route="{route}",status="{status}"}}'
                assert await server.metric(name) == 1
            assert await server.metric('ner_rejections_total{reason="invalid"}') == 1
            assert await server.metric('ner_model_ready{model="default"}') == 1
            [info] = found["ner_model_info"].samples
            assert info.labels["checksum"] == "c" * 64

    run(story)


def test_the_queue_can_be_seen():
    async def story():
        async with serving() as server:
            server.stages.gate.clear()
            asked = [asyncio.create_task(server.post("/ner", {"text": "Ada"})) for _ in range(3)]
            await asyncio.to_thread(server.stages.began.wait, 30)
            async with asyncio.timeout(30):
                while await server.metric('ner_queue_requests{model="default"}') < 3:
                    await asyncio.sleep(0.001)
            assert await server.metric('ner_queue_characters{model="default"}') == 9
            server.stages.gate.set()
            await asyncio.gather(*asked)
            assert await server.metric('ner_queue_requests{model="default"}') == 0

    run(story)


def entity(confidence: float) -> Entity:
    return Entity(0, 3, "NAME", "Ada", confidence)


def answers(number: int, confidence: float = 0.5) -> list[Answer]:
    return [Answer([], [entity(confidence)])] * number


def reference_of(number: int, length: int, confidence: float) -> Reference:
    made = Reference(("NAME", "PLACE"))
    for _ in range(number):
        made.add(length, [entity(confidence)])
    return made


def test_texts_like_the_reference_have_not_drifted_and_others_have():
    seen = Seen(fake_model(reference=reference_of(500, 100, 0.5)))
    seen.add(["x" * 100] * 300, answers(300))
    found = seen.stability()
    assert found == {
        ("text_length", ""): pytest.approx(0.0),
        ("confidence", ""): pytest.approx(0.0),
        ("entity_rate", "NAME"): pytest.approx(0.0),
        ("entity_rate", "PLACE"): pytest.approx(0.0),
    }
    other = Seen(seen.model)
    other.add(["x" * 3000] * 300, answers(300, 0.9))
    found = other.stability()
    assert found["text_length", ""] > 1.0
    assert found["confidence", ""] > 1.0
    assert found["entity_rate", "PLACE"] == pytest.approx(0.0)


def test_the_index_is_that_of_the_reference_module():
    reference = reference_of(300, 100, 0.5)
    seen = Seen(fake_model(reference=reference))
    texts = ["x" * (40 + 7 * n % 300) for n in range(400)]
    seen.add(texts, answers(400))
    counts = Reference(("NAME", "PLACE"))
    for text in texts:
        counts.add(len(text), [entity(0.5)])
    expected = stability_index(reference.text_length.counts, counts.text_length.counts)
    assert seen.stability()["text_length", ""] == pytest.approx(expected)


def test_little_is_told_of_few_texts_and_nothing_without_a_reference():
    few = Seen(fake_model(reference=reference_of(500, 100, 0.5)))
    few.add(["x" * 100] * (LEAST_TEXTS - 1), answers(LEAST_TEXTS - 1))
    assert few.stability() == {}
    many = Seen(fake_model())
    many.add(["x"] * 500, answers(500))
    assert many.stability() == {}
    assert many.expected_precision() is None, "not calibrated"


def test_expected_precision_is_the_mean_confidence_of_recent_entities():
    seen = Seen(fake_model(calibration=CALIBRATION))
    assert seen.expected_precision() is None
    seen.add(["x"] * 300, answers(300, 0.8))
    seen.add(["x"] * 100, answers(100, 0.4))
    assert seen.expected_precision() == pytest.approx(0.7)


def test_old_texts_are_forgotten():
    seen = Seen(fake_model(calibration=CALIBRATION))
    for confidence in (0.1, 0.8, 0.8):
        seen.add(["x"] * BLOCK_TEXTS, answers(BLOCK_TEXTS, confidence))
    assert seen.texts == 2 * BLOCK_TEXTS
    assert seen.expected_precision() == pytest.approx(0.8)


def test_drift_is_on_the_page():
    reference = Reference(("NAME", "PLACE"))
    for _ in range(300):
        reference.add(len("Ada met Alan"), answer_to("Ada met Alan").entities)

    async def story():
        model = fake_model(reference=reference, calibration=CALIBRATION)
        async with serving(loader=lambda _: model) as server:
            await server.post("/predict", {"texts": ["Ada met Alan"] * 200})
            name = 'ner_drift_psi{entity_type="NAME",feature="entity_rate",model="default"}'
            assert name in (await server.client.get("/metrics")).text
            assert await server.metric(name) == pytest.approx(0.0)
            assert await server.metric('ner_drift_texts{model="default"}') == 200
            assert await server.metric('ner_expected_precision{model="default"}') == 0.5

    run(story)


def test_spans_of_a_request_are_traced():
    trace = pytest.importorskip("opentelemetry.sdk.trace", reason="OpenTelemetry is optional")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    from ossamma.serving.tracing import OpenTelemetryTracer  # noqa: PLC0415  after the skips

    kept = memory.InMemorySpanExporter()
    provider = trace.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(kept))
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    async def story():
        async with serving(tracer=OpenTelemetryTracer(provider)) as server:
            await server.post("/ner", {"text": "Ada"}, headers={"traceparent": parent})

    run(story)
    spans = {span.name: span for span in kept.get_finished_spans()}
    assert set(spans) == {"POST /ner", "recognise"}
    assert f"{spans['POST /ner'].context.trace_id:032x}" == parent.split("-")[1]
    assert spans["recognise"].parent.span_id == spans["POST /ner"].context.span_id
