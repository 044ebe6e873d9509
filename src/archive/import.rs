//! Taking a session from a file into a store.

use std::collections::{BTreeMap, BTreeSet};

use maestro_core::{
    Error, ErrorKind, Id, Result,
    archive::{Archive, ItemRecord, Record, RecordKey, Restored, SessionRecord},
    auth::{AuthRef, SavedAuthentication},
    conversations::{ItemUse, Session},
    supplied_context::{Item, ItemName, ItemType, ItemVersion, ItemVersionNumber, SuppliedContextExt as _},
};

use super::session_file::{AuthenticationReference, SessionFile};

const IMPORT: &str = "import session";
const AS_COPY: &str = "import the session as a copy, with new ids";

/// Which ids an imported session gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ImportIds {
    /// Those of the file. A session that is there already and is the same is passed over.
    #[default]
    Keep,
    /// New ones, for the session, its threads and its entries, so that it can stand beside the one that it is a copy of.
    New,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The session, by the id that it has now.
    pub session: Id<Session>,
    /// Whether it was written; it was there already if not.
    pub is_new: bool,
    /// What is not as it was in the file.
    pub notices: Vec<ImportNotice>,
}

/// Something that an import does in another way than the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportNotice {
    /// The store has no such authentication, so the session has none.
    AuthenticationMissing(AuthRef),
    /// The store has an authentication of that name under another id, which the session uses now.
    AuthenticationByName(AuthRef),
    /// The store has an item of that name with the same text under another id, which the session uses now.
    ItemByName(ItemType, ItemName),
    /// The store has another item of that name, so this one was written under the second name.
    ItemRenamed(ItemType, ItemName, ItemName),
}

impl SessionFile {
    /// Writes the session into a store, in one step, with those of its items that the store does not have.
    ///
    /// Its authentication is the one with the id of the file, else the one with its name, else none; the notices say so.
    /// An item that the store has with the texts that the session uses stays as it is. With [`ImportIds::New`] an item
    /// whose id or name is taken by another text gets a new id and a free name.
    ///
    /// [`Conflict`](ErrorKind::Conflict) when a session with its id is there and differs, or, with [`ImportIds::Keep`], when
    /// an id or a name in it is taken by something else. Then nothing is written.
    pub async fn import(self, store: &dyn Archive, ids: ImportIds) -> Result<Imported> {
        let Self { authentication, items, session } = self;
        let mut import =
            Import { store, ids, records: Vec::new(), uses: BTreeMap::new(), notices: Vec::new() };
        for item in items {
            let uses = session.session.persona.iter().chain(&session.session.system_prompts);
            let versions =
                uses.filter(|used| used.item_id == item.item.id).map(|used| used.version).collect();
            import.item(item, &versions).await?;
        }
        let mut record = match ids {
            ImportIds::Keep => session,
            ImportIds::New => renamed(session),
        };
        record.session.auth_id = match authentication {
            Some(authentication) => import.authentication(authentication).await?,
            None => None,
        };
        for used in record.session.persona.iter_mut().chain(&mut record.session.system_prompts) {
            *used = import.uses.get(used).copied().unwrap_or(*used);
        }
        let (session, Import { mut records, notices, .. }) = (record.session.id, import);
        let writes_items = records.len() as u64;
        records.push(Record::Session(Box::new(record)));
        let Restored { written, .. } = store.record_restore(&records).await.map_err(advised)?;
        Ok(Imported { session, is_new: written > writes_items, notices })
    }
}

fn advised(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Conflict => error.advise(AS_COPY),
        _ => error,
    }
}

struct Import<'a> {
    store: &'a dyn Archive,
    ids: ImportIds,
    /// What will be written before the session.
    records: Vec<Record>,
    /// What the session uses in place of what the file says.
    uses: BTreeMap<ItemUse, ItemUse>,
    notices: Vec<ImportNotice>,
}

impl Import<'_> {
    async fn authentication(
        &mut self,
        AuthenticationReference { id, reference }: AuthenticationReference,
    ) -> Result<Option<Id<SavedAuthentication>>> {
        if found(self.store.auth_get(id).await)?.is_some() {
            return Ok(Some(id));
        }
        let named = found(self.store.auth_find(&reference).await)?.map(|row| row.id);
        self.notices.push(match named {
            Some(_) => ImportNotice::AuthenticationByName(reference),
            None => ImportNotice::AuthenticationMissing(reference),
        });
        Ok(named)
    }

    /// Decides what becomes of an item of the file, of which the session uses these versions.
    async fn item(&mut self, record: ItemRecord, wanted: &BTreeSet<ItemVersionNumber>) -> Result<()> {
        let item = &record.item;
        let there = found(self.store.item_versions(item.id).await)?;
        if let Some(there) = &there {
            let is_same = |version: &ItemVersion| {
                there.iter().any(|other| other.version == version.version && other.text == version.text)
            };
            if texts(&record, wanted).all(is_same) {
                return Ok(());
            }
            if self.ids == ImportIds::Keep {
                return Err(Error::new(ErrorKind::Conflict, IMPORT)
                    .on(RecordKey::Item(item.id))
                    .because("it is there already, and has not the texts that the session uses")
                    .advise(AS_COPY));
            }
        }
        // With its ids kept, a name that is taken is refused by the restore, in the words of every store.
        let named = match self.ids {
            ImportIds::Keep => None,
            ImportIds::New => found(self.store.item_find(item.item_type, &item.name).await)?,
        };
        if let Some(named) = named {
            return self.item_beside(record, wanted, &named, there.is_some()).await;
        }
        let record = if there.is_some() { self.with_new_id(record) } else { record };
        self.records.push(Record::Item(record));
        Ok(())
    }

    /// Uses an item that has the name of one of the file, if it has its texts; else gives that one a free name.
    async fn item_beside(
        &mut self,
        record: ItemRecord,
        wanted: &BTreeSet<ItemVersionNumber>,
        named: &Item,
        is_id_taken: bool,
    ) -> Result<()> {
        let (item_type, name) = (record.item.item_type, record.item.name.clone());
        let there = self.store.item_versions(named.id).await?;
        let same = |version: &ItemVersion| {
            let same = there.iter().rev().find(|other| other.text == version.text)?;
            Some((used(record.item.id, version.version), used(named.id, same.version)))
        };
        if let Some(uses) = texts(&record, wanted).map(same).collect::<Option<Vec<_>>>() {
            self.uses.extend(uses);
            self.notices.push(ImportNotice::ItemByName(item_type, name));
            return Ok(());
        }
        let mut record = if is_id_taken { self.with_new_id(record) } else { record };
        record.item.name = self.free_name(item_type, &name).await?;
        self.notices.push(ImportNotice::ItemRenamed(item_type, name, record.item.name.clone()));
        self.records.push(Record::Item(record));
        Ok(())
    }

    fn with_new_id(&mut self, mut record: ItemRecord) -> ItemRecord {
        let (old, new) = (record.item.id, Id::new());
        record.item.id = new;
        for version in &mut record.versions {
            version.item_id = new;
            self.uses.insert(used(old, version.version), used(new, version.version));
        }
        record
    }

    /// The name with the first number behind it that makes it free.
    async fn free_name(&self, item_type: ItemType, name: &ItemName) -> Result<ItemName> {
        for number in 2_u32.. {
            let behind = format!(" ({number})");
            // A name has at most 100 characters.
            let kept: String = name.as_str().chars().take(100 - behind.len()).collect();
            let free = ItemName::new(kept + &behind)?;
            if found(self.store.item_find(item_type, &free).await)?.is_none() {
                return Ok(free);
            }
        }
        Err(Error::new(ErrorKind::Conflict, IMPORT).on(name).because("no name like it is free"))
    }
}

/// The texts of an item that are wanted.
fn texts<'a>(
    record: &'a ItemRecord,
    wanted: &'a BTreeSet<ItemVersionNumber>,
) -> impl Iterator<Item = &'a ItemVersion> {
    record.versions.iter().filter(|version| wanted.contains(&version.version))
}

const fn used(item_id: Id<Item>, version: ItemVersionNumber) -> ItemUse {
    ItemUse { item_id, version }
}

fn found<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same session with new ids, everywhere where they stand.
fn renamed(mut record: SessionRecord) -> SessionRecord {
    let session_id = Id::new();
    let threads: BTreeMap<_, _> = record.threads.iter().map(|record| (record.thread.id, Id::new())).collect();
    let entries = record.threads.iter().flat_map(|record| &record.entries);
    let entries: BTreeMap<_, _> = entries.map(|record| (record.entry.id, Id::new())).collect();
    // A record that is valid names nothing that it does not have.
    let thread_of = |id| threads.get(&id).copied().unwrap_or(id);
    let entry_of = |id| entries.get(&id).copied().unwrap_or(id);

    record.session.id = session_id;
    record.session.root_thread_id = thread_of(record.session.root_thread_id);
    record.session.latest_chat_entry_id = record.session.latest_chat_entry_id.map(entry_of);
    for record in &mut record.threads {
        let thread = &mut record.thread;
        thread.id = thread_of(thread.id);
        thread.session_id = session_id;
        thread.parent_thread_id = thread.parent_thread_id.map(thread_of);
        thread.fork_from_entry_id = thread.fork_from_entry_id.map(entry_of);
        thread.head_entry_id = thread.head_entry_id.map(entry_of);
        for record in &mut record.entries {
            record.entry.id = entry_of(record.entry.id);
            record.entry.session_id = session_id;
            record.entry.thread_id = thread.id;
        }
    }
    for mark in &mut record.marks {
        mark.thread_id = thread_of(mark.thread_id);
        mark.chunk.entry_id = entry_of(mark.chunk.entry_id);
    }
    record.threads.sort_by_key(|record| (record.thread.inserted_at, record.thread.id));
    record.marks.sort_by_key(|mark| (mark.thread_id, mark.chunk));
    record
}
