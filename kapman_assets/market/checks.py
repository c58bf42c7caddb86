"""Asset checks of the base layer: thin wrappers around the verdicts of `quality`.

Only corruption blocks what is downstream (a doubled or lost row, a bar out of order); an oddity warns.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dagster as dg

from kapman_assets.check_results import result_of, selected_results
from kapman_assets.market import quality
from kapman_assets.market.assets import ohlcv, splits, tickers
from kapman_assets.partitions import sessions_of_run
from kapman_assets.verdict import Verdict
from kapman_resources.dagster_resources import Warehouse
from kapman_resources.sessions import latest_open_session, session_offset, sessions_between

_SESSIONS_BY_HAND = 20
"""Sessions before the newest one that are judged when the checks are run on their own."""

_ERRORS = frozenset({"unique_keys", "ohlc_order", "row_floor"})


@dg.multi_asset_check(
    name="ohlcv_checks",
    can_subset=True,
    specs=[
        dg.AssetCheckSpec(
            "unique_keys", asset=ohlcv, blocking=True, description="One bar a ticker and session; as many as written."
        ),
        dg.AssetCheckSpec("ohlc_order", asset=ohlcv, blocking=True, description="0 < low <= open, close <= high."),
        dg.AssetCheckSpec(
            "row_floor",
            asset=ohlcv,
            description=f"At least {quality.MIN_ROWS_SHARE:.0%} of the median of the sessions before.",
        ),
        dg.AssetCheckSpec(
            "flat_share", asset=ohlcv, description="No unusual share of bars with open = high = low = close."
        ),
        dg.AssetCheckSpec(
            "last_session_age", asset=ohlcv, description="The newest session whose file is due is stored."
        ),
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
        verdicts: dict[str, Callable[[], Verdict]] = {
            "unique_keys": days.unique_keys,
            "ohlc_order": days.ohlc_order,
            "row_floor": days.row_floor,
            "flat_share": days.flat_share,
            "last_session_age": lambda: quality.last_session_age(connection, now),
        }
        of_ohlcv = {dg.AssetCheckKey(ohlcv.key, name): judge for name, judge in verdicts.items()}
        yield from selected_results(context, of_ohlcv, errors=_ERRORS)


@dg.multi_asset_check(
    name="splits_checks",
    can_subset=True,
    specs=[
        dg.AssetCheckSpec("fit_prices", asset=splits, description="Each ratio explains the overnight price change."),
        dg.AssetCheckSpec("fit_vendor", asset=splits, description="Own factors equal the vendor's to 1e-9."),
    ],
)
def splits_checks(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[dg.AssetCheckResult]:
    """Doubt splits that bars or the vendor's own factors contradict; they are applied all the same."""
    with warehouse.engine("splits_checks") as engine, engine.connect() as connection:
        verdicts = {
            dg.AssetCheckKey(splits.key, "fit_prices"): lambda: quality.splits_fit_prices(connection),
            dg.AssetCheckKey(splits.key, "fit_vendor"): lambda: quality.splits_fit_vendor(connection),
        }
        yield from selected_results(context, verdicts)


@dg.asset_check(asset=tickers, description="Every name of a portfolio is listed and trades.")
def watchlist_trades(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Name the watchlist's dead: reported, never fatal."""
    with warehouse.engine("watchlist_trades") as engine, engine.connect() as connection:
        return result_of(dg.AssetCheckKey(tickers.key, "watchlist_trades"), quality.watchlist_trades(connection))
