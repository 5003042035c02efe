"""What the words of an application say: the four data, and what is asked for. Pure."""
