"""When a session's derived rows are made anew: conditions that several domains share.

Root assets, which ask the outside world, have conditions of their own beside them.
"""

import dagster as dg

REFERENCE = dg.AssetSelection.assets("tickers", "splits")
"""Refreshed every morning, which alone is no reason to make a session anew."""

NEW_BARS = dg.AutomationCondition.eager().ignore(REFERENCE)
"""For what is calculated from the bars of a session: as soon as they are there, and again when they change."""

_METRICS = dg.AssetSelection.assets("options_daily_summary", "volatility_metrics")

NEW_BARS_OR_METRICS = NEW_BARS.replace(
    "any_deps_missing", dg.AutomationCondition.any_deps_missing().ignore(REFERENCE | _METRICS)
)
"""For what is calculated from bars and looks at options where there are any: as soon as the bars are there, again when
they change, and again when metrics of the session come. Chains that were missed must not keep it from being made."""

_ONE_IS_THERE = dg.AutomationCondition.any_deps_match(~dg.AutomationCondition.missing()).ignore(REFERENCE)

NEW_DATA = NEW_BARS.replace("any_deps_missing", ~_ONE_IS_THERE)
"""For what joins several assets: as soon as one of them is there, and again with each that comes. What never comes
(chains of a session that was missed) must not keep the rest from being joined."""

_LATEST = dg.AutomationCondition.in_latest_time_window()

COMPLETE_SESSION = NEW_BARS.without(_LATEST)
"""For what is made of a session once everything is there, whichever session it is: of several that came between two
ticks none is lost, as it would be with the latest alone."""

ANY_NEW_DATA = COMPLETE_SESSION.replace("any_deps_missing", ~_ONE_IS_THERE)
"""`NEW_DATA` of every session, not of the latest alone."""

NEW_CODE = (dg.AutomationCondition.missing().newly_true() | dg.AutomationCondition.code_version_changed()).since(
    # Not since_last_handled(): it begins anew with the first evaluation, and a new view would never be requested.
    dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
)
"""For views: when there is none yet, or its SQL changed."""

_IS_GREEN = dg.AutomationCondition.any_checks_match(dg.AutomationCondition.check_passed())
_IS_RED = dg.AutomationCondition.any_checks_match(dg.AutomationCondition.check_failed()).since(_IS_GREEN)
"""From a failure to the next pass: while a run is under way, and until its check has answered, Dagster's own condition
is neither, and every run that does not help would look like a new failure."""

RED_CHECK = NEW_BARS.replace(
    "SINCE", _IS_RED.newly_true().since(dg.AutomationCondition.newly_requested() | _IS_GREEN)
).with_label("red_check")
"""For what its own check, which has no partitions, asks anew: the newest session, once a session for as long as the
check is red. Bars that are missing are waited for, as in `NEW_BARS`."""
