//! What is searched for, and in which order it comes.

use super::{ItemName, ItemType, Tags};
use crate::page::Direction;

/// Which items are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ItemQuery {
    /// Of this type only.
    pub item_type: Option<ItemType>,
    /// With exactly this name.
    pub name: Option<ItemName>,
    /// With each of these words the beginning of a word of the name, the text or a tag, after folding: see
    /// [`query_words`](super::query_words). No words match everything.
    pub text: String,
    /// With each of these tags.
    pub tags: Tags,
    /// The order.
    pub order: ItemOrder,
    /// From which end.
    pub direction: Direction,
}

/// The order of items. The id decides between equals, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ItemOrder {
    /// By name, in byte order.
    #[default]
    Name,
    /// By the time of the last write.
    UpdatedAt,
    /// By the time of creation.
    InsertedAt,
}
