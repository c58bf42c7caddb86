"""Asset checks of the Wyckoff domain: thin wrappers around the verdicts of `quality`.

A number that the engine cannot give, or an event from the future, blocks what is downstream; what is missing is red.
"""

import dagster as dg

from kapman_assets.check_results import session_checks
from kapman_assets.wyckoff import quality
from kapman_resources import schema

_EVENTS, _PHASES = (dg.AssetKey(table.name) for table in (schema.wyckoff_events, schema.wyckoff_phases))

wyckoff_checks = session_checks(
    "wyckoff_checks",
    {
        dg.AssetCheckKey(_EVENTS, quality.events_are_causal.__name__): quality.events_are_causal,
        **{
            dg.AssetCheckKey(_PHASES, judge.__name__): judge
            for judge in (quality.every_watched_bar, quality.phase_values, quality.one_model)
        },
    },
    errors={quality.every_watched_bar.__name__, quality.one_model.__name__},
    blocking={quality.events_are_causal.__name__, quality.phase_values.__name__},
)
