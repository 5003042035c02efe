"""Mails that are only tried: the real flow over a database in memory, golden cases, a history to try them on;
and acts on the desk, as a file tells them."""
