"""Tests of the Wyckoff engine."""
