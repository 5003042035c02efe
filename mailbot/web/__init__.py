"""The pages a citizen's browser sees, and the answers for health probes."""
