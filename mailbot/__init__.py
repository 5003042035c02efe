"""mailbot: an e-mail driven helpdesk intake bot for the Polish customs and tax portal PUESC."""

__version__ = "0.1.0"
