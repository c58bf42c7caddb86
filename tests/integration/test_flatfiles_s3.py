"""Flat files over HTTP: a real S3 server, and servers that fail as S3 servers do."""

import logging
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from kapman_resources.errors import ConfigurationError, PermanentError, TransientError
from kapman_resources.flatfiles import (
    VARIABLES,
    FileLate,
    FlatFiles,
    NotASession,
    NotPublishedYet,
    day_aggs_key,
)
from kapman_resources.stores import (
    TRANSFER_ATTEMPTS,
    AccessDenied,
    BrokenTransfer,
    Bucket,
    StoreUnavailable,
    s3_client,
)
from tests.servers import Answer, serving, unused_address

KEY_ID, SECRET = SecretStr("AKIAEXAMPLEKEYID"), SecretStr("a-secret-of-the-store")
MONDAY = date(2024, 7, 1)
BODY = bytes(range(256)) * 400
ETAG = {"ETag": '"e"'}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        # Three keys a page: a month and the archive come in several.
        patch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        yield f"http://{host}:{port}"
        server.stop()


@pytest.fixture
def put(endpoint: str) -> Iterator[Callable[[str, bytes], Any]]:
    """Put an object into the bucket `flatfiles`, which is empty again afterwards."""
    client = s3_client(VARIABLES, endpoint, KEY_ID, SECRET)
    client.create_bucket(Bucket="flatfiles")
    keys: set[str] = set()

    def put_object(key: str, body: bytes) -> None:
        keys.add(key)
        client.put_object(Bucket="flatfiles", Key=key, Body=body)

    yield put_object
    for key in keys:
        client.delete_object(Bucket="flatfiles", Key=key)
    client.delete_bucket(Bucket="flatfiles")


def files_at(
    endpoint: str, *, waits: list[float] | None = None, now: datetime | None = None, read_timeout: float = 5.0
) -> FlatFiles:
    """The client under test, without boto3's own waits between requests."""
    client = s3_client(VARIABLES, endpoint, KEY_ID, SECRET, retries=0, read_timeout=read_timeout)
    store = Bucket(client, "flatfiles", VARIABLES, sleep=([] if waits is None else waits).append)
    return FlatFiles(store, clock=lambda: now or datetime(2024, 7, 31, tzinfo=UTC))


def error_body(code: str) -> bytes:
    return (
        f"<?xml version='1.0'?><Error><Code>{code}</Code>"
        f"<Message>no {SECRET.get_secret_value()} of {KEY_ID.get_secret_value()}</Message></Error>"
    ).encode()


def assert_no_secret(caught: pytest.ExceptionInfo[BaseException], caplog: pytest.LogCaptureFixture) -> None:
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caplog.text
    assert SECRET.get_secret_value() not in shown
    assert KEY_ID.get_secret_value() not in shown


def test_a_file_comes_whole_with_its_etag(endpoint: str, put: Callable[[str, bytes], Any]) -> None:
    put(day_aggs_key(MONDAY), BODY)
    files = FlatFiles.open("s3://flatfiles", endpoint_url=endpoint, access_key=KEY_ID, secret_key=SECRET)

    file = files.fetch(MONDAY)

    assert file.body == BODY
    assert file.uri == f"s3://flatfiles/{day_aggs_key(MONDAY)}"
    assert files.etags([MONDAY]) == {MONDAY: file.etag}
    assert '"' not in file.etag


def test_a_file_published_again_has_another_etag(endpoint: str, put: Callable[[str, bytes], Any]) -> None:
    files = files_at(endpoint)
    put(day_aggs_key(MONDAY), b"first")
    first = files.etags([MONDAY])
    put(day_aggs_key(MONDAY), b"second")

    assert files.etags([MONDAY]) != first
    assert files.fetch(MONDAY).etag == files.etags([MONDAY])[MONDAY]


def test_listings_of_several_pages_are_whole(endpoint: str, put: Callable[[str, bytes], Any]) -> None:
    published = [date(2024, 6, day) for day in (24, 25, 26, 27, 28)] + [
        date(2024, 7, day) for day in (1, 2, 3, 5, 8, 9, 10)
    ]
    for session in published:
        put(day_aggs_key(session), b"gz")
    put("us_stocks_sip/day_aggs_v1/2024/07/readme.txt", b"")
    put("us_stocks_sip/minute_aggs_v1/2024/07/2024-07-11.csv.gz", b"")
    files = files_at(endpoint)

    assert files.sessions() == published
    assert list(files.etags([*published, date(2024, 7, 11)])) == published
    assert list(files.etags([date(2024, 7, 10)])) == [date(2024, 7, 10)]


@pytest.mark.parametrize(
    ("day", "now", "expected"),
    [
        (date(2024, 7, 4), datetime(2024, 7, 9, tzinfo=UTC), NotASession),
        (MONDAY, datetime(2024, 7, 2, 15, 29, 59, tzinfo=UTC), NotPublishedYet),
        (MONDAY, datetime(2024, 7, 2, 15, 30, tzinfo=UTC), FileLate),
    ],
)
@pytest.mark.usefixtures("put")
def test_404_is_judged_by_the_clock(endpoint: str, day: date, now: datetime, expected: type[Exception]) -> None:
    with pytest.raises(expected, match=day_aggs_key(day)):
        files_at(endpoint, now=now).fetch(day)


@pytest.mark.parametrize("ask", [lambda files: files.fetch(MONDAY), lambda files: files.sessions()])
def test_a_bucket_that_does_not_exist_is_a_setting(endpoint: str, ask: Callable[[FlatFiles], Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"flatfiles.*FLATFILES_URL"):
        ask(files_at(endpoint))


def test_requests_are_signed_and_name_the_bucket_in_the_path() -> None:
    with serving([Answer(body=BODY, headers=ETAG)]) as server:
        file = files_at(server.url).fetch(MONDAY)

    (request,) = server.requests
    assert (file.body, file.etag) == (BODY, "e")
    assert request.path == f"/flatfiles/{day_aggs_key(MONDAY)}"
    assert request.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLEKEYID/")
    assert "/us-east-1/s3/aws4_request" in request.headers["authorization"]
    assert "x-amz-checksum-mode" not in request.headers
    assert SECRET.get_secret_value() not in str(request)


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_403_is_an_entitlement_and_never_repeated(code: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    waits: list[float] = []
    # boto3's own repeats stay on: they must leave a 403 alone, too.
    with serving([Answer(403, error_body(code))]) as server:
        client = s3_client(VARIABLES, server.url, KEY_ID, SECRET)
        files = FlatFiles(Bucket(client, "flatfiles", VARIABLES, sleep=waits.append))
        with pytest.raises(AccessDenied) as caught:
            files.fetch(MONDAY)

    assert len(server.requests) == 1
    assert waits == []
    assert isinstance(caught.value, PermanentError)
    for named in (
        "session 2024-07-01",
        day_aggs_key(MONDAY),
        "entitlement",
        code,
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "FLATFILES_URL",
    ):
        assert named in str(caught.value)
    assert_no_secret(caught, caplog)


def test_403_on_a_holiday_is_still_403() -> None:
    with serving([Answer(403)]) as server, pytest.raises(AccessDenied):
        files_at(server.url).fetch(date(2024, 7, 4))


def test_a_refused_listing_says_so() -> None:
    with serving([Answer(403, error_body("AccessDenied"))]) as server:
        with pytest.raises(AccessDenied, match=r"listing s3://flatfiles/us_stocks_sip/day_aggs_v1/2024/07/"):
            files_at(server.url).etags([MONDAY])
        with pytest.raises(AccessDenied, match=r"listing s3://flatfiles/us_stocks_sip"):
            files_at(server.url).sessions()


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, error_body("SlowDown")),
        Answer(500, error_body("InternalError")),
        Answer(502, b"<html><body>Bad Gateway</body></html>", {"Content-Type": "text/html"}),
        Answer(429),
        Answer(522),
    ],
)
def test_a_failing_store_is_transient(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    with serving([answer]) as server:
        with pytest.raises(StoreUnavailable, match=rf"2024-07-01.*{answer.status}") as caught:
            files_at(server.url).fetch(MONDAY)
        with pytest.raises(StoreUnavailable, match=str(answer.status)):
            files_at(server.url).sessions()
    assert isinstance(caught.value, TransientError)
    assert_no_secret(caught, caplog)


def test_another_refusal_is_permanent() -> None:
    with (
        serving([Answer(400, error_body("InvalidRequest"))]) as server,
        pytest.raises(PermanentError, match=r"400 \(InvalidRequest\)"),
    ):
        files_at(server.url).fetch(MONDAY)


@pytest.mark.parametrize("body", [b"", b"please log in", b"<html><body>please log in</body></html>"])
def test_a_login_page_is_neither_an_empty_listing_nor_a_file(body: bytes) -> None:
    with serving([Answer(200, body)]) as server:
        with pytest.raises(StoreUnavailable, match=r"listing"):
            files_at(server.url).sessions()
        with pytest.raises(StoreUnavailable, match=r"2024-07-01.*FLATFILES_ENDPOINT_URL"):
            files_at(server.url).fetch(MONDAY)


def test_a_refused_connection_is_transient() -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1.*EndpointConnectionError"):
        files_at(unused_address()).fetch(MONDAY)


def test_a_store_that_does_not_answer_is_given_up() -> None:
    with (
        serving([Answer(stalls=True)]) as server,
        pytest.raises(BrokenTransfer, match="ReadTimeoutError"),
    ):
        files_at(server.url, read_timeout=0.1).fetch(MONDAY)


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("cut_at", [0, len(BODY) - 1])
def test_a_body_that_breaks_off_is_asked_for_again(cut_at: int, reset: bool, caplog: pytest.LogCaptureFixture) -> None:
    waits: list[float] = []
    broken, whole = (
        Answer(body=BODY, headers=ETAG, cut_at=cut_at, reset=reset),
        Answer(body=BODY, headers=ETAG),
    )
    with serving([broken, broken, whole]) as server:
        assert files_at(server.url, waits=waits).fetch(MONDAY).body == BODY

    assert len(server.requests) == 3
    assert len(waits) == 2
    assert all(0 <= wait <= 8 for wait in waits)
    assert caplog.text.count("trying again") == 2


def test_a_body_that_always_breaks_off_is_no_file(caplog: pytest.LogCaptureFixture) -> None:
    waits: list[float] = []
    with (
        serving([Answer(body=BODY, headers=ETAG, cut_at=1000)]) as server,
        pytest.raises(BrokenTransfer, match=r"session 2024-07-01.*1000") as caught,
    ):
        files_at(server.url, waits=waits).fetch(MONDAY)

    assert isinstance(caught.value, TransientError)
    assert len(server.requests) == TRANSFER_ATTEMPTS
    assert len(waits) == TRANSFER_ATTEMPTS - 1
    assert_no_secret(caught, caplog)


def test_a_file_that_vanishes_between_two_attempts_is_missing() -> None:
    with (
        serving([Answer(body=BODY, headers=ETAG, cut_at=10), Answer(404)]) as server,
        pytest.raises(FileLate),
    ):
        files_at(server.url).fetch(MONDAY)


def test_the_secret_is_not_even_in_debug_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving([Answer(body=BODY, headers=ETAG)]) as server:
        files_at(server.url).fetch(MONDAY)
    assert "flatfiles" in caplog.text
    assert SECRET.get_secret_value() not in caplog.text
