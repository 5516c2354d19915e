"""The app says what was found, refuses what it must, and never fails by itself."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import threading
from pathlib import Path

import httpx
import pytest

from ossamma.schema.errors import BundleError
from ossamma.serving.access import KeyRing, Role, new_key
from ossamma.serving.app import create_app
from ossamma.serving.batcher import BatcherSettings
from ossamma.serving.settings import ServerSettings
from tests.serving.fakes import FakeStages, answer_to
from tests.serving.serving import BUNDLE, CALIBRATION, fake_model, run, serving

ADA = "Ada met Alan in Oslo"
ROUTES = ("/predict", "/v1/extract", "/ner")


def body_of(route: str, text: str = ADA) -> dict:
    return {"text": text} if route == "/ner" else {"texts": [text]}


def entities_of(text: str) -> list[dict]:
    return [
        {
            "start": e.start,
            "end": e.end,
            "label": e.label,
            "text": e.text,
            "confidence": e.confidence,
        }
        for e in answer_to(text).entities
    ]


def test_predict_has_the_form_of_the_plan():
    async def story():
        async with serving() as server:
            answer = await server.post("/predict", {"texts": [ADA, ""]})
            assert answer.status_code == 200
            assert answer.json() == {
                "results": [
                    {
                        "text": ADA,
                        "tokens": ADA.split(),
                        "labels": ["B-NAME", "O", "B-NAME", "O", "B-NAME"],
                        "entities": entities_of(ADA),
                    },
                    {"text": "", "tokens": [], "labels": [], "entities": []},
                ]
            }

    run(story)


def test_ner_has_the_form_of_the_older_service():
    async def story():
        async with serving() as server:
            answer = (await server.post("/ner", {"text": ADA})).json()
            assert answer["doc_length"] == 5
            assert answer["entities"][0] == {
                "text": "Ada",
                "label": "NAME",
                "start": 0,
                "end": 3,
                "score": 0.5,
            }
            info = (await server.client.get("/info")).json()
            assert info["labels"] == ["NAME", "PLACE"]
            assert info["state"] == "ready"

    run(story)


@pytest.mark.parametrize(
    ("wishes", "number"),
    [
        ({}, 3),
        ({"types": ["NAME"]}, 3),
        ({"types": ["PLACE"]}, 0),
        ({"types": []}, 0),
        ({"min_confidence": 0.5}, 3),
        ({"min_confidence": 0.51}, 0),
        ({"thresholds": "none"}, 3),
        ({"thresholds": "f1"}, 0),
        ({"model": "default"}, 3),
    ],
)
def test_extract_leaves_out_what_is_not_wanted(wishes, number):
    async def story():
        async with serving(loader=lambda _: fake_model(calibration=CALIBRATION)) as server:
            answer = await server.post("/v1/extract", {"texts": [ADA], **wishes})
            assert answer.status_code == 200
            content = answer.json()
            assert content["calibrated"] is True
            assert len(content["results"][0]["entities"]) == number

    run(story)


@pytest.mark.parametrize(
    ("route", "content", "field"),
    [
        ("/predict", b"", "body"),
        ("/predict", b"{", "body"),
        ("/predict", b"\xff\xfe", "body"),
        ("/predict", b"[" * 100_000, "body"),
        ("/predict", b"9" * 10_000, "body"),
        ("/predict", b"[]", "body"),
        ("/predict", b"null", "body"),
        ("/predict", b"{}", "texts"),
        ("/predict", b'{"texts": "Ada"}', "texts"),
        ("/predict", b'{"texts": ["Ada", 3]}', "texts[1]"),
        ("/predict", b'{"texts": ["\\ud800"]}', "texts[0]"),
        ("/predict", b'{"texts": [], "txts": 1}', "txts"),
        ("/predict", b'{"texts": [], "\\ud800": 1}', "body"),
        ("/predict", '{"texts": [], "é": 1}'.encode(), "\\xe9"),
        ("/predict", b'{"texts": [], "model": "\\ud800"}', "model"),
        ("/predict", b'{"texts": [], "model": "other"}', "model"),
        ("/v1/extract", b'{"texts": [], "types": ["NOBODY"]}', "types"),
        ("/v1/extract", b'{"texts": [], "min_confidence": 1.5}', "min_confidence"),
        ("/v1/extract", b'{"texts": [], "min_confidence": NaN}', "min_confidence"),
        ("/v1/extract", b'{"texts": [], "min_confidence": true}', "min_confidence"),
        ("/v1/extract", b'{"texts": [], "thresholds": "best"}', "thresholds"),
        ("/v1/extract", b'{"texts": [], "thresholds": "f1"}', "thresholds"),
        ("/ner", b'{"text": null}', "text"),
        ("/ner", b'{"text": "\\udc00"}', "text"),
    ],
    ids=lambda value: value[:40].decode(errors="replace") if isinstance(value, bytes) else None,
)
def test_a_wrong_request_is_told_where_it_is_wrong(route, content, field):
    async def story():
        async with serving() as server:
            answer = await server.client.post(
                route, content=content, headers={"content-type": "application/json"}
            )
            assert answer.status_code == 422
            told = answer.json()
            assert told["error"] == "invalid"
            assert field in [each["field"] for each in told["fields"]], told
            assert told["request_id"] == answer.headers["x-request-id"]

    run(story)


SMALL = ServerSettings(
    max_texts=2,
    max_text_characters=20,
    max_characters=30,
    section_characters=20,
    max_body_bytes=200,
    max_stream_bytes=300,
)


@pytest.mark.parametrize(
    "texts",
    [["a"] * 3, ["a" * 21], ["a" * 16] * 2, ["a" * 300]],
    ids=["texts", "text", "all", "body"],
)
@pytest.mark.parametrize("route", ["/predict", "/v1/extract"])
def test_too_much_is_refused(route, texts):
    async def story():
        async with serving(SMALL) as server:
            answer = await server.post(route, {"texts": texts})
            assert answer.status_code == 413
            assert answer.json()["error"] == "limit"
            assert (await server.post(route, {"texts": ["a" * 15] * 2})).status_code == 200

    run(story)


@pytest.mark.parametrize("route", ["/predict", "/v1/stream"])
def test_a_body_of_unknown_length_is_bounded_too(route):
    async def endless():
        while True:
            yield b"a" * 100

    async def story():
        async with serving(SMALL) as server:
            answer = await server.client.post(route, content=endless())
            assert answer.status_code == 413

    run(story)


def test_a_full_queue_is_told_with_a_time():
    settings = ServerSettings(batcher=BatcherSettings(queue_requests=1))

    async def story():
        async with serving(settings) as server:
            server.stages.gate.clear()
            first = asyncio.create_task(server.post("/ner", {"text": "Ada"}))
            await asyncio.to_thread(server.stages.began.wait, 30)
            refused = await server.post("/ner", {"text": "Oslo"})
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) >= 1
            server.stages.gate.set()
            assert (await first).status_code == 200
            assert await server.metric('ner_rejections_total{reason="overloaded"}') == 1

    run(story)


def test_a_deadline_is_kept():
    async def story():
        async with serving(ServerSettings(deadline_seconds=0.1)) as server:
            server.stages.gate.clear()
            answer = await server.post("/ner", {"text": "Ada"})
            assert answer.status_code == 504
            assert answer.json()["error"] == "deadline"

    run(story)


def test_who_hangs_up_leaves_the_queue():
    async def story():
        async with serving() as server:
            server.stages.gate.clear()
            held = asyncio.create_task(server.post("/ner", {"text": "Held"}))
            await asyncio.to_thread(server.stages.began.wait, 30)
            gone = asyncio.Event()
            sent = []

            async def receive():
                if not sent:
                    sent.append(True)
                    return {"type": "http.request", "body": b'{"text": "Gone"}'}
                await gone.wait()
                return {"type": "http.disconnect"}

            async def send(message):
                sent.append(message)

            scope = {
                "type": "http",
                "method": "POST",
                "path": "/ner",
                "raw_path": b"/ner",
                "query_string": b"",
                "headers": [(b"content-type", b"application/json")],
                "http_version": "1.1",
                "scheme": "http",
                "server": ("server", 80),
                "client": ("client", 1),
                "root_path": "",
            }
            task = asyncio.create_task(server.app(scope, receive, send))
            batcher = server.service.models.get().batcher
            async with asyncio.timeout(30):
                while batcher.num_requests < 2:
                    await asyncio.sleep(0.001)
            gone.set()
            await task
            assert batcher.num_requests == 1
            server.stages.gate.set()
            assert (await held).status_code == 200
            assert not any("Gone" in text for each in server.stages.rounds for text, _ in each)

    run(story)


def test_a_model_that_fails_is_our_fault_and_only_once():
    async def story():
        async with serving() as server:
            answer = await server.post("/ner", {"text": "BOOM secret"})
            assert answer.status_code == 500
            assert answer.json()["error"] == "internal"
            assert "secret" not in answer.text
            assert answer.headers["x-request-id"] == answer.json()["request_id"]
            assert (await server.post("/ner", {"text": "Ada"})).status_code == 200

    run(story)


def test_before_the_model_is_there_the_server_lives_but_is_not_ready():
    async def story():
        release = asyncio.Event()
        loop = asyncio.get_running_loop()

        def load(path: Path):
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result(30)
            return fake_model()

        app = create_app(BUNDLE, loader=load)
        transport = httpx.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://server") as client,
        ):
            assert (await client.get("/health")).status_code == 200
            ready = await client.get("/ready")
            assert ready.status_code == 503
            assert ready.json()["models"] == {"default": "loading"}
            early = await client.post("/ner", json={"text": "Ada"})
            assert early.status_code == 503
            assert "retry-after" in early.headers
            assert (await client.get("/info")).json()["state"] == "loading"
            release.set()
            await app.state.loading
            assert (await client.get("/ready")).status_code == 200

    run(story)


def test_a_bundle_that_cannot_be_trusted_is_never_ready():
    def load(path: Path):
        raise BundleError("a golden case is answered differently here")

    async def story():
        async with serving(loader=load) as server:
            ready = await server.client.get("/ready")
            assert ready.status_code == 503
            assert ready.json()["models"] == {"default": "failed"}
            assert (await server.client.get("/health")).status_code == 200
            assert (await server.post("/ner", {"text": "Ada"})).status_code == 503
            assert await server.metric('ner_model_ready{model="default"}') == 0
            name = 'ner_model_reloads_total{model="default",outcome="failed"}'
            assert await server.metric(name) == 1

    run(story)


def test_keys_decide_who_may_do_what():
    use, kept = new_key("alice", Role.USE)
    admin, kept_too = new_key("root", Role.ADMIN)
    keys = KeyRing([kept, kept_too])

    async def story():
        async with serving(keys=keys) as server:
            for route in ROUTES:
                assert (await server.post(route, body_of(route))).status_code == 401
                for headers in ({"x-api-key": use}, {"authorization": f"Bearer {admin}"}):
                    answer = await server.post(route, body_of(route), headers=headers)
                    assert answer.status_code == 200
                wrong = await server.post(route, body_of(route), headers={"x-api-key": use + "x"})
                assert wrong.status_code == 401
                assert wrong.headers["www-authenticate"] == "Bearer"
            assert (await server.client.get("/info")).status_code == 401
            assert (await server.client.get("/ready")).status_code == 200
            for key, status in ((use, 403), (admin, 200), ("", 401)):
                answer = await server.client.post("/admin/reload", headers={"x-api-key": key})
                assert answer.status_code == status

    run(story)


def test_without_keys_nobody_reloads():
    async def story():
        async with serving() as server:
            assert (await server.client.post("/admin/reload")).status_code == 401

    run(story)


ADMIN_KEY, ADMIN = new_key("root", Role.ADMIN)


def test_a_new_model_takes_over_without_losing_a_request():
    """Requests come all the time while models are exchanged; each is answered by one of them."""
    made: list[FakeStages] = []

    def load(path: Path):
        made.append(FakeStages())
        return fake_model(made[-1])

    async def story():
        async with serving(loader=load, keys=KeyRing([ADMIN])) as server:
            is_over = False

            async def ask(number: int) -> int:
                asked = 0
                while not is_over:
                    text = f"Ada {number} Oslo {asked}"
                    answer = await server.post(
                        "/v1/extract", {"texts": [text]}, headers={"x-api-key": ADMIN_KEY}
                    )
                    assert answer.status_code == 200, answer.text
                    assert answer.json()["results"][0]["entities"] == entities_of(text)
                    asked += 1
                return asked

            askers = [asyncio.create_task(ask(number)) for number in range(16)]
            for _ in range(10):
                await asyncio.sleep(0.02)
                reloaded = await server.client.post(
                    "/admin/reload", headers={"x-api-key": ADMIN_KEY}
                )
                assert reloaded.json() == {"models": {"default": ""}}
            is_over = True
            asked = await asyncio.gather(*askers)
            assert sum(asked) == await server.metric("ner_texts_total")
            assert len(made) == 11
            assert sum(bool(each.rounds) for each in made) > 3

    run(story)


def test_a_model_that_cannot_be_reloaded_leaves_the_old_one():
    faults = iter(["", "the weights were changed"])

    def load(path: Path):
        if fault := next(faults):
            raise BundleError(fault)
        return fake_model()

    async def story():
        async with serving(loader=load, keys=KeyRing([ADMIN])) as server:
            headers = {"x-api-key": ADMIN_KEY}
            answer = await server.client.post("/admin/reload", headers=headers)
            assert answer.status_code == 409
            assert answer.json() == {"models": {"default": "the weights were changed"}}
            assert (await server.client.get("/ready")).status_code == 200
            assert (await server.post("/ner", {"text": "Ada"}, headers=headers)).status_code == 200

    run(story)


def test_models_are_asked_by_name():
    stages = {"one": FakeStages(), "two": FakeStages()}

    async def story():
        bundles = {name: Path(name) for name in stages}
        async with serving(
            bundles=bundles, loader=lambda path: fake_model(stages[path.name])
        ) as server:
            for model in ("one", "two", None):
                answer = await server.post("/v1/extract", {"texts": [str(model)], "model": model})
                assert answer.json()["model"] == (model or "one")
            asked = {name: [t for r in s.rounds for t, _ in r] for name, s in stages.items()}
            assert asked == {"one": ["one", "None"], "two": ["two"]}
            listed = (await server.client.get("/v1/models")).json()["models"]
            assert [each["name"] for each in listed] == ["one", "two"]

    run(story)


def test_other_pages_may_not_ask_unless_they_are_named():
    origin = {"origin": "https://shop.example"}

    async def story():
        async with serving() as server:
            answer = await server.post("/ner", {"text": "Ada"}, headers=origin)
            assert "access-control-allow-origin" not in answer.headers
        async with serving(ServerSettings(cors_origins=("https://shop.example",))) as server:
            answer = await server.post("/ner", {"text": "Ada"}, headers=origin)
            assert answer.headers["access-control-allow-origin"] == "https://shop.example"
            other = await server.post("/ner", {"text": "Ada"}, headers={"origin": "https://x.y"})
            assert "access-control-allow-origin" not in other.headers

    run(story)


@pytest.mark.parametrize("given", ["abc-1.2_3", "", "x" * 129, "a b", "é"])
def test_every_answer_has_an_id_and_plain_ones_are_kept(given):
    async def story():
        async with serving() as server:
            headers = [(b"x-request-id", given.encode())]
            answer = await server.client.get("/health", headers=headers)
            made = answer.headers["x-request-id"]
            assert (made == given) == (given == "abc-1.2_3")
            assert made.isascii()

    run(story)


@pytest.mark.parametrize("is_asked", [False, True])
def test_the_log_has_texts_only_if_asked(caplog, is_asked):
    async def story():
        async with serving(ServerSettings(log_texts=is_asked)) as server:
            for route in ROUTES:
                await server.post(route, body_of(route, "Secret Ada BOOM"))
                await server.post(route, body_of(route, "Secret Oslo"))
                await server.client.post(route, content=b'{"Secret": "Secret"')
            await server.client.post("/v1/stream", content=b"Secret Lima")

    caplog.set_level(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    run(story)
    from ossamma.serving.journal import JsonLines  # noqa: PLC0415  formats what was caught

    lines = [JsonLines().format(record) for record in caplog.records]
    assert all(json.loads(line)["message"] for line in lines)
    assert any("/predict" in line for line in lines)
    assert any("Secret" in line for line in lines) is is_asked


def test_unknown_paths_and_methods_have_the_one_form_too():
    async def story():
        async with serving() as server:
            for answer, status in (
                (await server.client.get("/nothing"), 404),
                (await server.client.get("/predict"), 405),
                (await server.client.get("/page/../app.py"), 404),
                (await server.client.get("/page/__init__.py"), 404),
            ):
                assert answer.status_code == status
                assert set(answer.json()) == {"error", "detail", "fields", "request_id"}

    run(story)


def mutations(number: int, seed: int):
    """Bodies that were right once: cut, doubled, with bytes changed, or made of odd values."""
    generator = random.Random(seed)
    odd = (None, True, -1, 1e308, "", "\0", "\ud7ff", [], {}, [[]], {"texts": []}, "x" * 500)
    for _ in range(number):
        body = {"texts": [ADA, generator.choice(odd)], "min_confidence": generator.choice(odd)}
        body |= {generator.choice(("types", "model", "thresholds", "y")): generator.choice(odd)}
        raw = bytearray(json.dumps(body if generator.random() < 0.7 else body_of("/ner")).encode())
        for _ in range(generator.choice((0, 0, 1, 3, 10))):
            raw[generator.randrange(len(raw))] = generator.randrange(256)
        yield bytes(raw[: generator.choice((len(raw), generator.randrange(len(raw) + 1)))])


def test_a_thousand_odd_bodies_make_no_fault_of_ours():
    async def story():
        async with serving() as server:
            statuses = []
            for number, body in enumerate(mutations(1_000, seed=3)):
                route = (*ROUTES, "/v1/stream")[number % 4]
                kind = ("application/json", "text/plain", "application/x-ndjson")[number % 3]
                answer = await server.client.post(
                    route, content=body, headers={"content-type": kind}
                )
                statuses.append(answer.status_code)
            assert set(statuses) <= {200, 413, 422}
            assert statuses.count(422) > 300
            assert statuses.count(200) > 100

    run(story)


@pytest.mark.parametrize("number", [400, pytest.param(4_000, marks=pytest.mark.slow)])
def test_parallel_calls_equal_sequential_ones(number):
    generator = random.Random(2)
    texts = [
        " ".join(
            generator.choice(("Ada", "met", "Oslo", "in")) for _ in range(generator.randrange(9))
        )
        for _ in range(number)
    ]
    settings = ServerSettings(
        batcher=BatcherSettings(queue_requests=5_000, queue_seconds=1e6), deadline_seconds=200.0
    )

    async def story():
        async with serving(settings) as server:
            answers = await asyncio.gather(*(server.post("/ner", {"text": t}) for t in texts))
            for text, answer in zip(texts, answers, strict=True):
                assert answer.status_code == 200
                found = [(e["start"], e["end"], e["score"]) for e in answer.json()["entities"]]
                assert found == [(e["start"], e["end"], e["confidence"]) for e in entities_of(text)]
            assert await server.metric("ner_requests_total") == number
            assert await server.metric("ner_requests_in_flight") == 0

    run(story)


def test_every_request_has_an_id_of_its_own():
    async def story():
        async with serving() as server:
            asked = [server.client.get("/health") for _ in range(50)]
            made = [answer.headers["x-request-id"] for answer in await asyncio.gather(*asked)]
        async with serving() as other:
            made.append((await other.client.get("/health")).headers["x-request-id"])
        assert len(set(made)) == len(made)

    run(story)


def test_no_request_is_given_a_thread_of_its_own():
    """Threads that come and go with requests would take turns with the model's."""

    async def story():
        async with serving() as server:
            before = set(threading.enumerate())
            for route in ROUTES:
                assert (await server.post(route, body_of(route))).status_code == 200
            fresh = {thread.name for thread in set(threading.enumerate()) - before}
            assert not any("AnyIO" in name for name in fresh), fresh

    run(story)
