//! The context trait of the library.

use async_trait::async_trait;

use super::{Item, ItemChange, ItemName, ItemQuery, ItemType, ItemVersion, ItemVersionNumber, NewItem};
use crate::{
    error::{Error, Result},
    id::Id,
    page::{Page, PageLimit, PageRequest},
    revision::Revision,
    time::Timestamp,
};

#[cfg(doc)]
use crate::error::ErrorKind;

/// The context *SuppliedContext*: personas and system prompts (requirements M-S1 to M-S3).
///
/// It has no default bodies and takes only values that are valid already. Each method is atomic and durable when it
/// returns. Any method may fail with [`ErrorKind::Unavailable`] and [`ErrorKind::Internal`], as in
/// [`Auth`](crate::auth::Auth).
#[async_trait]
pub trait SuppliedContext: Send + Sync {
    /// Writes a new item, at version 1 and [`Revision::FIRST`].
    ///
    /// [`ErrorKind::Conflict`] when its type has that name already, or the id is taken; [`ErrorKind::Invalid`] when its
    /// metadata lies deeper than [`JSON_MAP_DEPTH`](super::JSON_MAP_DEPTH).
    async fn item_create(&self, new: NewItem) -> Result<Item>;

    /// The item with this id. [`ErrorKind::NotFound`] when there is none.
    async fn item_get(&self, id: Id<Item>) -> Result<Item>;

    /// A page of the items that match, in the order that the query names. A cursor belongs to its order:
    /// [`ErrorKind::Invalid`] with another that sorts by another kind of key.
    async fn item_search(&self, query: &ItemQuery, page: PageRequest) -> Result<Page<Item>>;

    /// Changes an item that still has the revision `expected` and counts the revision up. A text that differs makes a
    /// new version; the old text stays readable.
    ///
    /// [`ErrorKind::NotFound`] when there is no item, [`ErrorKind::Stale`] when it has moved on,
    /// [`ErrorKind::Conflict`] when the new name is taken, [`ErrorKind::Invalid`] as at
    /// [`item_create`](Self::item_create).
    async fn item_update(
        &self,
        id: Id<Item>,
        expected: Revision,
        change: ItemChange,
        now: Timestamp,
    ) -> Result<Item>;

    /// All texts that the item has had, the present one last. [`ErrorKind::NotFound`] when there is no item.
    async fn item_versions(&self, id: Id<Item>) -> Result<Vec<ItemVersion>>;

    /// Removes items with all their versions: all of them or, on an error, none. Ids that do not exist are passed
    /// over. Returns how many went.
    ///
    /// [`ErrorKind::InUse`] when a session refers to one; the text names the items.
    async fn item_delete_many(&self, ids: &[Id<Item>]) -> Result<u64>;
}

/// What callers want besides; implemented once, over every store.
#[async_trait]
pub trait SuppliedContextExt: SuppliedContext {
    /// The item with this type and name. [`ErrorKind::NotFound`] when there is none.
    async fn item_find(&self, item_type: ItemType, name: &ItemName) -> Result<Item> {
        let query =
            ItemQuery { item_type: Some(item_type), name: Some(name.clone()), ..ItemQuery::default() };
        let page = self.item_search(&query, PageRequest::first(PageLimit::default())).await?;
        page.items.into_iter().next().ok_or_else(|| {
            Error::not_found("find context item", format_args!("{item_type} \"{name}\""))
                .advise("`maestro context list` shows those there are")
        })
    }

    /// The text of an item at a version. [`ErrorKind::NotFound`] when there is no such item or version.
    async fn item_text_at(&self, id: Id<Item>, version: ItemVersionNumber) -> Result<ItemVersion> {
        let versions = self.item_versions(id).await?;
        versions
            .into_iter()
            .find(|found| found.version == version)
            .ok_or_else(|| Error::not_found("read context item", format_args!("{id}, version {version}")))
    }

    /// Removes one item. [`ErrorKind::NotFound`] when there is none.
    async fn item_delete(&self, id: Id<Item>) -> Result<()> {
        match self.item_delete_many(&[id]).await? {
            0 => Err(Error::not_found("delete context item", id)),
            _ => Ok(()),
        }
    }
}

impl<T: SuppliedContext + ?Sized> SuppliedContextExt for T {}
