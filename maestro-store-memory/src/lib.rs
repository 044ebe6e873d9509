//! s
pub struct MemoryStore;