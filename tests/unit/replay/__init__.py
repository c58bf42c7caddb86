"""What the replay counts and writes."""
