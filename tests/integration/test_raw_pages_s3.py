"""The raw store in a bucket: a real S3 server, and servers that fail as S3 servers do."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from kapman_resources.errors import KapmanError
from kapman_resources.raw_pages import VARIABLES, RawPages
from kapman_resources.stores import AccessDenied, Bucket, StoreUnavailable, s3_client
from tests.servers import Answer, serving
from tests.unit.test_raw_pages import LATER, SESSION, TAKEN, page, rows, write

KEY_ID, SECRET = SecretStr("AKIAEXAMPLEKEYID"), SecretStr("a-secret-of-the-store")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        # Three keys a page: sessions, symbols and pages come in several.
        patch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture
def client(endpoint: str) -> Iterator[Any]:
    """A client, with the bucket `raw`, which is gone afterwards."""
    client = s3_client(VARIABLES, endpoint, KEY_ID, SECRET)
    client.create_bucket(Bucket="raw")
    yield client
    for listing in client.get_paginator("list_objects_v2").paginate(Bucket="raw"):
        for item in listing.get("Contents", []):
            client.delete_object(Bucket="raw", Key=item["Key"])
    client.delete_bucket(Bucket="raw")


def watched(endpoint: str, event: str, look: Callable[..., None]) -> RawPages:
    """The same store through a client of its own, whose requests of one kind are looked at before they leave."""
    client = s3_client(VARIABLES, endpoint, KEY_ID, SECRET)
    client.meta.events.register(f"before-parameter-build.s3.{event}", look)
    return RawPages(Bucket(client, "raw", VARIABLES), "kapman/live")


@pytest.fixture
def raw(client: Any) -> RawPages:
    return RawPages(Bucket(client, "raw", VARIABLES), "kapman/live")


def test_a_take_comes_back_from_where_the_settings_say(endpoint: str, client: Any) -> None:
    raw = RawPages.open("s3://raw/kapman/live/", endpoint_url=endpoint, access_key=KEY_ID, secret_key=SECRET)
    write(raw, TAKEN, page(1, more=True), page(2), symbol="I:SPX")

    keys = [item["Key"] for item in client.list_objects_v2(Bucket="raw")["Contents"]]
    folder = "kapman/live/v3/snapshot/options/2026-01-02/I%3ASPX/20260102T212000Z"
    assert keys == [f"{folder}/0001.json.gz", f"{folder}/0002.json.gz"]
    take = raw.read(SESSION, "I:SPX")
    assert take is not None
    assert (take.taken, take.is_whole, take.uri) == (TAKEN, True, f"s3://raw/{folder}")
    assert rows(raw, "I:SPX") == [1, 2]
    assert SECRET.get_secret_value() not in repr(raw)


def test_a_bucket_without_a_prefix_is_a_place_too(endpoint: str, client: Any) -> None:
    raw = RawPages.open("s3://raw", endpoint_url=endpoint, access_key=KEY_ID, secret_key=SECRET)
    write(raw, TAKEN, page(1))
    (item,) = client.list_objects_v2(Bucket="raw")["Contents"]
    assert item["Key"].startswith("v3/snapshot/options/2026-01-02/AAPL/")
    assert raw.sessions() == [SESSION]


def test_sessions_and_symbols_come_whole_from_listings_of_several_pages(raw: RawPages) -> None:
    days = [SESSION + timedelta(days=day) for day in range(5)]
    symbols = [f"S{number}" for number in range(7)] + ["..", "A/B"]
    for symbol in symbols:
        write(raw, TAKEN, page(symbol), symbol=symbol)
    for day in days[1:]:
        write(raw, TAKEN, page(1), session=day)

    assert raw.sessions() == days
    assert raw.symbols(SESSION) == set(symbols)
    assert raw.symbols(date(2025, 1, 2)) == set()
    assert [rows(raw, symbol) for symbol in symbols] == [[symbol] for symbol in symbols]


def test_the_take_that_counts_is_chosen_as_in_a_directory(raw: RawPages, client: Any) -> None:
    write(raw, TAKEN - timedelta(hours=1), page(1, more=True), page(2, more=True), page(3))
    write(raw, TAKEN, page(4, more=True), page(5))
    write(raw, LATER, page(6, more=True), page(7, more=True), page(8, more=True))
    assert rows(raw) == [4, 5]

    key = "kapman/live/v3/snapshot/options/2026-01-02/AAPL/20260102T212000Z/0002.json.gz"
    body = client.get_object(Bucket="raw", Key=key)["Body"].read()
    client.put_object(Bucket="raw", Key=key, Body=body[:-6])
    assert rows(raw) == [1, 2, 3]
    client.delete_object(Bucket="raw", Key=key.replace("20260102T212000Z", "20260102T202000Z"))
    take = raw.read(SESSION, "AAPL")
    assert take is not None
    assert (take.taken, take.is_whole, rows(raw)) == (LATER, False, [6, 7, 8])


def test_a_page_that_vanishes_while_it_is_read_is_missing(endpoint: str, raw: RawPages, client: Any) -> None:
    write(raw, TAKEN, page(1, more=True), page(2))

    def vanish(params: dict[str, Any], **_: Any) -> None:
        if params["Key"].endswith("0002.json.gz"):
            client.delete_object(Bucket="raw", Key=params["Key"])

    take = watched(endpoint, "GetObject", vanish).read(SESSION, "AAPL")
    assert take is not None
    assert "0002.json.gz is missing" in (take.flaw or "")


def test_many_symbols_need_one_listing(endpoint: str, raw: RawPages) -> None:
    symbols = ["AAPL", "BRK.B", "I:SPX"]
    for symbol in symbols:
        write(raw, TAKEN, page(symbol), symbol=symbol)
    prefixes: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        prefixes.append(params["Prefix"])

    takes = dict(watched(endpoint, "ListObjectsV2", note).read_many(SESSION, [*symbols, "NONE"]))
    assert {symbol: take and take.pages[0]["results"][0]["n"] for symbol, take in takes.items()} == {
        "AAPL": "AAPL",
        "BRK.B": "BRK.B",
        "I:SPX": "I:SPX",
        "NONE": None,
    }
    assert prefixes == ["kapman/live/v3/snapshot/options/2026-01-02/"]


def test_a_second_take_of_the_same_second_is_refused(raw: RawPages) -> None:
    write(raw, TAKEN, page(1))
    with pytest.raises(KapmanError, match="same second"):
        write(raw, TAKEN, page(2))
    assert rows(raw) == [1]


def test_a_bucket_that_does_not_exist_is_a_setting(endpoint: str) -> None:
    raw = RawPages.open("s3://absent", endpoint_url=endpoint, access_key=KEY_ID, secret_key=SECRET)
    with pytest.raises(KapmanError, match=r"absent.*RAW_URL"):
        write(raw, TAKEN, page(1))


@pytest.mark.parametrize(("status", "kind"), [(403, AccessDenied), (503, StoreUnavailable)])
def test_a_page_that_the_store_refuses_names_the_variable(status: int, kind: type[KapmanError]) -> None:
    # Nothing is there before the first page.
    listing = Answer(body=b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
    with serving([listing], puts=Answer(status, SECRET.get_secret_value().encode())) as server:
        raw = RawPages(Bucket(s3_client(VARIABLES, server.url, KEY_ID, SECRET, retries=0), "raw", VARIABLES))
        with pytest.raises(kind, match=r"RAW_URL: writing s3://raw/.*0001\.json\.gz") as caught:
            write(raw, TAKEN, page(1))
    assert SECRET.get_secret_value() not in str(caught.value)


def test_a_store_that_fails_is_no_damaged_take() -> None:
    listing = (
        b"<ListBucketResult><IsTruncated>false</IsTruncated><Contents><ETag>e</ETag>"
        b"<Key>v3/snapshot/options/2026-01-02/AAPL/20260102T212000Z/0001.json.gz</Key></Contents></ListBucketResult>"
    )
    with serving([Answer(body=listing), Answer(503)]) as server:
        raw = RawPages(Bucket(s3_client(VARIABLES, server.url, KEY_ID, SECRET, retries=0), "raw", VARIABLES))
        with pytest.raises(StoreUnavailable, match="503"):
            raw.read(SESSION, "AAPL")


def test_without_an_endpoint_the_service_is_aws() -> None:
    client = s3_client(VARIABLES, None, KEY_ID, SECRET)
    assert client.meta.endpoint_url.endswith(".amazonaws.com")
    assert repr(RawPages.open("s3://raw/a", access_key=KEY_ID, secret_key=SECRET)) == (
        "RawPages(s3://raw/a/v3/snapshot/options/)"
    )
