"""The REST client against loopback servers and recorded pages."""

import gzip
import json
import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from kapman_resources.errors import ConfigurationError, PermanentError, TransientError
from kapman_resources.polygon import Polygon
from kapman_resources.polygon.answers import (
    MAX_WAIT_S,
    BadAnswer,
    DamagedRecording,
    EndlessPages,
    KeyRejected,
    NotEntitled,
    NotFound,
    NotRecorded,
    RateLimited,
    Refused,
    VendorUnavailable,
    parse_page,
    refusal_of,
    retry_after_of,
    retry_wait_s,
)
from kapman_resources.polygon.pages import MAX_ATTEMPTS, RecordedPages, RestPages
from tests.servers import Answer, Request, Server, serving, unused_address

KEY = "a-key/of+the~vendor"
SESSION = date(2026, 1, 2)
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)
ENTITLEMENT = "You are not entitled to this data."


def page(*rows: dict[str, Any], **more: Any) -> Answer:
    return Answer(body=json.dumps({"status": "OK", "results": list(rows), **more}).encode())


@contextmanager
def polygon_on(
    answers: Callable[[Request], Answer] | Sequence[Answer], *, max_pages: int = 50, read_timeout: float = 5.0
) -> Iterator[tuple[Polygon, Server, list[float]]]:
    """A client, the server that it asks, and the waits (seconds) that it did not wait."""
    waits: list[float] = []
    with serving(answers) as server:
        source = RestPages(
            server.url,
            SecretStr(KEY),
            timeout=httpx.Timeout(read_timeout),
            max_pages=max_pages,
            sleep=waits.append,
        )
        with Polygon(source) as polygon:
            yield polygon, server, waits


def assert_no_key(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    shown = "".join(traceback.format_exception(error)) + repr(error) + caplog.text
    assert KEY not in shown
    assert KEY.replace("/", "%2F").replace("+", "%2B") not in shown


# Requests


def test_tickers_asks_for_stocks_and_follows_every_page() -> None:
    def answer(request: Request) -> Answer:
        if request.query.get("cursor") == "Y3Vyc29y=":
            return page({"ticker": "BACpL", "active": True})
        return page({"ticker": "A", "active": True}, next_url=f"{base}/v3/reference/tickers?cursor=Y3Vyc29y%3D")

    with polygon_on(answer) as (polygon, server, _):
        base = server.url
        symbols = [row["ticker"] for row in polygon.tickers(active=True)]

    assert symbols == ["A", "BACpL"]
    assert server.requests[0].path == "/v3/reference/tickers"
    assert server.requests[0].query == {"market": "stocks", "active": "true", "limit": "1000"}
    assert server.requests[1].query == {"cursor": "Y3Vyc29y="}


def test_tickers_can_be_the_delisted_ones() -> None:
    with polygon_on([page({"ticker": "GONE", "active": False})]) as (polygon, server, _):
        assert [row["ticker"] for row in polygon.tickers(active=False)] == ["GONE"]
    assert server.requests[0].query["active"] == "false"


def test_splits_may_start_at_a_day() -> None:
    with polygon_on([page({"ticker": "X", "execution_date": "2026-01-02"})]) as (polygon, server, _):
        assert len(list(polygon.splits(since=SESSION))) == 1
        assert len(list(polygon.splits())) == 1
    assert [request.path for request in server.requests] == ["/stocks/v1/splits"] * 2
    assert server.requests[0].query == {"limit": "1000", "execution_date.gte": "2026-01-02"}
    assert server.requests[1].query == {"limit": "1000"}


def test_grouped_daily_is_one_unadjusted_answer() -> None:
    bar = {"T": "GIK", "v": 895345.5, "vw": 9.9979, "t": 1602705600000}
    with polygon_on([page(bar, resultsCount=1)]) as (polygon, server, _):
        answer = polygon.grouped_daily(SESSION)
    assert (answer["results"], answer["resultsCount"]) == ([bar], 1)
    (request,) = server.requests
    assert request.target == "/v2/aggs/grouped/locale/us/market/stocks/2026-01-02?adjusted=false"


@pytest.mark.parametrize("body", [b'{"status":"OK"}', b'{"status":"DELAYED","results":null}', b"{}"])
def test_no_results_is_an_empty_list(body: bytes) -> None:
    with polygon_on([Answer(body=body)]) as (polygon, _, _):
        assert list(polygon.splits()) == []
        assert not polygon.grouped_daily(SESSION).get("results")


def test_the_key_travels_in_the_header_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    next_url = f"https://api.polygon.io/v3/reference/tickers?cursor=2&apiKey={KEY}"
    with polygon_on([page(next_url=next_url), page()]) as (polygon, server, _):
        list(polygon.tickers(active=True))
        shown = repr(polygon)
    assert [request.headers["authorization"] for request in server.requests] == [f"Bearer {KEY}"] * 2
    assert all("key" not in request.target.lower() for request in server.requests)
    assert KEY not in shown + caplog.text


# Pages


@pytest.mark.parametrize(
    "next_url",
    [
        "https://api.polygon.io/v3/reference/tickers?cursor=a%2Bb%3D&x=",
        "https://api.massive.com:443/v3/reference/tickers?apiKey=old&cursor=a%2Bb%3D&x=",
        "//elsewhere.example/v3/reference/tickers?cursor=a%2Bb%3D&x=&APIKEY=old",
        "/v3/reference/tickers?cursor=a%2Bb%3D&x=",
    ],
)
def test_next_url_is_followed_on_the_configured_host_only(next_url: str) -> None:
    with polygon_on([page(next_url=next_url), page()]) as (polygon, server, _):
        list(polygon.tickers(active=True))
    assert server.requests[1].target == "/v3/reference/tickers?cursor=a%2Bb%3D&x="
    assert server.requests[1].headers["host"] == server.url.removeprefix("http://")


def test_a_next_url_cannot_name_another_host_in_its_path() -> None:
    with polygon_on([page(next_url="https://api.polygon.io//elsewhere.example/x"), page()]) as (p, server, _):
        list(p.tickers(active=True))
    assert server.requests[1].path == "/elsewhere.example/x"


def test_a_next_url_that_is_no_address_is_an_error() -> None:
    with (
        polygon_on([page(next_url="https://api.massive.com:port/x")]) as (polygon, _, _),
        pytest.raises(BadAnswer, match="next_url"),
    ):
        list(polygon.tickers(active=True))


def test_pages_that_lead_back_are_an_error() -> None:
    def answer(request: Request) -> Answer:
        following = {"1": "2", "2": "3", "3": "2"}[request.query.get("cursor", "1")]
        return page({"ticker": "A"}, next_url=f"https://api.polygon.io/v3/reference/tickers?cursor={following}")

    with polygon_on(answer) as (polygon, server, _):
        with pytest.raises(EndlessPages, match=r"tickers: page 3 leads back"):
            list(polygon.tickers(active=True))
        assert len(server.requests) == 3


def test_more_pages_than_the_bound_are_an_error() -> None:
    def answer(request: Request) -> Answer:
        cursor = int(request.query.get("cursor", "0")) + 1
        return page({"ticker": "A"}, next_url=f"/v3/reference/tickers?cursor={cursor}")

    with polygon_on(answer, max_pages=4) as (polygon, server, _):
        with pytest.raises(EndlessPages, match="more than 4 pages"):
            list(polygon.tickers(active=True))
        assert len(server.requests) == 4


def test_a_later_page_that_fails_is_an_error_not_a_shorter_list() -> None:
    with (
        polygon_on([page({"ticker": "A"}, next_url="/x?cursor=2"), Answer(403)]) as (polygon, _, _),
        pytest.raises(NotEntitled),
    ):
        list(polygon.tickers(active=True))


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
    with polygon_on([answer]) as (polygon, server, waits):
        with pytest.raises(expected) as caught:
            polygon.grouped_daily(SESSION)
        assert len(server.requests) == 1
    assert type(caught.value) is expected
    assert isinstance(caught.value, PermanentError)
    assert waits == []
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
        list(polygon.splits())
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
    with polygon_on([broken, broken, page({"ticker": "A"})]) as (polygon, server, waits):
        assert len(list(polygon.tickers(active=True))) == 1
        assert len(server.requests) == 3
    assert len(waits) == 2
    assert caplog.text.count(f"of {MAX_ATTEMPTS}; next in") == 2

    with polygon_on([broken]) as (polygon, server, waits):
        with pytest.raises(expected) as caught:
            list(polygon.tickers(active=True))
        assert len(server.requests) == MAX_ATTEMPTS
    assert type(caught.value) is expected
    assert isinstance(caught.value, TransientError)
    assert len(waits) == MAX_ATTEMPTS - 1
    assert "/v3/reference/tickers" in str(caught.value)
    assert_no_key(caught.value, caplog)


def test_a_vendor_that_does_not_answer_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    with polygon_on([Answer(stalls=True)], read_timeout=0.05) as (polygon, server, waits):
        with pytest.raises(VendorUnavailable, match="ReadTimeout") as caught:
            list(polygon.splits())
        assert len(server.requests) == MAX_ATTEMPTS
    assert len(waits) == MAX_ATTEMPTS - 1
    assert_no_key(caught.value, caplog)


def test_a_refused_connection_is_transient() -> None:
    address = unused_address()
    polygon = Polygon(RestPages(address, SecretStr(KEY), sleep=lambda _: None))
    with polygon, pytest.raises(VendorUnavailable, match=r"ConnectError.*OPTIONS_URL") as caught:
        polygon.grouped_daily(SESSION)
    assert address in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "wait"), [("0", 0.0), ("7", 7.0), ("86400", MAX_WAIT_S)])
def test_retry_after_in_seconds_is_honoured(status: int, header: str, wait: float) -> None:
    with polygon_on([Answer(status, headers={"Retry-After": header}), page()]) as (polygon, _, waits):
        list(polygon.splits())
    assert waits == [wait]


def test_retry_after_as_a_date_is_honoured() -> None:
    # An hour ahead and an hour ago: the answers do not depend on how long the test takes.
    dates = [datetime.now(UTC) + timedelta(hours=1), datetime.now(UTC) - timedelta(hours=1)]
    answers = [Answer(429, headers={"Retry-After": format_datetime(day, usegmt=True)}) for day in dates]
    with polygon_on([*answers, page()]) as (polygon, _, waits):
        list(polygon.splits())
    assert waits == [MAX_WAIT_S, 0.0]


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
    for error, base in ((VendorUnavailable("x"), 0.5), (RateLimited("x"), 15.0)):
        for attempt in (1, 2, 3, 20):
            waits = [retry_wait_s(error, attempt) for _ in range(300)]
            bound = min(MAX_WAIT_S, base * 2 ** (attempt - 1))
            assert 0 <= min(waits) < bound / 4
            assert bound * 3 / 4 < max(waits) <= bound


def test_parse_page_says_nothing_of_the_body() -> None:
    with pytest.raises(ValueError, match="line 1") as caught:
        parse_page(f"<{KEY}>".encode())
    assert KEY not in str(caught.value)


# Settings


@pytest.mark.parametrize("key", [None, SecretStr("")])
def test_a_missing_key_is_named_before_any_request(key: SecretStr | None) -> None:
    with serving([page()]) as server:
        with pytest.raises(ConfigurationError, match="POLYGON_API_KEY is not set"):
            Polygon.open(server.url, api_key=key)
        assert server.requests == []


@pytest.mark.parametrize("tail", ["\n", " x", "é"])
def test_a_key_that_no_header_can_carry_is_not_shown(tail: str) -> None:
    with pytest.raises(ConfigurationError, match="POLYGON_API_KEY holds") as caught:
        Polygon.open("https://api.massive.com", api_key=SecretStr(KEY + tail))
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "location",
    [
        "ftp://api.massive.com",
        "file:///recordings",
        "https://",
        "https://host:port",
        "https://api.massive.com/v3",
        "https://api.massive.com?apiKey=secret",
        "https://user:secret@api.massive.com",
    ],
)
def test_an_address_that_is_more_or_less_than_a_host_is_refused(location: str) -> None:
    with pytest.raises(ConfigurationError, match="OPTIONS_URL must be") as caught:
        Polygon.open(location, api_key=SecretStr(KEY))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("location", ["http://api.massive.com", "http://10.0.0.1:8080"])
def test_the_key_is_not_sent_in_the_clear(location: str) -> None:
    with pytest.raises(ConfigurationError, match=r"OPTIONS_URL.*https"):
        Polygon.open(location, api_key=SecretStr(KEY))


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("https://api.massive.com", "https://api.massive.com"),
        ("https://api.polygon.io/", "https://api.polygon.io"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://[::1]:1", "http://[::1]:1"),
    ],
)
def test_hosts_that_may_be_asked(location: str, shown: str) -> None:
    with Polygon.open(location, api_key=SecretStr(KEY)) as polygon:
        assert repr(polygon) == f"Polygon({shown})"


# Recorded pages


def record(root: Path, path: str, name: str, content: object) -> Path:
    file = root / path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    file.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    return file


def test_recorded_tickers_are_filtered_like_live_ones(tmp_path: Path) -> None:
    rows = [{"ticker": "A", "active": True}, {"ticker": "GONE", "active": False}]
    record(tmp_path, "v3/reference/tickers", "0001.json.gz", {"status": "OK", "results": rows})
    record(tmp_path, "v3/reference/tickers", "0002.json", {"results": [{"ticker": "B"}]})
    record(tmp_path, "v3/reference/tickers", "README.md", b"not a page")
    with Polygon.open(str(tmp_path), api_key=None) as polygon:
        assert [row["ticker"] for row in polygon.tickers(active=True)] == ["A", "B"]
        assert [row["ticker"] for row in polygon.tickers(active=False)] == ["GONE"]
        assert repr(polygon) == f"Polygon({tmp_path})"


def test_recorded_splits_start_where_asked(tmp_path: Path) -> None:
    days = ["2025-12-31", "2026-01-02", "2026-01-05"]
    record(tmp_path, "stocks/v1/splits", "0001.json.gz", {"results": [{"execution_date": day} for day in days]})
    polygon = Polygon(RecordedPages(tmp_path))
    assert [row["execution_date"] for row in polygon.splits(since=SESSION)] == days[1:]
    assert [row["execution_date"] for row in polygon.splits()] == days


def test_a_recorded_day_is_the_whole_answer(tmp_path: Path) -> None:
    answer = {"status": "OK", "resultsCount": 1, "results": [{"T": "A", "c": 1.5}]}
    record(tmp_path, "v2/aggs/grouped/locale/us/market/stocks/2026-01-02", "0001.json.gz", answer)
    assert Polygon(RecordedPages(tmp_path)).grouped_daily(SESSION) == answer


def test_what_is_not_recorded_names_its_folder(tmp_path: Path) -> None:
    polygon = Polygon(RecordedPages(tmp_path))
    with pytest.raises(NotRecorded, match=r"stocks/2026-01-02") as caught:
        polygon.grouped_daily(SESSION)
    assert isinstance(caught.value, PermanentError)
    (tmp_path / "stocks/v1/splits").mkdir(parents=True)
    with pytest.raises(NotRecorded, match="stocks/v1/splits"):
        list(polygon.splits())


@pytest.mark.parametrize(
    "names",
    [["0002.json"], ["0001.json", "0003.json"], ["0001.json", "0001.json.gz"], ["0000.json", "0001.json"]],
)
def test_a_recording_with_a_page_missing_or_twice_is_not_read(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        record(tmp_path, "stocks/v1/splits", name, {"results": []})
    with pytest.raises(DamagedRecording, match="each once"):
        list(Polygon(RecordedPages(tmp_path)).splits())


@pytest.mark.parametrize("content", [b"{", b"[]", {"results": 1}, {"status": "ERROR", "error": "x"}])
def test_a_damaged_page_is_named(tmp_path: Path, content: object) -> None:
    file = record(tmp_path, "stocks/v1/splits", "0001.json.gz", content)
    with pytest.raises(DamagedRecording, match=file.name):
        list(Polygon(RecordedPages(tmp_path)).splits())


@pytest.mark.parametrize("keep", [5, 15, -4])
def test_a_page_cut_off_is_named(tmp_path: Path, keep: int) -> None:
    file = record(tmp_path, "stocks/v1/splits", "0001.json.gz", {"results": [{"ticker": "A"}]})
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DamagedRecording, match=file.name):
        list(Polygon(RecordedPages(tmp_path)).splits())


def test_a_directory_that_does_not_exist_names_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"OPTIONS_URL.*absent.*kapman simulate"):
        Polygon.open(str(tmp_path / "absent"), api_key=None)
