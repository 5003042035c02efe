"""Mails that are only tried: the real flow over a database in memory, golden cases, and a history to try them on."""
