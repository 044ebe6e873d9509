//! Something else where the file should be.
