"""What the writer asks for: subject, sentence, name and year of birth, topic and language. Pure."""
