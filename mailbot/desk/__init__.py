"""The desk: what a person may see and do."""
