"""Reference pages from a directory."""

import gzip
import json
from pathlib import Path

import pytest

from kapman_resources.errors import ConfigurationError, PermanentError
from kapman_resources.polygon import Polygon, RecordedPages
from kapman_resources.polygon.answers import DamagedRecording, NotRecorded
from tests.unit.polygon.vendor import SESSION, chain, opened, splits, tickers


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
    polygon = opened(tmp_path)
    assert [row["ticker"] for row in tickers(polygon, active=True)] == ["A", "B"]
    assert [row["ticker"] for row in tickers(polygon, active=False)] == ["GONE"]
    assert repr(polygon) == f"Polygon({tmp_path})"


def test_recorded_splits_start_where_asked(tmp_path: Path) -> None:
    days = ["2025-12-31", "2026-01-02", "2026-01-05"]
    record(tmp_path, "stocks/v1/splits", "0001.json.gz", {"results": [{"execution_date": day} for day in days]})
    polygon = Polygon(RecordedPages(tmp_path))
    assert [row["execution_date"] for row in splits(polygon, since=SESSION)] == days[1:]
    assert [row["execution_date"] for row in splits(polygon)] == days


def test_a_recorded_day_is_the_whole_answer(tmp_path: Path) -> None:
    answer = {"status": "OK", "resultsCount": 1, "results": [{"T": "A", "c": 1.5}]}
    record(tmp_path, "v2/aggs/grouped/locale/us/market/stocks/2026-01-02", "0001.json.gz", answer)
    assert Polygon(RecordedPages(tmp_path)).ask(lambda client: client.grouped_daily(SESSION)) == answer


def test_what_is_not_recorded_names_its_folder(tmp_path: Path) -> None:
    polygon = Polygon(RecordedPages(tmp_path))
    with pytest.raises(NotRecorded, match=r"stocks/2026-01-02") as caught:
        polygon.ask(lambda client: client.grouped_daily(SESSION))
    assert isinstance(caught.value, PermanentError)
    (tmp_path / "stocks/v1/splits").mkdir(parents=True)
    with pytest.raises(NotRecorded, match="stocks/v1/splits"):
        splits(polygon)
    with pytest.raises(NotRecorded, match="options/AAPL"):
        chain(polygon)


@pytest.mark.parametrize(
    "names",
    [["0002.json"], ["0001.json", "0003.json"], ["0001.json", "0001.json.gz"], ["0000.json", "0001.json"]],
)
def test_a_recording_with_a_page_missing_or_twice_is_not_read(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        record(tmp_path, "stocks/v1/splits", name, {"results": []})
    with pytest.raises(DamagedRecording, match="each once"):
        splits(Polygon(RecordedPages(tmp_path)))


@pytest.mark.parametrize("content", [b"{", b"[]", {"results": 1}, {"status": "ERROR", "error": "x"}])
def test_a_damaged_page_is_named(tmp_path: Path, content: object) -> None:
    file = record(tmp_path, "stocks/v1/splits", "0001.json.gz", content)
    with pytest.raises(DamagedRecording, match=file.name):
        splits(Polygon(RecordedPages(tmp_path)))


@pytest.mark.parametrize("keep", [5, 15, -4])
def test_a_page_cut_off_is_named(tmp_path: Path, keep: int) -> None:
    file = record(tmp_path, "stocks/v1/splits", "0001.json.gz", {"results": [{"ticker": "A"}]})
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(DamagedRecording, match=file.name):
        splits(Polygon(RecordedPages(tmp_path)))


def test_a_directory_that_does_not_exist_names_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"OPTIONS_URL.*absent.*kapman simulate"):
        opened(tmp_path / "absent")
