"""Access tokens for mail servers that take no password (OAuth 2.0, RFC 6749), for IMAP and SMTP alike."""

from mailbot.oauth.tokens import Tokens, tokens_of

__all__ = ["Tokens", "tokens_of"]
