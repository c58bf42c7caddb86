"""Models that are asked for trade ideas."""
