"""Asset checks of the base layer: thin wrappers around the verdicts of `quality`.

Only corruption blocks what is downstream (a doubled or lost row, a bar out of order); an oddity warns.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from kapman_assets.market import quality
from kapman_assets.market.assets import ohlcv, splits, tickers
from kapman_assets.market.quality import Verdict
from kapman_assets.partitions import sessions_of_run
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.sessions import latest_open_session, session_offset, sessions_between

_SESSIONS_BY_HAND = 20
"""Sessions before the newest one that are judged when the checks are run on their own."""

_BLOCKING = {
    "unique_keys": "One bar a ticker and session; as many rows as were written.",
    "ohlc_order": "0 < low <= open, close <= high.",
}
_WARNING = {
    "row_floor": f"At least {quality.MIN_ROWS_SHARE:.0%} of the median of the sessions before.",
    "flat_share": "No unusual share of bars with open = high = low = close.",
    "last_session_age": "The newest session whose file is due is stored.",
}


def _result(
    asset: dg.AssetsDefinition, name: str, verdict: Verdict, severity: dg.AssetCheckSeverity
) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=asset.key,
        check_name=name,
        passed=verdict.passed,
        severity=severity,
        description=verdict.summary,
        metadata={
            "offenders": dg.MetadataValue.json(quality.examples(verdict)),
            "offender_count": len(verdict.offenders),
        },
    )


@dg.multi_asset_check(
    name="ohlcv_checks",
    specs=[
        *(dg.AssetCheckSpec(name, asset=ohlcv, description=text, blocking=True) for name, text in _BLOCKING.items()),
        *(dg.AssetCheckSpec(name, asset=ohlcv, description=text) for name, text in _WARNING.items()),
    ],
)
def ohlcv_checks(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Judge the sessions of this run, or the newest ones if it has none; one pass over their rows serves all.

    The checks themselves are not partitioned: Dagster 1.13 runs partitioned checks but cannot show their results.
    """
    now = datetime.now(UTC)
    newest = latest_open_session(now)
    sessions = sessions_of_run(context.run) or sessions_between(session_offset(newest, -_SESSIONS_BY_HAND), newest)
    with warehouse.engine("ohlcv_checks") as engine, engine.connect() as connection:
        days = quality.StoredDays(connection, sessions)
        yield _result(ohlcv, "unique_keys", days.unique_keys(), dg.AssetCheckSeverity.ERROR)
        yield _result(ohlcv, "ohlc_order", days.ohlc_order(), dg.AssetCheckSeverity.ERROR)
        yield _result(ohlcv, "row_floor", days.row_floor(), dg.AssetCheckSeverity.ERROR)
        yield _result(ohlcv, "flat_share", days.flat_share(), dg.AssetCheckSeverity.WARN)
        age = quality.last_session_age(connection, now)
        yield _result(ohlcv, "last_session_age", age, dg.AssetCheckSeverity.WARN)


@dg.multi_asset_check(
    name="splits_checks",
    specs=[
        dg.AssetCheckSpec("fit_prices", asset=splits, description="Each ratio explains the overnight price change."),
        dg.AssetCheckSpec("fit_vendor", asset=splits, description="Own factors equal the vendor's to 1e-9."),
    ],
)
def splits_checks(warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Doubt splits that bars or the vendor's own factors contradict; they are applied all the same."""
    with warehouse.engine("splits_checks") as engine, engine.connect() as connection:
        yield _result(splits, "fit_prices", quality.splits_fit_prices(connection), dg.AssetCheckSeverity.WARN)
        yield _result(splits, "fit_vendor", quality.splits_fit_vendor(connection), dg.AssetCheckSeverity.WARN)


@dg.asset_check(asset=tickers, description="Every name of a portfolio is listed and trades.")
def watchlist_trades(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Name the watchlist's dead: reported, never fatal."""
    with warehouse.engine("watchlist_trades") as engine, engine.connect() as connection:
        verdict = quality.watchlist_trades(connection)
    return _result(tickers, "watchlist_trades", verdict, dg.AssetCheckSeverity.WARN)
