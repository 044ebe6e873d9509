//! The library of personas and system prompts, versioned and searchable.

mod item;
mod query;
mod store;
mod words;

pub use item::{
    Item, ItemChange, ItemName, ItemText, ItemType, ItemVersion, ItemVersionNumber, JSON_MAP_DEPTH, JsonMap,
    NewItem, Tags,
};
pub use query::{ItemOrder, ItemQuery};
pub use store::{SuppliedContext, SuppliedContextExt};
pub use words::{query_words, search_words};
