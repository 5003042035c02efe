"""Texts that the whole program treats alike: addresses, Unicode, PESEL numbers, and what must be masked."""
