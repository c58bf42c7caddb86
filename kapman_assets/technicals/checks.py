"""Asset checks of the technicals: thin wrappers around the verdicts of `quality`.

A value that no formula can give blocks what is downstream; a row that is missing is red and no more.
"""

import dagster as dg

from kapman_assets.check_results import session_checks
from kapman_assets.technicals import quality
from kapman_assets.technicals.assets import technical_indicators, universe_technicals

universe_technicals_checks = session_checks(
    "universe_technicals_checks",
    {
        dg.AssetCheckKey(universe_technicals.key, judge.__name__): judge
        for judge in (quality.every_bar_in_universe, quality.universe_values)
    },
    errors={quality.every_bar_in_universe.__name__},
    blocking={quality.universe_values.__name__},
)
technical_indicators_checks = session_checks(
    "technical_indicators_checks",
    {
        dg.AssetCheckKey(technical_indicators.key, judge.__name__): judge
        for judge in (quality.every_watched_bar, quality.indicator_values, quality.all_outputs)
    },
    errors={quality.every_watched_bar.__name__},
    blocking={quality.indicator_values.__name__, quality.all_outputs.__name__},
)
