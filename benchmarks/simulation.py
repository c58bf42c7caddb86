"""How long it takes to write a simulated market: the one of a first start, and one as large as the real one."""

from benchmarks.laboratory import Laboratory
from benchmarks.report import Row, timed

_REPEATS = 3


def measure(laboratory: Laboratory) -> list[Row]:
    """The small market several times, each in a directory of its own, and the large one once."""
    sizes = laboratory.sizes
    small = [
        laboratory.simulate(f"small_{number}", names=sizes.small_names, sessions=sizes.small_sessions)
        for number in range(_REPEATS)
    ]
    large = laboratory.history_market
    return [
        timed(
            "simulate the market of a first start",
            f"{sizes.small_names} names, {sizes.small_sessions} sessions",
            [market.seconds for market in small],
            rows=small[0].rows,
            max_seconds=20.0,
        ),
        timed(
            "simulate a market of real size",
            f"{sizes.names:,} names, {len(large.sessions)} sessions",
            [large.seconds],
            rows=large.rows,
        ),
    ]
