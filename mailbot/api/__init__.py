"""The REST API: another system reads tickets and moves them, as far as the desk lets its token."""
