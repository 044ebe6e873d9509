//! The library of personas and system prompts.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
};

use async_trait::async_trait;
use maestro_core::{
    Id, Result,
    conversations::ItemUse,
    page::{Cursor, CursorKey, Direction, Page, PageRequest, Total},
    refusal::{self, operation},
    revision::Revision,
    supplied_context::{
        Item, ItemChange, ItemName, ItemOrder, ItemQuery, ItemType, ItemVersion, ItemVersionNumber, NewItem,
        SuppliedContext, query_words, search_words,
    },
    time::Timestamp,
};
use uuid::Uuid;

use crate::MemoryStore;

/// All items.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) items: BTreeMap<Id<Item>, Shelved>,
}

/// An item, the words it is found by, and all texts it has had.
pub(crate) struct Shelved {
    pub(crate) item: Item,
    words: BTreeSet<String>,
    pub(crate) versions: Vec<ItemVersion>,
}

impl Shelved {
    fn new(item: Item) -> Self {
        Self::with_versions(item, Vec::new())
    }

    /// An item that has had these texts before.
    pub(crate) fn with_versions(item: Item, versions: Vec<ItemVersion>) -> Self {
        let mut shelved = Self { words: BTreeSet::new(), versions, item };
        shelved.file();
        shelved
    }

    /// Brings words and versions up to date with the item.
    fn file(&mut self) {
        let Item { id, name, text, version, tags, updated_at, .. } = &self.item;
        let tags = tags.iter().flat_map(|(name, value)| [name, value]);
        self.words = search_words([name.as_str(), text.as_str()].into_iter().chain(tags));
        if self.versions.last().is_none_or(|last| last.version != *version) {
            self.versions.push(ItemVersion {
                item_id: *id,
                version: *version,
                text: text.clone(),
                inserted_at: *updated_at,
            });
        }
    }

    /// Whether each of `wanted` begins one of the words: the first word that is not smaller must begin with it.
    fn matches(&self, wanted: &BTreeSet<String>) -> bool {
        wanted.iter().all(|prefix| {
            self.words.range(prefix.clone()..).next().is_some_and(|word| word.starts_with(prefix.as_str()))
        })
    }
}

impl State {
    /// Whether an item exists in that version.
    pub(crate) fn has_version(&self, used: ItemUse) -> bool {
        self.items
            .get(&used.item_id)
            .is_some_and(|shelved| shelved.versions.iter().any(|found| found.version == used.version))
    }

    pub(crate) fn named(&self, item_type: ItemType, name: &ItemName) -> Option<&Item> {
        self.items
            .values()
            .map(|shelved| &shelved.item)
            .find(|item| item.item_type == item_type && item.name == *name)
    }
}

#[async_trait]
impl SuppliedContext for MemoryStore {
    async fn item_create(&self, new: NewItem) -> Result<Item> {
        refusal::deep_maps(operation::ITEM_CREATE, [("metadata", &new.metadata)])?;
        let library = &mut self.lock().items;
        if library.named(new.item_type, &new.name).is_some() {
            return Err(refusal::name_taken(operation::ITEM_CREATE, labelled(new.item_type, &new.name)));
        }
        if library.items.contains_key(&new.id) {
            return Err(refusal::id_taken(operation::ITEM_CREATE, new.id));
        }
        let item = Item {
            id: new.id,
            item_type: new.item_type,
            name: new.name,
            text: new.text,
            version: ItemVersionNumber::FIRST,
            tags: new.tags,
            metadata: new.metadata,
            revision: Revision::FIRST,
            inserted_at: new.now,
            updated_at: new.now,
        };
        library.items.insert(item.id, Shelved::new(item.clone()));
        Ok(item)
    }

    async fn item_get(&self, id: Id<Item>) -> Result<Item> {
        let library = &self.lock().items;
        let shelved = library.items.get(&id).ok_or_else(|| refusal::missing(operation::ITEM_GET, id))?;
        Ok(shelved.item.clone())
    }

    async fn item_search(&self, query: &ItemQuery, page: PageRequest) -> Result<Page<Item>> {
        let key = |item: &Item| match query.order {
            ItemOrder::Name => CursorKey::Text(item.name.to_string()),
            ItemOrder::UpdatedAt => CursorKey::Number(item.updated_at.micros()),
            ItemOrder::InsertedAt => CursorKey::Number(item.inserted_at.micros()),
        };
        let after = match &page.after {
            Some(cursor) if query.order == ItemOrder::Name => {
                Some((CursorKey::Text(cursor.text()?.to_owned()), cursor.id()))
            }
            Some(cursor) => Some((CursorKey::Number(cursor.number()?), cursor.id())),
            None => None,
        };
        let words = query_words(&query.text);
        let library = &self.lock().items;
        let mut items: Vec<_> = (library.items.values())
            .filter(|shelved| shelved.matches(&words))
            .map(|shelved| &shelved.item)
            .filter(|item| query.item_type.is_none_or(|item_type| item.item_type == item_type))
            .filter(|item| query.name.as_ref().is_none_or(|name| item.name == *name))
            .filter(|item| item.tags.contains_all(&query.tags))
            .map(|item| ((key(item), item.id.uuid()), item))
            .collect();
        let total = (page.total == Total::Count).then_some(items.len() as u64);
        let in_order = |a: &(CursorKey, Uuid), b: &(CursorKey, Uuid)| {
            let ascending = compare(&a.0, &b.0).then(a.1.cmp(&b.1));
            match query.direction {
                Direction::Ascending => ascending,
                Direction::Descending => ascending.reverse(),
            }
        };
        items.sort_by(|a, b| in_order(&a.0, &b.0));
        let items = (items.into_iter())
            .filter(|(place, _)| {
                after.as_ref().is_none_or(|after| in_order(place, after) == Ordering::Greater)
            })
            .take(page.limit.get() + 1)
            .map(|(_, item)| item.clone())
            .collect();
        Ok(Page::from_rows(items, page.limit, total, |item| Cursor::at(key(item), item.id.uuid())))
    }

    async fn item_update(
        &self,
        id: Id<Item>,
        expected: Revision,
        change: ItemChange,
        now: Timestamp,
    ) -> Result<Item> {
        refusal::deep_maps(operation::ITEM_UPDATE, change.metadata.iter().map(|map| ("metadata", map)))?;
        let library = &mut self.lock().items;
        let shelved = library.items.get(&id).ok_or_else(|| refusal::missing(operation::ITEM_UPDATE, id))?;
        let item = shelved.item.clone();
        if item.revision != expected {
            return Err(refusal::revision_passed(operation::ITEM_UPDATE, id, expected, item.revision));
        }
        let differs = change.text.as_ref().is_some_and(|text| *text != item.text);
        let item = Item {
            name: change.name.unwrap_or(item.name),
            text: change.text.unwrap_or(item.text),
            version: if differs { item.version.next() } else { item.version },
            tags: change.tags.unwrap_or(item.tags),
            metadata: change.metadata.unwrap_or(item.metadata),
            revision: item.revision.next(),
            updated_at: now,
            ..item
        };
        if library.named(item.item_type, &item.name).is_some_and(|other| other.id != id) {
            return Err(refusal::name_taken(operation::ITEM_UPDATE, labelled(item.item_type, &item.name)));
        }
        if let Some(shelved) = library.items.get_mut(&id) {
            shelved.item = item.clone();
            shelved.file();
        }
        Ok(item)
    }

    async fn item_versions(&self, id: Id<Item>) -> Result<Vec<ItemVersion>> {
        let library = &self.lock().items;
        let shelved = library.items.get(&id).ok_or_else(|| refusal::missing(operation::ITEM_VERSIONS, id))?;
        Ok(shelved.versions.clone())
    }

    async fn item_delete_many(&self, ids: &[Id<Item>]) -> Result<u64> {
        let state = &mut *self.lock();
        let library = &mut state.items.items;
        let used: BTreeSet<_> = state.conversations.item_uses().map(|used| used.item_id).collect();
        let wanted: BTreeSet<_> = ids.iter().collect();
        let going: Vec<_> = wanted.into_iter().filter_map(|id| library.get(id)).collect();
        let in_use: Vec<_> = going.iter().filter(|shelved| used.contains(&shelved.item.id)).collect();
        if !in_use.is_empty() {
            let names = in_use.into_iter().map(|shelved| (shelved.item.item_type, &shelved.item.name));
            return Err(refusal::items_in_use(operation::ITEM_DELETE, names));
        }
        let going: Vec<_> = going.iter().map(|shelved| shelved.item.id).collect();
        for id in &going {
            library.remove(id);
        }
        Ok(going.len() as u64)
    }
}

pub(crate) fn labelled(item_type: ItemType, name: &ItemName) -> String {
    format!("{item_type} \"{name}\"")
}

/// Keys of one listing are of one kind: numbers by size, texts by their bytes.
fn compare(a: &CursorKey, b: &CursorKey) -> Ordering {
    match (a, b) {
        (CursorKey::Number(a), CursorKey::Number(b)) => a.cmp(b),
        (CursorKey::Text(a), CursorKey::Text(b)) => a.cmp(b),
        (CursorKey::Number(_), CursorKey::Text(_)) => Ordering::Less,
        (CursorKey::Text(_), CursorKey::Number(_)) => Ordering::Greater,
    }
}
