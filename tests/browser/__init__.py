"""The trader panel in a real browser: every page, served by the real process from a real database."""
