"""The options domain."""
