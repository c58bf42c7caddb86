"""What an answer of the vendor means: a page, a refusal, or a failure that is worth another attempt, and when.

Knows HTTP's statuses and the vendor's two shapes of an error, and no socket: `pages` asks and waits.
"""
# ruff: noqa: N818  (the errors are named after what happened)

import gzip
import random
import zlib
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import httpx
from pydantic_core import from_json

from kapman_resources.errors import PermanentError, TransientError

Row = dict[str, Any]
"""One JSON object of an answer, as the vendor wrote it."""

MAX_WAIT_S = 60.0
"""Longest wait before an attempt, whatever Retry-After says."""

_BACKOFF_BASE_S = 0.5
_BACKOFF_FACTOR, _RATE_LIMIT_FACTOR = 2, 6
"""A rate limit may be counted by the minute: after a first short wait, those that follow must reach beyond it."""

_DETAIL_CHARS = 300


class Page(NamedTuple):
    """One page of a list.

    Attributes:
        body: the JSON text as received, without the transfer's compression.
        content: what it says.
    """

    body: bytes
    content: Row


class Refused(PermanentError):
    """The vendor understood and refused: asking again gives the same answer."""


class KeyRejected(Refused):
    """401: the key is not known."""


class NotEntitled(Refused):
    """403: the plan does not include the endpoint or the day."""


class NotFound(Refused):
    """404: the vendor has nothing there."""


class EndlessPages(PermanentError):
    """The pages of a list lead back to one of them, or there are more than any list has."""


class NotRecorded(PermanentError):
    """The recording does not hold this answer."""


class DamagedRecording(PermanentError):
    """The recording holds this answer, but not whole; unlike one that is absent, nothing may replace it."""


class VendorUnavailable(TransientError):
    """No answer, or a 5xx.

    Attributes:
        retry_after_s: seconds that the vendor asked to wait; None if it did not say.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RateLimited(VendorUnavailable):
    """429: too many requests."""


class BadAnswer(VendorUnavailable):
    """A 200 whose body is not what the endpoint sends, as proxies and cut connections make them."""


def parse_page(body: bytes) -> Row:
    """Read one answer, as the vendor wrote it: of a name that stands twice the last counts, NaN is a number.

    Args:
        body: JSON text, not compressed.

    Returns:
        The whole object. `results` and `next_url` may be absent; if they are there they are a list of
        objects and a string, unless the endpoint answers with one object.

    Raises:
        ValueError: it is no such object; the message holds nothing of the body.
    """
    page = from_json(body)
    if not isinstance(page, dict):
        raise ValueError("not a JSON object")
    rows = page.get("results") or []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("`results` is not a list of objects")
    if not isinstance(page.get("next_url") or "", str):
        raise ValueError("`next_url` is not a string")
    return page


def parse_stored(stored: bytes, *, is_gzipped: bool) -> Page:
    """Read a page that was kept in a file.

    Raises:
        ValueError: it is cut off, no page, or an error answer.
    """
    try:
        body = gzip.decompress(stored) if is_gzipped else stored
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(str(error)) from error
    content = parse_page(body)
    if not is_good(content):
        raise ValueError(f"it holds an error answer: {content['status']}")
    return Page(body, content)


def detail_of(text: str) -> str:
    """What the body of an error says: `error` or `message` of the JSON shapes, else the text itself."""
    try:
        answer = from_json(text)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        said = answer.get("error") or answer.get("message") or answer.get("status")
        text = f"{said}; request {answer['request_id']}" if answer.get("request_id") else str(said)
    return " ".join(text.split()) or "empty body"


def refusal_of(
    status: int, detail: str, where: str, *, retry_after_s: float | None = None
) -> Refused | VendorUnavailable:
    """The error that an answer other than a good 200 means.

    Args:
        status: HTTP status.
        detail: what its body says, secrets already taken out.
        where: the request, for the message.
        retry_after_s: seconds, from the Retry-After header.
    """
    said = f"{where}: {status} ({detail[:_DETAIL_CHARS]})."
    match status:
        case 401:
            return KeyRejected(f"{said} The key is not accepted: check POLYGON_API_KEY.")
        case 403:
            return NotEntitled(
                f"{said} The plan of POLYGON_API_KEY has no entitlement to it: change the plan, or set "
                "OPTIONS_URL to a directory of recorded pages."
            )
        case 404:
            return NotFound(f"{said} Check OPTIONS_URL, and whether the vendor has this day or name.")
        case 429:
            return RateLimited(
                f"{said} Too many requests for the plan of POLYGON_API_KEY: try again later.",
                retry_after_s=retry_after_s,
            )
        case _ if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return VendorUnavailable(
                f"{said} The vendor is failing for now: try again later.", retry_after_s=retry_after_s
            )
        case _:
            return Refused(f"{said} The vendor does not answer such a request: check OPTIONS_URL.")


def retry_after_of(header: str | None, now: datetime) -> float | None:
    """Seconds that a Retry-After header asks for, either of its two forms; None if it says nothing.

    Args:
        header: its text.
        now: an aware datetime, for the date form.
    """
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        until = parsedate_to_datetime(header)
    except ValueError:
        return None
    # "-0000" gives a naive time; it is UTC like every other time of HTTP.
    return max(0.0, ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds())


def retry_wait_s(error: VendorUnavailable, attempt: int) -> float:
    """Seconds to wait after `error` in attempt number `attempt` (from 1): Retry-After, else full jitter."""
    if error.retry_after_s is not None:
        return min(error.retry_after_s, MAX_WAIT_S)
    factor = _RATE_LIMIT_FACTOR if isinstance(error, RateLimited) else _BACKOFF_FACTOR
    return random.uniform(0, min(MAX_WAIT_S, _BACKOFF_BASE_S * factor ** (attempt - 1)))  # noqa: S311


def is_good(page: Row) -> bool:
    """Whether a page that came with 200 is an answer and no error."""
    return str(page.get("status", "OK")) in {"OK", "DELAYED"}
