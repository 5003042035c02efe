"""Words about text that the whole program shares: addresses, Unicode, PESEL, and what must be masked."""
