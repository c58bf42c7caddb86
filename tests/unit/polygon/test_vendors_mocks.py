"""The vendor's own examples, as its client's tests hold them."""

import json
from pathlib import Path
from typing import Any

import pytest

from kapman_resources.polygon.answers import parse_page
from tests.servers import Answer
from tests.unit.polygon.vendor import chain, polygon_on

pytestmark = pytest.mark.real_data


@pytest.fixture
def mocks(real_data: Path) -> dict[str, bytes]:
    """Each answer by its address."""
    root = real_data / "polygon_mocks" / "test_rest" / "mocks"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*.json"))}


def is_list(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("results", []), list)


def test_every_list_is_read_as_it_is(mocks: dict[str, bytes]) -> None:
    lists = {name: body for name, body in mocks.items() if is_list(json.loads(body))}
    assert len(lists) > 20
    assert "v3/snapshot/options/AAPL.json" in lists
    for name, body in lists.items():
        assert parse_page(body) == json.loads(body), name


def test_answers_of_other_shapes_are_no_pages(mocks: dict[str, bytes]) -> None:
    others = [body for body in mocks.values() if not is_list(json.loads(body))]
    assert others
    for body in others:
        with pytest.raises(ValueError, match=r"results|object"):
            parse_page(body)


def test_a_chain_of_the_vendor_arrives_byte_for_byte(mocks: dict[str, bytes]) -> None:
    body = mocks["v3/snapshot/options/AAPL.json"]
    with polygon_on([Answer(body=body)]) as (polygon, _, _):
        (page,) = chain(polygon)
    assert page.body == body
    assert page.content["results"][0]["details"]["ticker"].startswith("O:AAPL")
