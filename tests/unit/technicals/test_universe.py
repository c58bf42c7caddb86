"""The screener's columns of many names against the indicators of each, and names that are halted, new or broken."""

import warnings
from datetime import date

import numpy as np
import pandas as pd
import pytest

from kapman_assets.options import price
from kapman_assets.technicals.bars import Bars, Floats
from kapman_assets.technicals.history import history_start
from kapman_assets.technicals.indicators import COLUMNS, columns
from kapman_assets.technicals.reasons import BARS_NEEDED
from kapman_assets.technicals.universe import BY_SESSIONS, OF_OWN_BARS, Panel, universe_technicals
from kapman_resources.sessions import sessions_between
from tests.unit.technicals.series import cent_bars, random_bars

SESSIONS = sessions_between(date(2024, 6, 3), date(2026, 8, 21))
DATES = np.array(SESSIONS, dtype="datetime64[D]")
FIELDS = ("open", "high", "low", "close", "volume")


def panel_of(names: dict[str, Bars], missing: dict[str, list[int]] | None = None) -> Panel:
    """Names with the sessions on which each has no bar; a shorter name ends with the last session."""
    columns = {field: np.full((len(names), len(SESSIONS)), np.nan) for field in FIELDS}
    for row, (name, bars) in enumerate(names.items()):
        for field in FIELDS:
            columns[field][row, len(SESSIONS) - len(bars) :] = getattr(bars, field)
            columns[field][row, (missing or {}).get(name, [])] = np.nan
    return Panel(list(names), SESSIONS, **columns)


def calculated(panel: Panel, last: int = 1, splits: dict[str, dict[date, float]] | None = None) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return universe_technicals(panel, last, splits or {}).set_index(["session", "symbol"])


def own_bars(panel: Panel, row: int, session: date) -> Bars:
    """What a session's row sees of a name."""
    values = {field: getattr(panel, field)[row] for field in FIELDS}
    seen = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    seen &= np.array([history_start(session) <= day <= session for day in SESSIONS])
    return Bars.of(**{field: array[seen] for field, array in values.items()})


NAMES = {f"R{k}": random_bars(30 + k, len(SESSIONS)) for k in range(4)} | {
    "CENT": cent_bars(40, len(SESSIONS)),
    "NEW": random_bars(41, 100),
    "HALTED": random_bars(42, len(SESSIONS)),
}
PANEL = panel_of(NAMES, {"HALTED": [-1, -3, -30, -200]})


def test_every_value_is_that_of_the_name_alone() -> None:
    last = 60
    frame = calculated(PANEL, last)

    assert list(frame.columns) == ["is_stale", "last_bar", "bars", *OF_OWN_BARS, *BY_SESSIONS]
    assert len(frame) == last * len(NAMES)
    for row, name in enumerate(NAMES):
        for session in (SESSIONS[-60], SESSIONS[-40], SESSIONS[-2], SESSIONS[-1]):
            values, bars = frame.loc[pd.Timestamp(session), name], own_bars(PANEL, row, session)
            if values["is_stale"]:
                continue
            alone = columns(bars)
            for column in set(COLUMNS) & set(OF_OWN_BARS):
                assert np.array_equal(values[column], alone[column][-1], equal_nan=True), (name, session, column)
            assert (values["close"], values["volume"]) == (bars.close[-1], bars.volume[-1])
            assert values["bars"] == len(bars)


def test_columns_of_their_own_by_their_formulas() -> None:
    frame = calculated(PANEL).loc[pd.Timestamp(SESSIONS[-1])]
    bars = own_bars(PANEL, 0, SESSIONS[-1])
    values = frame.loc["R0"]

    for back in (1, 5, 20, 60):
        assert values[f"return_{back}"] == pytest.approx(bars.close[-1] / bars.close[-1 - back] - 1, rel=1e-12)
    assert values["high_52w_distance"] == pytest.approx(bars.close[-1] / bars.high[-252:].max() - 1, rel=1e-12)
    assert values["low_52w_distance"] == pytest.approx(bars.close[-1] / bars.low[-252:].min() - 1, rel=1e-12)
    signed = np.sign(np.diff(bars.close[-10:], prepend=np.nan)) * bars.volume[-10:]
    signed[0] = 0
    slope = np.polyfit(np.arange(10), np.cumsum(signed), 1)[0]
    assert values["obv_slope_10"] == pytest.approx(slope / bars.volume[-10:].mean(), rel=1e-9)


def test_columns_by_sessions_are_those_of_the_watchlist() -> None:
    frame = calculated(PANEL, 40)

    for row, name in enumerate(NAMES):
        for back in (1, 2, 20, 40):
            closes, volumes = (values[row, : len(SESSIONS) + 1 - back] for values in (PANEL.close, PANEL.volume))
            alone = price.price_metrics(closes, volumes, None)
            values = frame.loc[pd.Timestamp(SESSIONS[-back]), name]
            for column, field in zip(BY_SESSIONS, ("rvol_20", "vsi_20", "hv_20", "hv_60", "adv_20"), strict=True):
                expected = getattr(alone, field)
                assert (
                    np.array_equal(values[column], np.nan if expected is None else expected, equal_nan=True)
                    or (values["is_stale"])
                ), (name, back, column)


def test_one_session_alone_is_the_same_as_among_many() -> None:
    many = calculated(PANEL, 100)

    for back in (1, 30, 55, 100):
        cut = len(SESSIONS) + 1 - back
        short = Panel(PANEL.symbols, SESSIONS[:cut], **{field: getattr(PANEL, field)[:, :cut] for field in FIELDS})
        session = pd.Timestamp(SESSIONS[cut - 1])
        pd.testing.assert_frame_equal(calculated(short).loc[session], many.loc[session], check_exact=True)


def test_a_stale_name_says_so() -> None:
    frame = calculated(PANEL, 3)
    row = frame.loc[pd.Timestamp(SESSIONS[-1]), "HALTED"]

    assert row["is_stale"]
    assert row["last_bar"] == pd.Timestamp(SESSIONS[-2])
    assert row[[*OF_OWN_BARS, *BY_SESSIONS]].isna().all()
    resumed = frame.loc[pd.Timestamp(SESSIONS[-2]), "HALTED"]
    assert not resumed["is_stale"]
    # The day before was halted: the return is since the last bar, realised volatility is unknown.
    closes = NAMES["HALTED"].close
    assert resumed["return_1"] == pytest.approx(closes[-2] / closes[-4] - 1)
    assert np.isnan(resumed["hv_20"])


def test_a_new_name_has_what_its_bars_allow() -> None:
    row = calculated(PANEL).loc[pd.Timestamp(SESSIONS[-1]), "NEW"]

    assert row["bars"] == 100
    unknown = {name for name in (*OF_OWN_BARS, *BY_SESSIONS) if np.isnan(row[name])}
    assert unknown == {name for name in (*OF_OWN_BARS, *BY_SESSIONS) if BARS_NEEDED[name] > 100}
    assert unknown == {"sma_200", "high_52w_distance", "low_52w_distance"}


@pytest.mark.parametrize("column", [*OF_OWN_BARS, *BY_SESSIONS])
def test_each_column_needs_as_many_bars_as_it_says(column: str) -> None:
    needed = BARS_NEEDED[column]
    panel = panel_of({"ENOUGH": random_bars(43, needed), "SHORT": random_bars(43, max(needed - 1, 0))})
    values = calculated(panel)[column].to_numpy()

    assert not np.isnan(values[0])
    assert np.isnan(values[1])


def test_names_that_no_formula_expects() -> None:
    count = len(SESSIONS)
    base = random_bars(44, count)

    def with_(**changed: Floats) -> Bars:
        return Bars.of(**{field: changed.get(field, getattr(base, field)) for field in FIELDS})

    jump = np.where(np.arange(count) < count - 5, 1.0, 5.0)
    names = {
        "NONE": random_bars(45, 0),
        "FLAT": Bars.of(**dict.fromkeys(FIELDS, np.full(count, 5.0))),
        "IDLE": with_(volume=np.zeros(count)),
        "JUMP": with_(**{field: getattr(base, field) * jump for field in FIELDS[:4]}),
        "TORN": with_(high=np.where(np.arange(count) == count - 1, np.nan, base.high)),
        "MINUS": with_(low=np.where(np.arange(count) == count - 1, -1.0, base.low)),
        "TICK": Bars.of(
            open=np.full(count, 1e-4),
            high=np.full(count, 2e-4),
            low=np.full(count, 1e-4),
            close=np.where(np.arange(count) % 3 == 0, 1e-4, 2e-4),
            volume=np.ones(count),
        ),
    }
    frame = calculated(panel_of(names)).loc[pd.Timestamp(SESSIONS[-1])]

    assert not np.isinf(frame[[*OF_OWN_BARS, *BY_SESSIONS]].to_numpy(dtype=float)).any()
    assert frame["is_stale"].to_dict() == {name: name in {"NONE", "TORN", "MINUS"} for name in names}
    assert frame.loc["NONE", "bars"] == 0
    assert pd.isna(frame.loc["NONE", "last_bar"])

    def unknown(name: str) -> set[str]:
        return {column for column in (*OF_OWN_BARS, *BY_SESSIONS) if np.isnan(frame.loc[name, column])}

    assert unknown("FLAT") == {"rsi_14", "stoch_k", "stoch_d", "mfi_14", "adx_14", "vsi_20"}
    assert frame.loc["FLAT", "hv_20"] == 0
    assert unknown("IDLE") == {"mfi_14", "obv_slope_10", "rvol_20", "vsi_20"}
    assert frame.loc["IDLE", "dollar_volume_20"] == 0
    assert unknown("JUMP") == set()
    assert unknown("TICK") == {"adx_14", "vsi_20"}


def test_a_session_does_not_know_a_later_split() -> None:
    execution = SESSIONS[-2]
    factor = np.where(np.array([execution], dtype="datetime64[D]") > DATES, 0.5, 1.0)
    adjusted = {field: getattr(PANEL, field).copy() for field in FIELDS}
    for field in FIELDS:
        adjusted[field][0] = adjusted[field][0] / factor if field == "volume" else adjusted[field][0] * factor
    many = calculated(Panel(PANEL.symbols, SESSIONS, **adjusted), 4, {"R0": {execution: 0.5}})

    for back in (4, 3):
        session = pd.Timestamp(SESSIONS[-back])
        pd.testing.assert_frame_equal(many.loc[[session]], calculated(PANEL, 4).loc[[session]], check_exact=True)
    session = pd.Timestamp(SESSIONS[-1])
    assert many.loc[(session, "R0"), "return_5"] == pytest.approx(
        PANEL.close[0, -1] / (PANEL.close[0, -6] / 2) - 1, rel=1e-12
    )


def test_more_names_than_are_calculated_at_a_time() -> None:
    rng = np.random.default_rng(46)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, (1100, 40)), axis=1))
    volume = rng.random((1100, 40))
    symbols = [f"S{k}" for k in range(1100)]
    panel = Panel(symbols, SESSIONS[-40:], open=close, high=close * 1.01, low=close * 0.99, close=close, volume=volume)
    frame = universe_technicals(panel, 2)

    assert frame["symbol"].tolist() == symbols * 2
    assert np.array_equal(frame["close"], close[:, -2:].T.ravel())
    assert np.array_equal(frame["rvol_20"], price.relative_volume(volume)[:, -2:].T.ravel())
    assert frame["return_1"].to_numpy() == pytest.approx((close[:, -2:] / close[:, -3:-1] - 1).T.ravel())


def test_a_panel_without_names() -> None:
    values = {field: np.empty((0, 30)) for field in FIELDS}
    frame = universe_technicals(Panel([], SESSIONS[:30], **values), 5)

    assert frame.empty
    assert list(frame.columns) == ["symbol", "session", "is_stale", "last_bar", "bars", *OF_OWN_BARS, *BY_SESSIONS]


def test_a_panel_that_does_not_fit() -> None:
    values = {field: np.ones((2, 3)) for field in FIELDS}
    with pytest.raises(ValueError, match="2 symbols and 4 sessions"):
        Panel(["A", "B"], SESSIONS[:4], **values)
    with pytest.raises(ValueError, match="ascending"):
        Panel(["A", "B"], SESSIONS[2::-1], **values)
    panel = Panel(["A", "B"], SESSIONS[:3], **values)
    for last in (0, 4):
        with pytest.raises(ValueError, match=f"{last} sessions"):
            universe_technicals(panel, last)
