"""The loops of a running mailbot: they understand and decide what came in, send what goes out, and watch the clocks."""
