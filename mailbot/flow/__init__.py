"""What becomes of a message, in the order of docs/flow.md: understand, lookup, facts, decision, and the pipeline."""
