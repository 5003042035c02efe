"""What was done, by whom and when, as a chain of hashes that shows every later change."""
