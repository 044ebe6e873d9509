//! s
pub struct MemoryStore;
