"""The vendor's REST API."""
