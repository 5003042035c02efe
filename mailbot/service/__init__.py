"""The running program: its parts are built from the settings (compose) and kept alive (supervision)."""
