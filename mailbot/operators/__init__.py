"""Who may come in: operators, their passwords and second factors, and who is logged in."""
