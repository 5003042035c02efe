"""How fast mailbot is: ``make bench``. docs/benchmarks.md tells what each line means."""
