"""The technicals domain."""
