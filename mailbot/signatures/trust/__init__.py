"""Which certificates count: trusted lists and revocation lists of a folder, and the chains up to them."""
