"""mailbot: an e-mail driven helpdesk intake bot for the Polish customs and tax portal PUESC."""

__version__ = "0.2.0.dev0"
