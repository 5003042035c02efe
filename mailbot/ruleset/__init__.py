"""The administrators' rule folder, read and checked, and the security floor that no rule can lower."""
