"""What is erased, and what stays of it."""
