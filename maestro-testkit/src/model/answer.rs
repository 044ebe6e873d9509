//! What a store answers, in a form that can be compared.

use std::collections::BTreeMap;

use maestro_core::{
    Error, ErrorKind, Result,
    auth::SavedAuthentication,
    conversations::{ChatEntry, ItemUse, JournalChunk, Lineage, OpenSession, Session, Thread},
    page::{Cursor, Page},
    supplied_context::{Item, ItemVersion},
};

/// What a call comes to.
pub(super) type Answer = std::result::Result<Reply, Refusal>;

macro_rules! replies {
    ($($name:ident($type:ty)),* $(,)?) => {
        /// What a call that was done gives back.
        #[derive(Debug, Clone, PartialEq)]
        pub(super) enum Reply { $($name($type)),* }

        $(impl From<$type> for Reply {
            fn from(value: $type) -> Self {
                Self::$name(value)
            }
        })*
    };
}

replies! {
    Done(()), Count(u64),
    Auth(Box<SavedAuthentication>), Auths(Vec<SavedAuthentication>), AuthPage(Page<SavedAuthentication>),
    Session(Box<Session>), Opened(Box<OpenSession>), SessionPage(Page<Session>),
    Thread(Box<Thread>), Threads(Vec<Thread>), Edited(Box<(Thread, ChatEntry)>),
    Entry(Box<ChatEntry>), Entries(Vec<ChatEntry>), EntryPage(Page<ChatEntry>),
    Journal(Vec<JournalChunk>), Lineage(Box<Lineage>),
    Item(Box<Item>), ItemPage(Page<Item>), Versions(Vec<ItemVersion>),
}

impl Reply {
    /// Where the next page begins, of a page.
    pub(super) const fn next(&self) -> Option<&Cursor> {
        match self {
            Self::AuthPage(page) => page.next.as_ref(),
            Self::SessionPage(page) => page.next.as_ref(),
            Self::EntryPage(page) => page.next.as_ref(),
            Self::ItemPage(page) => page.next.as_ref(),
            _ => None,
        }
    }
}

/// A refusal: its kind, and its text where the contract words it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) kind: ErrorKind,
    pub(super) text: String,
}

/// What a call came to. `Unavailable` and `Internal` are a store's own, so their words are.
pub(super) fn answer<T: Into<Reply>>(result: Result<T>) -> Answer {
    result.map(Into::into).map_err(|error: Error| Refusal {
        kind: error.kind(),
        text: match error.kind() {
            ErrorKind::Unavailable | ErrorKind::Internal => String::new(),
            _ => error.to_string(),
        },
    })
}

/// The same, of a row that is wide.
pub(super) fn boxed<T>(result: Result<T>) -> Answer
where
    Box<T>: Into<Reply>,
{
    answer(result.map(Box::new))
}

/// Cursors that were kept, by the place where they were put.
pub(super) type Cursors = BTreeMap<u8, Cursor>;

/// What a caller has read before a call: of the reference, and given to both stores.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) revision: u64,
    pub(super) head: Option<maestro_core::Id<ChatEntry>>,
    pub(super) seq: u32,
}

/// The use of an item.
pub(super) fn item_use(used: super::field::Used) -> ItemUse {
    ItemUse {
        item_id: used.0.id(),
        version: maestro_core::supplied_context::ItemVersionNumber::new(used.1.into()),
    }
}
