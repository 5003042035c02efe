"""What runs: one loop that decides what came in, one for each connection that sends what goes out."""
