"""Work that must not be lost: rows with a lease, in the database that holds everything else."""
