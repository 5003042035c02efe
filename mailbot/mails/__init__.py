"""The mails we send: what their templates can say, and the bytes that are made of them."""
