"""How mail comes in: IMAP folders that are read, LMTP and SMTP that are listened to; all of it ends in the inbox."""
