"""Tickets: their numbers, what is known of them, their activation links."""
