"""The registry of accounts: who holds a login, and the only place where a password or a login is changed."""
