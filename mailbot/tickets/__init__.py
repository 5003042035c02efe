"""Tickets: opened, joined, stopped and closed; their clocks and links, and what was decided about them."""
