"""Which columns the option metrics are calculated from, for Dagster's column lineage.

The formulas are in the modules beside; a test holds the tables' columns against what is said here.
"""

from collections.abc import Iterable, Mapping

Origin = tuple[str, str]
"""A table and one of its columns."""


def _of(table: str, *columns: str) -> tuple[Origin, ...]:
    return tuple((table, column) for column in columns)


_LISTED = _of("options_chains", "strike", "expiration_date", "contract_type", "multiplier", "is_standard")
_OPEN_INTEREST = (*_LISTED, *_of("options_chains", "open_interest"))
_VOLUME = (*_LISTED, *_of("options_chains", "volume"))
_VOLATILITY = (*_LISTED, *_of("options_chains", "implied_volatility"))
_SMILE = (*_VOLATILITY, *_of("options_chains", "open_interest", "volume", "delta"))
_GAMMA = (*_OPEN_INTEREST, *_of("options_chains", "implied_volatility", "gamma"))
_REPRICED = (*_OPEN_INTEREST, *_of("options_chains", "implied_volatility"))
_CLOSE = (*_of("ohlcv", "close"), *_of("splits", "price_factor"))
_DOLLARS = _of("ohlcv", "close", "volume")
_SHARES = (*_of("ohlcv", "volume"), *_of("splits", "price_factor"))
_OWN_HISTORY = _of("volatility_metrics", "iv_30d")


def _each(names: str, origins: Iterable[Origin]) -> dict[str, tuple[Origin, ...]]:
    return dict.fromkeys(names.split(), tuple(origins))


COLUMN_LINEAGE: Mapping[str, Mapping[str, tuple[Origin, ...]]] = {
    "volatility_metrics": {
        **_each("iv_30d iv_60d iv_90d term_structure term_ratio term_slope_30d expected_move_30d", _VOLATILITY),
        **_each("skew_25d skew_25d_norm bf_25d smiles", _SMILE),
        **_each("average_iv contracts_analyzed", _VOLATILITY),
        **_each("weighted_iv", (*_VOLATILITY, *_of("options_chains", "open_interest"))),
        **_each("pcr_oi", _OPEN_INTEREST),
        **_each("pcr_volume", _VOLUME),
        **_each("oi_turnover", (*_OPEN_INTEREST, *_of("options_chains", "volume"))),
        **_each("iv_rank iv_percentile history_n", (*_VOLATILITY, *_OWN_HISTORY)),
    },
    "price_metrics": {
        **_each("hv_20 hv_60", _CLOSE),
        **_each("rvol_20 vsi_20", _SHARES),
        **_each("adv_20", _DOLLARS),
        **_each("iv_hv_diff", (*_CLOSE, *_OWN_HISTORY)),
    },
    "dealer_metrics": {
        **_each("contracts contracts_non_standard", _LISTED),
        **_each("total_oi", _OPEN_INTEREST),
        **_each("oi_without_gamma oi_coverage contracts_used dealer_status status_reasons", _GAMMA),
        **_each("call_gex put_gex net_gex gross_gex gex_ratio", _GAMMA),
        **_each("gex_slope gamma_flip_level gamma_flip_levels flip_status flip_direction flip_coverage", _REPRICED),
        **_each("position_vs_flip", _REPRICED),
        **_each("call_wall put_wall call_wall_above_spot call_walls put_walls", _GAMMA),
        **_each("call_wall_oi put_wall_oi call_walls_oi put_walls_oi max_pain max_pains", _OPEN_INTEREST),
        **_each("gex_pct_adv dealer_position", (*_GAMMA, *_DOLLARS)),
        **_each("dgpi dgpi_has_flip", (*_GAMMA, *_DOLLARS, *_of("price_metrics", "hv_20"))),
        **_each("dgpi_v1", (*_GAMMA, *_of("volatility_metrics", "iv_rank"))),
    },
}
