"""Handing mails to the outgoing server."""
