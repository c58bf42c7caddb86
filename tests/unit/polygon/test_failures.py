"""Refusals, failures that pass, and answers that never end."""

import asyncio
import json
import logging
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import sleep

import pytest
from pydantic import SecretStr

from kapman_resources.errors import PermanentError, TransientError
from kapman_resources.polygon import Polygon, collected, pages
from kapman_resources.polygon.answers import (
    MAX_WAIT_S,
    BadAnswer,
    KeyRejected,
    NotEntitled,
    NotFound,
    RateLimited,
    Refused,
    VendorUnavailable,
    detail_of,
    parse_page,
    refusal_of,
    retry_after_of,
    retry_wait_s,
)
from kapman_resources.polygon.pages import MAX_ATTEMPTS, RestPages
from tests.servers import Answer, Request, unused_address
from tests.unit.polygon.vendor import (
    FAST,
    KEY,
    SESSION,
    Time,
    assert_no_key,
    chain,
    page,
    polygon_on,
    splits,
    tickers,
)

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ENTITLEMENT = "You are not entitled to this data."

# Refusals


@pytest.mark.parametrize(
    ("status", "body", "expected", "named"),
    [
        (401, {"status": "ERROR", "error": "Unknown API Key"}, KeyRejected, ["Unknown API Key"]),
        (
            403,
            {"status": "NOT_AUTHORIZED", "message": ENTITLEMENT},
            NotEntitled,
            [ENTITLEMENT, "entitlement"],
        ),
        (403, {"status": "ERROR", "error": ENTITLEMENT}, NotEntitled, [ENTITLEMENT, "entitlement"]),
        (404, {"status": "NOT_FOUND", "message": "no such thing"}, NotFound, ["no such thing"]),
        (400, {"status": "ERROR", "error": "bad limit"}, Refused, ["bad limit"]),
        (302, None, Refused, ["302"]),
        (200, {"status": "ERROR", "error": "odd"}, Refused, ["odd"]),
    ],
)
def test_a_refusal_is_typed_and_never_repeated(
    status: int, body: object, expected: type[Refused], named: list[str]
) -> None:
    answer = Answer(status, json.dumps(body).encode(), {"Location": "https://elsewhere.example/"})
    with polygon_on([answer]) as (polygon, server, time):
        with pytest.raises(expected) as caught:
            polygon.ask(lambda client: client.grouped_daily(SESSION))
        assert len(server.requests) == 1
    assert type(caught.value) is expected
    assert isinstance(caught.value, PermanentError)
    assert time.waits == []
    for text in [*named, str(status), server.url, "/stocks/2026-01-02"]:
        assert text in str(caught.value)


def test_refusals_name_what_to_mend() -> None:
    assert "POLYGON_API_KEY" in str(refusal_of(401, "", "GET x"))
    assert "POLYGON_API_KEY" in str(refusal_of(403, "", "GET x"))
    assert "OPTIONS_URL" in str(refusal_of(404, "", "GET x"))


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 200])
def test_a_key_that_comes_back_in_an_answer_is_not_repeated(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    quoted = KEY.replace("/", "%2F").replace("+", "%2B")
    # JSON may write a slash as \/, and the cut of long texts must not leave half a key.
    text = json.dumps({"status": "ERROR", "error": "x" * 290 + KEY, "request_id": quoted}).replace("/", r"\/")
    with (
        polygon_on([Answer(status, text.encode())]) as (polygon, _, _),
        pytest.raises((Refused, VendorUnavailable)) as caught,
    ):
        splits(polygon)
    assert_no_key(caught.value, caplog)
    assert KEY[:5] not in str(caught.value)


# Failures that pass


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (Answer(429, b'{"status":"ERROR","error":"exceeded the maximum requests"}'), RateLimited),
        (Answer(429), RateLimited),
        (Answer(500, b'{"status":"ERROR"}'), VendorUnavailable),
        (Answer(502, b"<html><h1>Bad Gateway</h1></html>"), VendorUnavailable),
        (Answer(200, b"<html>please log in</html>"), BadAnswer),
        (Answer(200, b'{"status":"OK","results":[{"ticker":'), BadAnswer),
        (Answer(200, b"\xff\xfe"), BadAnswer),
        (Answer(200, b"[" * 100_000), BadAnswer),
        (Answer(503, b"[" * 100_000), VendorUnavailable),
        (Answer(200, b'["OK"]'), BadAnswer),
        (Answer(200, b'{"results":{"T":"A"}}'), BadAnswer),
        (Answer(200, b'{"results":["A"]}'), BadAnswer),
        (Answer(200, b'{"results":[],"next_url":7}'), BadAnswer),
        (Answer(200, b'{"results":[]}', cut_at=5), VendorUnavailable),
        (Answer(200, b'{"results":[]}', cut_at=5, reset=True), VendorUnavailable),
    ],
)
def test_a_failure_that_passes_is_repeated_until_it_has(
    broken: Answer, expected: type[VendorUnavailable], caplog: pytest.LogCaptureFixture
) -> None:
    with polygon_on([broken, broken, page({"ticker": "A"})]) as (polygon, server, time):
        assert len(tickers(polygon, active=True)) == 1
        assert len(server.requests) == 3
    assert len(time.waits) == 2
    assert caplog.text.count(f"of {MAX_ATTEMPTS}; next in") == 2

    with polygon_on([broken]) as (polygon, server, time):
        with pytest.raises(expected) as caught:
            tickers(polygon, active=True)
        assert len(server.requests) == MAX_ATTEMPTS
    assert type(caught.value) is expected
    assert isinstance(caught.value, TransientError)
    assert len(time.waits) == MAX_ATTEMPTS - 1
    assert "/v3/reference/tickers" in str(caught.value)
    assert_no_key(caught.value, caplog)


def test_a_vendor_that_does_not_answer_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with polygon_on([Answer(stalls=True)], read_timeout=0.05) as (polygon, server, time):
        with pytest.raises(VendorUnavailable, match="ReadTimeout") as caught:
            splits(polygon)
        assert len(server.requests) == MAX_ATTEMPTS
    assert len(time.waits) == MAX_ATTEMPTS - 1
    assert_no_key(caught.value, caplog)


def test_an_answer_that_drips_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    # Every byte comes long before the time between two reads is over.
    with polygon_on([Answer(body=b" ", drips=True)], read_timeout=30.0, attempt_s=0.1) as (polygon, server, time):
        with pytest.raises(VendorUnavailable, match=r"options/AAPL: no whole answer within 0\.1 s") as caught:
            chain(polygon)
        assert len(server.requests) == MAX_ATTEMPTS
    assert len(time.waits) == MAX_ATTEMPTS - 1
    assert_no_key(caught.value, caplog)


def test_an_answer_without_end_is_not_taken_into_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_BODY_BYTES", 1000)
    with polygon_on([Answer(body=b" " * 1001), page({"a": 1})]) as (polygon, server, _):
        assert [row.content["results"] for row in chain(polygon)] == [[{"a": 1}]]
        assert len(server.requests) == 2
    monkeypatch.setattr(pages, "MAX_BODY_BYTES", 10)
    with (
        polygon_on([Answer(body=b" ", drips=True)], attempt_s=30.0) as (polygon, _, _),
        pytest.raises(BadAnswer, match="more than 10 bytes"),
    ):
        chain(polygon)


def test_a_refused_connection_is_transient() -> None:
    address, time = unused_address(), Time()
    polygon = Polygon(
        RestPages(address, SecretStr(KEY), requests_per_second=FAST, concurrency=1, clock=time.clock, sleep=time.sleep)
    )
    with pytest.raises(VendorUnavailable, match=r"ConnectError.*OPTIONS_URL") as caught:
        polygon.ask(lambda client: client.grouped_daily(SESSION))
    assert address in str(caught.value)


def test_a_key_that_is_revoked_between_two_pages_is_said_at_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    unknown = Answer(401, json.dumps({"status": "ERROR", "error": f"Unknown API Key {KEY}"}).encode())
    answers = [page({"a": 1}, next_url="/v3/x?cursor=2"), page({"a": 2}, next_url="/v3/x?cursor=3"), unknown]
    with polygon_on(answers) as (polygon, server, time):
        with pytest.raises(KeyRejected, match=r"/v3/x: 401 .*POLYGON_API_KEY") as caught:
            chain(polygon)
        assert len(server.requests) == 3
    assert time.waits == []
    assert_no_key(caught.value, caplog)


def test_a_limit_with_retry_after_makes_every_request_wait() -> None:
    times: dict[str, float] = {}

    def answer(request: Request) -> Answer:
        first = not times
        times[request.path.rpartition("/")[2]] = time.now
        return Answer(429, headers={"Retry-After": "7"}) if first else page()

    async def three(client: Polygon) -> None:
        await asyncio.gather(*(collected(client.chain(symbol)) for symbol in "ABC"))

    with polygon_on(answer, concurrency=1) as (polygon, server, time):
        polygon.ask(three)
    # A was refused at 0 and asked again at the end of the line; B and C, which follow, did not leave before 7.
    assert [request.path[-1] for request in server.requests] == ["A", "B", "C", "A"]
    assert times == {"B": 7.0, "C": 7 + 1 / FAST, "A": 7 + 2 / FAST}


def test_a_limit_without_retry_after_makes_its_own_request_wait() -> None:
    with polygon_on([Answer(429), page()]) as (polygon, _, time):
        chain(polygon)
    (wait,) = time.waits
    assert 0 <= wait <= 15


def test_no_more_requests_are_under_way_than_allowed() -> None:
    under_way, most, lock = 0, 0, threading.Lock()
    # Nobody is answered before three are there: fewer at once would never end.
    three = threading.Barrier(3, timeout=30)

    def answer(_request: Request) -> Answer:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        three.wait()
        # A fourth would have this long to show itself.
        sleep(0.02)
        with lock:
            under_way -= 1
        return page()

    async def nine(client: Polygon) -> None:
        await asyncio.gather(*(collected(client.chain(symbol)) for symbol in "ABCDEFGHI"))

    with polygon_on(answer, concurrency=3, read_timeout=60.0, attempt_s=60.0) as (polygon, server, _):
        polygon.ask(nine)
        assert len(server.requests) == 9
    assert most == 3


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "wait"), [("0", 0.0), ("7", 7.0), ("86400", MAX_WAIT_S)])
def test_retry_after_in_seconds_is_honoured(status: int, header: str, wait: float) -> None:
    with polygon_on([Answer(status, headers={"Retry-After": header}), page()]) as (polygon, _, time):
        splits(polygon)
    assert time.now == wait


def test_retry_after_as_a_date_is_honoured() -> None:
    # An hour ahead and an hour ago: the answers do not depend on how long the test takes.
    dates = [datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)]
    answers = [Answer(429, headers={"Retry-After": format_datetime(day, usegmt=True)}) for day in dates]
    with polygon_on([*answers, page()]) as (polygon, _, time):
        splits(polygon)
    # The second asks for no more than the next turn.
    assert time.waits == [MAX_WAIT_S, 1 / FAST]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("12", 12.0),
        (" 12 ", 12.0),
        ("Fri, 02 Jan 2026 12:00:30 GMT", 30.0),
        ("Fri, 02 Jan 2026 12:00:30 -0000", 30.0),
        ("Fri, 02 Jan 2026 11:59:00 GMT", 0.0),
    ],
)
def test_retry_after_has_two_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after_of(header, NOON) == seconds


def test_waits_grow_with_full_jitter_and_are_bounded() -> None:
    for error, factor in ((VendorUnavailable("x"), 2), (RateLimited("x"), 6)):
        for attempt in (1, 2, 3, 20):
            waits = [retry_wait_s(error, attempt) for _ in range(300)]
            bound = min(MAX_WAIT_S, 0.5 * factor ** (attempt - 1))
            assert 0 <= min(waits) < bound / 4
            assert bound * 3 / 4 < max(waits) <= bound


def test_parse_page_says_nothing_of_the_body() -> None:
    with pytest.raises(ValueError, match="line 1") as caught:
        parse_page(f"<{KEY}>".encode())
    assert KEY not in str(caught.value)


def test_an_error_says_what_it_can_be_read_to_say() -> None:
    assert detail_of('{"status":"ERROR","request_id":"r1","error":"bad  limit"}') == "bad limit; request r1"
    assert detail_of('{"status":"NOT_AUTHORIZED","message":"no"}') == "no"
    assert detail_of("<h1>Bad\nGateway</h1>") == "<h1>Bad Gateway</h1>"
    assert detail_of("[" * 100_000).startswith("[[[")
    assert detail_of("") == "empty body"
