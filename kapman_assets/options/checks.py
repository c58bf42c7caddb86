"""Asset checks of the options domain: thin wrappers around the verdicts of `quality`.

None of them blocks: whatever came of a chain is better than nothing, and its metrics say how far to trust them.
"""

import dagster as dg

from kapman_assets.check_results import Judge, session_checks
from kapman_assets.options import quality
from kapman_assets.options.assets import options_chains

_CHAINS: dict[dg.AssetCheckKey, Judge] = {
    dg.AssetCheckKey(options_chains.key, judge.__name__): judge
    for judge in (
        quality.all_taken,
        quality.options_vanished,
        quality.contract_floor,
        quality.open_interest_moves,
    )
}
_METRICS: dict[dg.AssetCheckKey, Judge] = {
    dg.AssetCheckKey(dg.AssetKey("dealer_metrics"), judge.__name__): judge
    for judge in (quality.metrics_for_each_chain, quality.gamma_known)
}
_ERRORS = frozenset({"all_taken", "metrics_for_each_chain"})

options_chains_checks = session_checks("options_chains_checks", _CHAINS, errors=_ERRORS)
option_metrics_checks = session_checks("option_metrics_checks", _METRICS, errors=_ERRORS)
