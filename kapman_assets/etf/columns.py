"""The columns of a row of features: unit and meaning of each, in the order of the rows.

Names are those of the ETF document, without the horizon that it hangs on some: the horizon is part of the row's key.
"""

from typing import NamedTuple

HORIZONS: dict[str, int] = {"20D": 20, "60D": 60, "252D": 252}
"""Sessions of the window that a z-score looks at, by the horizon of the row."""


class Column(NamedTuple):
    """What a column holds."""

    unit: str
    description: str


class Component(NamedTuple):
    """A part of the composite.

    Attributes:
        indicator: the column that is standardised.
        z: the column that holds its z-score.
        contribution: the column that holds its part of the composite.
        percent: its weight.
    """

    indicator: str
    z: str
    contribution: str
    percent: int


COMPONENTS: tuple[Component, ...] = (
    Component("macd", "macd_z", "macd_contribution", 35),
    Component("rsi14", "rsi_z", "rsi_contribution", 25),
    Component("ma_gap_pct", "ma_gap_z", "ma_gap_contribution", 20),
    Component("bb_pctb_20", "bb_pctb_z", "bb_pctb_contribution", 15),
    Component("mom_5d", "mom_5d_z", "mom_5d_contribution", 5),
)

_Z = "standard deviations"
_USD = "USD a share, split-adjusted as of the session"

COMPOSITE_COLUMNS: dict[str, Column] = {
    "composite_z": Column(_Z, "weighted sum of the standardised components"),
    "dz1": Column(_Z, "composite less that of the session before"),
    "dz5": Column(_Z, "composite less that of five sessions before"),
    **{
        component.z: Column(_Z, f"{component.indicator} less its mean over the horizon, in its deviations (ddof=1)")
        for component in COMPONENTS
    },
    **{
        component.contribution: Column(
            _Z, f"part of the composite that comes from {component.z}, weight {component.percent} of 100"
        )
        for component in COMPONENTS
    },
    "weight_known": Column("share, 0 to 1", "weights of the components that are known; a composite needs 0.8"),
    "z_values": Column("values", "in the shortest window of a known component; 0 without one"),
}
"""What differs between the horizons of a session."""

SESSION_COLUMNS: dict[str, Column] = {
    "macd": Column(_USD, "EMA(12) less EMA(26) of the close"),
    "macd_signal": Column(_USD, "EMA(9) of macd"),
    "rsi14": Column("0 to 100", "relative strength index, Wilder's smoothing over 14 bars"),
    "bb_pctb_20": Column("0 to 1", "place of the close between the Bollinger bands (20, 2), clamped"),
    "ma50": Column(_USD, "mean of the last 50 closes"),
    "ma200": Column(_USD, "mean of the last 200 closes"),
    "ma_gap_pct": Column("decimal, 0.01 is 1 %", "(ma50 - ma200) / ma200"),
    "mom_5d": Column("decimal", "return over 5 bars"),
    "atr14": Column(_USD, "average true range, Wilder's smoothing over 14 bars"),
    "rs_spy_30d": Column("decimal", "return over 30 sessions less the benchmark's"),
    "rs_spy_90d": Column("decimal", "return over 90 sessions less the benchmark's"),
    "beta_spy_252d": Column("ratio", "slope of 252 daily log returns on the benchmark's"),
    "corr_spy_252d": Column("-1 to 1", "correlation of 252 daily log returns with the benchmark's"),
    "vol_dollar_20d": Column("USD a session", "mean of close x volume over 20 sessions"),
}
"""What is the same at every horizon."""

COLUMNS: dict[str, Column] = {**COMPOSITE_COLUMNS, **SESSION_COLUMNS}

IN_PRICE_UNITS = ("macd", "macd_signal", "ma50", "ma200", "atr14")
"""Columns that a split rescales."""
