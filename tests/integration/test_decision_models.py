"""The SQL models of the decision layer on stored outcomes, held against pandas and against rows written by hand."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from kapman_assets.decisions.calibration_store import write_calibrations
from kapman_assets.decisions.outcome_store import write_outcomes
from kapman_assets.decisions.review_store import write_reviews
from kapman_assets.sql_models import Model, load_models
from kapman_resources import derived, schema
from kapman_resources.sessions import session_offset
from tests.integration.ideas import (
    Evenings,
    add,
    add_ideas,
    add_names,
    bar_row,
    chain_row,
    contract_row,
    idea_row,
    leg_row,
    rows_of,
)

ISSUED = date(2026, 6, 1)


@pytest.fixture(scope="module")
def accuracy() -> Model:
    return next(model for model in load_models() if model.name == "forecast_accuracy")


def stored(engine: sa.Engine, accuracy: Model) -> pd.DataFrame:
    """The table after it was made."""
    with engine.begin() as connection:
        derived.replace_rows(connection, accuracy.name, accuracy.sql, [column.name for column in accuracy.columns])
    with engine.connect() as connection:
        frame = pd.read_sql(sa.select(schema.forecast_accuracy), connection)
    return frame.set_index(["week", "span", "dimension", "value"]).sort_index()


def recomputed(engine: sa.Engine) -> pd.DataFrame:
    """The same by the column comments, in pandas."""
    ideas = pd.DataFrame(rows_of(engine, schema.recommendations)).rename(columns={"date": "issued"})
    came = pd.DataFrame(rows_of(engine, schema.recommendation_outcomes))
    came = came[came["outcome_status"] != "VOID"].merge(
        ideas[["issued", "ticker_id", "action", "strategy", "direction", "primary_event", "provider"]]
    )
    came["week"] = [day - pd.Timedelta(days=day.weekday()) for day in came["date"]]
    came["hit"] = came["direction_correct"].astype(float)
    came["dim_all"] = "all"
    came["dim_strategy"] = came["strategy"].fillna(came["action"])
    came["dim_direction"], came["dim_provider"] = came["direction"], came["provider"]
    came["dim_event"] = came["primary_event"].fillna("none")
    tenths = [int(str(said)[2]) for said in came["predicted_confidence"]]
    came["dim_confidence"] = [f"0.{tenth}-{'1.0' if tenth == 9 else f'0.{tenth + 1}'}" for tenth in tenths]
    rows = []
    for week in sorted(set(came["week"])):
        before = came.loc[came["week"] < week, "hit"].dropna()
        base = before.mean() if len(before) >= 20 else 0.5
        for span, some in (("week", came[came["week"] == week]), ("to_date", came[came["week"] <= week])):
            for dimension in ("all", "strategy", "direction", "event", "provider", "confidence"):
                for value, own in some.groupby(f"dim_{dimension}"):
                    scored = own.dropna(subset="hit")
                    brier = ((scored["predicted_confidence"] - scored["hit"]) ** 2).mean()
                    brier_base = ((base - scored["hit"]) ** 2).mean()
                    rows.append(
                        {
                            "week": week, "span": span, "dimension": dimension, "value": value,
                            "outcomes": len(own), "scored": len(scored), "wins": int(scored["hit"].sum()),
                            "neutral": len(own) - len(scored), "mean_confidence": scored["predicted_confidence"].mean(),
                            "hit_rate": scored["hit"].mean(), "brier": brier, "base_rate": base,
                            "brier_base": brier_base, "skill": 1 - brier / brier_base,
                            "option_pnl": own["option_pnl"].sum(min_count=1),
                            "return_on_risk": own["return_on_risk"].mean(),
                            "success_score": own["success_score"].mean(),
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows).set_index(["week", "span", "dimension", "value"]).sort_index()


def test_accuracy_is_that_of_pandas(engine: sa.Engine, accuracy: Model) -> None:
    evenings = Evenings(engine)
    for _ in evenings:
        pass
    write_outcomes(engine, evenings.sessions)
    found, expected = stored(engine, accuracy), recomputed(engine)
    assert found.index.tolist() == expected.index.tolist()
    assert len(found) > 150
    for name in expected:
        np.testing.assert_allclose(
            found[name].astype(float), expected[name].astype(float), rtol=1e-9, atol=1e-12, err_msg=name
        )
    assert set(found["base_rate"]) > {0.5}
    # Made again it is the same, not twice.
    pd.testing.assert_frame_equal(stored(engine, accuracy), found)


def test_accuracy_of_the_reference(engine: sa.Engine, accuracy: Model) -> None:
    # 0.7 right, 0.6 wrong, 0.8 right: Brier 0.16333, skill over one half 0.34667; and one that was never entered.
    ids = add_names(engine, ["A", "B", "C", "VOID"], [ISSUED])
    ends = {"A": (0.7, True), "B": (0.6, False), "C": (0.8, True), "VOID": (0.9, None)}
    add_ideas(engine, [idea_row(ids[name], name, ISSUED, confidence=said) for name, (said, _) in ends.items()])
    add(engine, schema.recommendation_outcomes, [outcome(ids[name], *end) for name, end in ends.items()])
    found = stored(engine, accuracy)
    row = found.loc[(date(2026, 6, 8), "week", "all", "all")]
    assert (row["outcomes"], row["scored"], row["wins"], row["neutral"]) == (3, 3, 2, 0)
    assert row["brier"] == pytest.approx(0.16333, abs=5e-6)
    assert (row["base_rate"], row["brier_base"]) == (0.5, 0.25)
    assert row["skill"] == pytest.approx(0.34667, abs=5e-6)
    bins = found.xs((date(2026, 6, 8), "week", "confidence"))
    assert {value: int(count) for value, count in bins["scored"].items()} == {"0.6-0.7": 1, "0.7-0.8": 1, "0.8-0.9": 1}


def outcome(ticker_id: int, said: float, right: bool | None) -> dict[str, Any]:
    return {
        "date": date(2026, 6, 10),
        "ticker_id": ticker_id,
        "issued": ISSUED,
        "exit_reason": "VOID" if right is None else "HORIZON",
        "predicted_confidence": said,
        "direction_correct": right,
        "directional_brier": None if right is None else (said - right) ** 2,
        "outcome_status": "VOID" if right is None else "WIN" if right else "LOSS",
        "null_reasons": {},
    }


def test_without_outcomes_there_is_no_accuracy(engine: sa.Engine, accuracy: Model) -> None:
    assert stored(engine, accuracy).empty


def listed(engine: sa.Engine) -> dict[str, dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM v_recommendations")).mappings()
        found = [dict(row) for row in rows]
    by_symbol = {row["symbol"]: row for row in found}
    assert len(found) == len(by_symbol), "one row an idea"
    return by_symbol


def test_the_list_of_a_panel(engine: sa.Engine) -> None:
    sessions = [session_offset(ISSUED, count) for count in range(5)]
    expiry = date(2026, 7, 17)
    ids = add_names(engine, ["LIVE", "DONE", "VOID"], sessions)
    quiet = (101.0, 102.0, 100.0, 101.0)
    walks = {"LIVE": [quiet] * 4, "DONE": [quiet, (101.0, 112.0, 100.0, 111.0)], "VOID": [(94.0, 95.0, 93.0, 94.0)]}
    for symbol, walk in walks.items():
        days = zip(sessions[1:], walk, strict=False)
        add(engine, schema.ohlcv, [bar_row(ids[symbol], day, bar) for day, bar in days])
    add(engine, schema.daily_snapshots, [snapshot(ids["LIVE"], sessions[4])])
    names = ["O:LIVE260717C00100000", "O:LIVE260717C00105000"]
    for name, strike in zip(names, (100.0, 105.0), strict=True):
        add(engine, schema.options_chains, [contract_row(ids["LIVE"], ISSUED, name, strike, expiry)])
    add(engine, schema.options_chain_status, [chain_row(ids["LIVE"], ISSUED, 2)])
    spread = {"action": "OPEN", "strategy": "VERTICAL_SPREAD", "max_loss": 250.0, "break_evens": [102.5]}
    legs = [
        leg_row(ids["LIVE"], ISSUED, names[1], 105.0, expiry, leg=2, side="SELL", price=1.5),
        leg_row(ids["LIVE"], ISSUED, names[0], 100.0, expiry),
    ]
    ideas = [idea_row(ids["LIVE"], "LIVE", ISSUED, **spread), *(idea_row(ids[s], s, ISSUED) for s in ("DONE", "VOID"))]
    add_ideas(engine, ideas, legs)

    assert {symbol: row["status"] for symbol, row in listed(engine).items()} == dict.fromkeys(walks, "OPEN")
    write_outcomes(engine, sessions)
    write_reviews(engine, sessions)
    write_calibrations(engine, sessions)
    found = listed(engine)
    assert {symbol: row["status"] for symbol, row in found.items()} == {
        "LIVE": "OPEN",
        "DONE": "CLOSED",
        "VOID": "VOID",
    }
    live, done = found["LIVE"], found["DONE"]
    assert [(leg["leg"], leg["contract"], leg["side"], leg["price"]) for leg in live["legs"]] == [
        (1, names[0], "BUY", 4.0),
        (2, names[1], "SELL", 1.5),
    ]
    assert (live["first_expiration"], live["as_of"], live["outcome_date"]) == (expiry, sessions[4], None)
    assert (live["review_date"], live["review_verdict"], live["review_sessions_held"]) == (sessions[4], "HOLD", 4)
    assert (live["confidence"], live["calibrated_confidence"]) == (0.7, None)
    assert (done["legs"], done["first_expiration"]) == ([], None)
    assert (done["outcome_date"], done["exit_reason"], done["outcome_status"]) == (sessions[2], "TARGET", "WIN")
    assert (done["review_date"], done["review_verdict"]) == (sessions[2], "CLOSE")


def snapshot(ticker_id: int, day: date) -> dict[str, Any]:
    """A snapshot that says nothing but its session."""
    known = {"date": day, "ticker_id": ticker_id, "symbol": "LIVE", "data_quality": "partial"}
    empty: dict[str, Any] = {
        column.name: [] if "ARRAY" in str(column.type) else {}
        for column in schema.daily_snapshots.columns
        if not column.nullable and column.name not in known
    }
    return known | empty
