"""What a signed application says, read in a locked process, and whether its signer may ask for that."""
