"""What the Wyckoff page asks: the newest reading of each name, one name's events and its adjusted bars."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from streamlit.testing.v1 import AppTest

from kapman_resources import schema
from kapman_ui.queries import wyckoff
from tests.unit.options.chains import SESSION
from tests.unit.ui.markets import names, put

PAGE = Path(schema.__file__).parents[2] / "kapman_ui" / "views" / "wyckoff.py"
DAYS = [date(2026, 8, 18), date(2026, 8, 19), date(2026, 8, 20), SESSION]

_TESTS = [{"name": "higher_lows", "test": 5, "value": 0.1, "reason": None, "outcome": "pass"}]
_EVENTS: dict[str, Any] = {
    "events": [
        {
            "type": "SPRING", "is_active": True, "confidence": 0.8, "event_date": "2026-08-19",
            "detected_at": "2026-08-20", "price_level": 9.0, "volume_ratio": 0.6, "description": "x", "sub_type": None,
        }
    ],
    "expected_next": ["SOS"],
    "signal_message": "SPRING confirmed",
}  # fmt: skip


@pytest.fixture
def filled(panel: sa.Engine) -> sa.Engine:
    """QUIET without a reading; SPRUNG with one, an event, and a 2:1 split before its last session."""
    ids = names(panel, "QUIET", "SPRUNG")
    sprung = ids["SPRUNG"]
    bar = {"ticker_id": sprung, "open": 10.0, "high": 11.0, "low": 9.0, "close": 10.5, "volume": 100.0}
    halved = {"ticker_id": sprung, "open": 5.0, "high": 5.5, "low": 4.5, "close": 5.25, "volume": 200.0}
    put(
        panel,
        schema.ohlcv,
        [{**(halved if day == SESSION else bar), "date": day, "source": "flatfile"} for day in DAYS],
    )
    split = {"ticker_id": sprung, "execution_date": SESSION, "split_from": 1.0, "split_to": 2.0}
    with panel.begin() as connection:
        connection.execute(
            sa.insert(schema.splits).values(**split, applies_from=date(1, 1, 1), price_factor=0.5, vendor_factor=None)
        )
        connection.execute(
            sa.update(schema.daily_snapshots)
            .where(schema.daily_snapshots.c.ticker_id == sprung)
            .values(events_detected=["SPRING"], bc_score=2, spring_score=10, primary_event="SPRING")
        )
    event = {
        "ticker_id": sprung, "event": "SPRING", "event_date": DAYS[1], "confirmed_date": DAYS[2], "date": DAYS[2],
        "confidence": 0.8, "terms": {}, "price_level": 9.0, "model_version": "m",
    }  # fmt: skip
    put(panel, schema.wyckoff_events, [event])
    put(
        panel,
        schema.wyckoff_phases,
        [
            {
                "ticker_id": sprung, "regime": "ACCUM", "phase": "C", "phase_confidence": 0.8, "support": 4.6,
                "resistance": 5.6, "touches_support": 2, "touches_resistance": 2, "bars_read": 4, "bc_score": 2,
                "bc_raw": 2, "bc_max": 24, "spring_score": 10, "bc_parts": {"volume": 2, "sentiment_proxy": {}},
                "spring_parts": {"recovery": 3}, "spring_is_final": True, "events_detected": ["SPRING"],
                "signal_type": "ENTRY_SIGNAL", "events_json": _EVENTS,
                "checklist_json": {"buying": _TESTS, "selling": _TESTS}, "model_version": "m", "null_reasons": {},
            }
        ],
    )  # fmt: skip
    return panel


def test_the_newest_reading_of_each_name(filled: sa.Engine) -> None:
    with filled.connect() as connection:
        rows = wyckoff.latest(connection).set_index("symbol")
        assert rows["signal_type"].to_dict() == {"QUIET": None, "SPRUNG": "ENTRY_SIGNAL"}
        assert wyckoff.reading(connection, "QUIET", SESSION) is None
        reading = wyckoff.reading(connection, "SPRUNG", SESSION)
        assert reading is not None
        assert reading["regime"] == "ACCUM"


def test_events_are_known_from_their_confirmation_on(filled: sa.Engine) -> None:
    with filled.connect() as connection:
        assert wyckoff.events(connection, "SPRUNG", DAYS[1]).empty
        assert wyckoff.events(connection, "SPRUNG", DAYS[2])["event"].tolist() == ["SPRING"]


def test_bars_are_in_the_shares_of_the_session_that_is_shown(filled: sa.Engine) -> None:
    with filled.connect() as connection:
        before = wyckoff.bars(connection, "SPRUNG", DAYS[2])
        after = wyckoff.bars(connection, "SPRUNG", SESSION)
        newest = wyckoff.bars(connection, "SPRUNG", SESSION, count=2)
    assert before["close"].tolist() == [10.5, 10.5, 10.5]
    assert after["close"].tolist() == pytest.approx([5.25] * 4)
    assert after["volume"].tolist() == pytest.approx([200.0] * 4)
    assert newest["date"].tolist() == DAYS[2:]


@pytest.mark.usefixtures("filled")
def test_the_page_opens_on_what_asks_for_something() -> None:
    page = AppTest.from_file(str(PAGE), default_timeout=60).run()
    assert not page.exception
    assert page.selectbox[0].value == "SPRUNG"
    text = "\n".join(str(one.value) for one in page.markdown)
    assert "ENTRY" in text
    assert "Regime **ACCUM**, phase **C** (80 %). SPRING confirmed" in text
    assert "**SPRING**  \n✅" in text
    assert "**SOS**  \n🔄" in text
    page.selectbox[0].select("QUIET").run()
    assert not page.exception
    assert any("has no Wyckoff reading" in info.value for info in page.info)
