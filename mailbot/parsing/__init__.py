"""From bytes to a message: header, text, attachments, and whether a machine wrote it. Pure."""
