//! The store of Maestro for many processes and machines: every context in one schema of a Postgres database.
