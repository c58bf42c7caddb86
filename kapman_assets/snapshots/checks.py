"""Asset checks of the daily snapshots: thin wrappers around the verdicts of `quality`.

A row that says it is better than it is blocks what decides on it; a missing row is red, fewer complete ones are yellow.
"""

import dagster as dg

from kapman_assets.check_results import session_checks
from kapman_assets.snapshots import quality
from kapman_resources import schema

_SNAPSHOTS = dg.AssetKey(schema.daily_snapshots.name)

daily_snapshots_checks = session_checks(
    "daily_snapshots_checks",
    {
        dg.AssetCheckKey(_SNAPSHOTS, judge.__name__): judge
        for judge in (quality.every_watched_bar, quality.quality_is_explained, quality.usual_share_is_complete)
    },
    errors={quality.every_watched_bar.__name__},
    blocking={quality.quality_is_explained.__name__},
)
