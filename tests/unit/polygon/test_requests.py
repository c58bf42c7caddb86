"""What is asked for, with which key, on which host, and in which order the pages of a list are followed."""

import logging
from datetime import date

import pytest
from pydantic import SecretStr

from kapman_resources.errors import ConfigurationError
from kapman_resources.polygon import collected
from kapman_resources.polygon.answers import BadAnswer, EndlessPages, NotEntitled
from tests.servers import Answer, Request, serving
from tests.unit.polygon.vendor import KEY, SESSION, chain, opened, page, polygon_on, splits, tickers

# Requests


def test_tickers_asks_for_stocks_and_follows_every_page() -> None:
    def answer(request: Request) -> Answer:
        if request.query.get("cursor") == "Y3Vyc29y=":
            return page({"ticker": "BACpL", "active": True})
        return page({"ticker": "A", "active": True}, next_url=f"{base}/v3/reference/tickers?cursor=Y3Vyc29y%3D")

    with polygon_on(answer) as (polygon, server, _):
        base = server.url
        symbols = [row["ticker"] for row in tickers(polygon, active=True)]

    assert symbols == ["A", "BACpL"]
    assert server.requests[0].path == "/v3/reference/tickers"
    assert server.requests[0].query == {"market": "stocks", "active": "true", "limit": "1000"}
    assert server.requests[1].query == {"cursor": "Y3Vyc29y="}


def test_tickers_can_be_the_delisted_ones() -> None:
    with polygon_on([page({"ticker": "GONE", "active": False})]) as (polygon, server, _):
        assert [row["ticker"] for row in tickers(polygon, active=False)] == ["GONE"]
    assert server.requests[0].query["active"] == "false"


def test_splits_may_start_at_a_day() -> None:
    with polygon_on([page({"ticker": "X", "execution_date": "2026-01-02"})]) as (polygon, server, _):
        assert len(splits(polygon, since=SESSION)) == 1
        assert len(splits(polygon)) == 1
    assert [request.path for request in server.requests] == ["/stocks/v1/splits"] * 2
    assert server.requests[0].query == {"limit": "1000", "execution_date.gte": "2026-01-02"}
    assert server.requests[1].query == {"limit": "1000"}


def test_grouped_daily_is_one_unadjusted_answer() -> None:
    bar = {"T": "GIK", "v": 895345.5, "vw": 9.9979, "t": 1602705600000}
    with polygon_on([page(bar, resultsCount=1)]) as (polygon, server, _):
        answer = polygon.ask(lambda client: client.grouped_daily(SESSION))
    assert (answer["results"], answer["resultsCount"]) == ([bar], 1)
    (request,) = server.requests
    assert request.target == "/v2/aggs/grouped/locale/us/market/stocks/2026-01-02?adjusted=false"


@pytest.mark.parametrize(
    ("symbol", "path"),
    [
        ("AAPL", "AAPL"),
        ("BRK.B", "BRK.B"),
        ("I:SPX", "I:SPX"),
        ("../x", "..%2Fx"),
        ("..", "%2E%2E"),
        ("A?b#c", "A%3Fb%23c"),
    ],
)
def test_a_chain_is_asked_for_by_its_underlying(symbol: str, path: str) -> None:
    with polygon_on([page()]) as (polygon, server, _):
        chain(polygon, symbol)
    (request,) = server.requests
    assert request.path == f"/v3/snapshot/options/{path}"
    assert request.query == {"limit": "250", "sort": "ticker", "order": "asc"}


def test_a_chain_can_be_bounded() -> None:
    with polygon_on([page()]) as (polygon, server, _):
        chain(polygon, expiration_lte=date(2026, 4, 17), strike_gte=0.7 * 160, strike_lte=1e6)
    assert server.requests[0].query == {
        "limit": "250",
        "sort": "ticker",
        "order": "asc",
        "expiration_date.lte": "2026-04-17",
        "strike_price.gte": "112.000",
        "strike_price.lte": "1000000.000",
    }


def test_a_chain_keeps_every_page_as_it_came() -> None:
    # Spaces, an escape, a name that stands twice and a literal that JSON has not: the text is kept with all of it.
    first = b'{"status": "OK",  "next_url": "https:\\/\\/api.polygon.io/v3/x?cursor=2", "results": [{"a": 1, "a": 2}]}'
    last = b'{"results": [{"iv": NaN, "oi": -Infinity, "n": 123456789012345678901}]}'
    with polygon_on([Answer(body=first), Answer(body=last)]) as (polygon, _, _):
        one, two = chain(polygon)
    assert (one.body, two.body) == (first, last)
    assert one.content["results"] == [{"a": 2}]
    (row,) = two.content["results"]
    assert (str(row["iv"]), row["oi"], row["n"]) == ("nan", float("-inf"), 123456789012345678901)


def test_an_underlying_without_options_is_one_empty_page() -> None:
    with polygon_on([page()]) as (polygon, _, _):
        (only,) = chain(polygon, "NOSUCH")
    assert only.content["results"] == []


def test_a_client_can_be_asked_again_and_several_things_at_once() -> None:
    with polygon_on([page({"ticker": "A"})]) as (polygon, server, _):
        for _ in range(2):
            rows = polygon.ask(lambda client: collected(client.splits(), client.tickers(active=True)))
            assert rows == [{"ticker": "A"}] * 2
        assert len(server.requests) == 4


@pytest.mark.parametrize("body", [b'{"status":"OK"}', b'{"status":"DELAYED","results":null}', b"{}"])
def test_no_results_is_an_empty_list(body: bytes) -> None:
    with polygon_on([Answer(body=body)]) as (polygon, _, _):
        assert splits(polygon) == []
        assert not polygon.ask(lambda client: client.grouped_daily(SESSION)).get("results")


def test_the_key_travels_in_the_header_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    next_url = f"https://api.polygon.io/v3/reference/tickers?cursor=2&apiKey={KEY}"
    with polygon_on([page(next_url=next_url), page()]) as (polygon, server, _):
        tickers(polygon, active=True)
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
        tickers(polygon, active=True)
    assert server.requests[1].target == "/v3/reference/tickers?cursor=a%2Bb%3D&x="
    assert server.requests[1].headers["host"] == server.url.removeprefix("http://")


def test_a_next_url_cannot_name_another_host_in_its_path() -> None:
    with polygon_on([page(next_url="https://api.polygon.io//elsewhere.example/x"), page()]) as (p, server, _):
        tickers(p, active=True)
    assert server.requests[1].path == "/elsewhere.example/x"


def test_a_next_url_that_is_no_address_is_an_error() -> None:
    with (
        polygon_on([page(next_url="https://api.massive.com:port/x")]) as (polygon, _, _),
        pytest.raises(BadAnswer, match="next_url"),
    ):
        tickers(polygon, active=True)


def test_pages_that_lead_back_are_an_error() -> None:
    def answer(request: Request) -> Answer:
        following = {"1": "2", "2": "3", "3": "2"}[request.query.get("cursor", "1")]
        return page({"ticker": "A"}, next_url=f"https://api.polygon.io/v3/reference/tickers?cursor={following}")

    with polygon_on(answer) as (polygon, server, _):
        with pytest.raises(EndlessPages, match=r"tickers: page 3 leads back"):
            tickers(polygon, active=True)
        assert len(server.requests) == 3


def test_a_page_that_leads_to_itself_is_an_error() -> None:
    with polygon_on([page({"ticker": "A"}, next_url="/v3/snapshot/options/AAPL?cursor=2")]) as (polygon, server, _):
        with pytest.raises(EndlessPages, match=r"options/AAPL: page 2 leads back"):
            chain(polygon)
        assert len(server.requests) == 2


def test_more_pages_than_the_bound_are_an_error() -> None:
    def answer(request: Request) -> Answer:
        cursor = int(request.query.get("cursor", "0")) + 1
        return page({"ticker": "A"}, next_url=f"/v3/reference/tickers?cursor={cursor}")

    with polygon_on(answer, max_pages=4) as (polygon, server, _):
        with pytest.raises(EndlessPages, match="more than 4 pages"):
            tickers(polygon, active=True)
        assert len(server.requests) == 4


def test_a_later_page_that_fails_is_an_error_not_a_shorter_list() -> None:
    with (
        polygon_on([page({"ticker": "A"}, next_url="/x?cursor=2"), Answer(403)]) as (polygon, _, _),
        pytest.raises(NotEntitled),
    ):
        tickers(polygon, active=True)


# Settings


@pytest.mark.parametrize("key", [None, SecretStr("")])
def test_a_missing_key_is_named_before_any_request(key: SecretStr | None) -> None:
    with serving([page()]) as server:
        with pytest.raises(ConfigurationError, match="POLYGON_API_KEY is not set"):
            opened(server.url, key)
        assert server.requests == []


@pytest.mark.parametrize("tail", ["\n", " x", "é"])
def test_a_key_that_no_header_can_carry_is_not_shown(tail: str) -> None:
    with pytest.raises(ConfigurationError, match="POLYGON_API_KEY holds") as caught:
        opened("https://api.massive.com", SecretStr(KEY + tail))
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
        opened(location, SecretStr(KEY))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("location", ["http://api.massive.com", "http://10.0.0.1:8080"])
def test_the_key_is_not_sent_in_the_clear(location: str) -> None:
    with pytest.raises(ConfigurationError, match=r"OPTIONS_URL.*https"):
        opened(location, SecretStr(KEY))


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
    assert repr(opened(location, SecretStr(KEY))) == f"Polygon({shown})"
