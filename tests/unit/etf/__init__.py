"""The features of ETFs, their breadth and statistics."""
