//! s
pub struct SqliteStore;