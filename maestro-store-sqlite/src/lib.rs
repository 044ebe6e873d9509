//! s
pub struct SqliteStore;
