"""What the citizen's page and the console share: the port and its doors, the headers, the habits of failure."""
