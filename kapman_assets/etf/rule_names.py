"""The columns of the ETF features as names of a rule (`kapman_assets.rules`), with the short ones a trader writes."""

from kapman_assets.etf.columns import COLUMNS
from kapman_assets.rules.catalogue import Name

_ALIASES = {
    "z": "composite_z",
    "rsi": "rsi14",
    "pctb": "bb_pctb_20",
    "ma_gap": "ma_gap_pct",
    "mom5": "mom_5d",
    "atr": "atr14",
    "rs30": "rs_spy_30d",
    "rs90": "rs_spy_90d",
    "beta": "beta_spy_252d",
    "corr": "corr_spy_252d",
    "dollar_volume": "vol_dollar_20d",
}

ETF_NAMES: tuple[Name, ...] = (
    *(Name(name, column.unit, column.description, name) for name, column in COLUMNS.items()),
    *(Name(alias, *COLUMNS[column], column) for alias, column in _ALIASES.items()),
)
