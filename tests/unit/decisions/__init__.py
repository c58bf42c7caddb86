"""Decisions: facts, economics, checks of ideas, rules."""
