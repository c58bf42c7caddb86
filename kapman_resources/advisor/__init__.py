"""Models that are asked for trade ideas: what one is, and a client for each provider.

A client sends a question and brings back what came, with its tokens, cost and time. What is asked, whether the answer
is believed, and what happens without one is decided in `kapman_assets.decisions`.
"""
