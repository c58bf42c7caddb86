"""Unit tests of the alerts domain."""
