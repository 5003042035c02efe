"""The running mailbot: built from its settings (compose), kept alive (supervision), examined (doctor)."""
