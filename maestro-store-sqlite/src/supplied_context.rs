//! The library of personas and system prompts.

use async_trait::async_trait;
use maestro_core::{
    Error, Id, Result,
    conversations::ItemUse,
    page::{Cursor, CursorKey, Direction, Page, PageRequest, Total},
    refusal::{self, operation},
    revision::Revision,
    supplied_context::{
        Item, ItemChange, ItemName, ItemOrder, ItemQuery, ItemType, ItemVersion, ItemVersionNumber, NewItem,
        SuppliedContext, Tags, query_words, search_words,
    },
    time::Timestamp,
};
use rusqlite::{Connection, params, params_from_iter, types::Value};
use uuid::Uuid;

use crate::{
    SqliteStore,
    error::{Outcome, or_taken},
    rows::{Fields, all, exists, first, run, to_json},
};

#[async_trait]
impl SuppliedContext for SqliteStore {
    async fn item_create(&self, new: NewItem) -> Result<Item> {
        refusal::deep_maps(operation::ITEM_CREATE, [("metadata", &new.metadata)])?;
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
        self.write(operation::ITEM_CREATE, move |tx| {
            let no = insert(tx, &item, || name_or_id_taken(tx, &item))?;
            insert_version(tx, &present_text(&item))?;
            insert_search(tx, no, &item)?;
            Ok(item.clone())
        })
        .await
    }

    async fn item_get(&self, id: Id<Item>) -> Result<Item> {
        self.read(operation::ITEM_GET, move |tx| Ok(get(tx, operation::ITEM_GET, id)?.1)).await
    }

    async fn item_search(&self, query: &ItemQuery, page: PageRequest) -> Result<Page<Item>> {
        let after = match &page.after {
            Some(cursor) if query.order == ItemOrder::Name => {
                Some((Value::Text(cursor.text()?.to_owned()), cursor.id()))
            }
            Some(cursor) => Some((Value::Integer(cursor.number()?), cursor.id())),
            None => None,
        };
        let query = query.clone();
        self.read("search context items", move |tx| search(tx, &query, &page, after)).await
    }

    async fn item_update(
        &self,
        id: Id<Item>,
        expected: Revision,
        change: ItemChange,
        now: Timestamp,
    ) -> Result<Item> {
        refusal::deep_maps(operation::ITEM_UPDATE, change.metadata.iter().map(|map| ("metadata", map)))?;
        self.write(operation::ITEM_UPDATE, move |tx| update(tx, id, expected, change.clone(), now)).await
    }

    async fn item_versions(&self, id: Id<Item>) -> Result<Vec<ItemVersion>> {
        self.read(operation::ITEM_VERSIONS, move |tx| {
            let versions = versions(tx, id)?;
            // Every item has its first version.
            if versions.is_empty() {
                return Err(refusal::missing(operation::ITEM_VERSIONS, id).into());
            }
            Ok(versions)
        })
        .await
    }

    async fn item_delete_many(&self, ids: &[Id<Item>]) -> Result<u64> {
        let mut ids = ids.to_vec();
        ids.sort();
        ids.dedup();
        self.write(operation::ITEM_DELETE, move |tx| delete_many(tx, &ids)).await
    }
}

/// Whether an item exists in that version.
pub(crate) fn has_version(tx: &Connection, used: ItemUse) -> Outcome<bool> {
    exists(
        tx,
        "select 1
         from item_versions
         where item_id = ?1
           and version = ?2",
        params![used.item_id.as_bytes(), used.version.get()],
    )
}

/// All texts that an item has had, the present one last.
pub(crate) fn versions(tx: &Connection, id: Id<Item>) -> Outcome<Vec<ItemVersion>> {
    all(
        tx,
        "select item_id, version, text, inserted_at
         from item_versions
         where item_id = ?1
         order by version",
        [id.as_bytes()],
        |row| {
            Ok(ItemVersion {
                item_id: row.id()?,
                version: ItemVersionNumber::new(row.number()?),
                text: row.parsed()?,
                inserted_at: row.time()?,
            })
        },
    )
}

/// The columns that [`from_row`] reads.
macro_rules! columns {
    () => {
        "i.no, i.id, i.item_type, i.name, v.text, i.version, i.tags, i.metadata, i.revision, i.inserted_at, i.updated_at"
    };
}

/// An item and its number within the file.
fn from_row(row: &mut Fields<'_>) -> Outcome<(i64, Item)> {
    let no = row.integer()?;
    let item = Item {
        id: row.id()?,
        item_type: row.parsed()?,
        name: row.parsed()?,
        text: row.parsed()?,
        version: ItemVersionNumber::new(row.number()?),
        tags: row.json()?,
        metadata: row.json()?,
        revision: Revision::from_stored(row.number()?),
        inserted_at: row.time()?,
        updated_at: row.time()?,
    };
    Ok((no, item))
}

/// The item with this id, and its number.
pub(crate) fn get(tx: &Connection, operation: &'static str, id: Id<Item>) -> Outcome<(i64, Item)> {
    first(
        tx,
        concat!(
            "select ",
            columns!(),
            "
             from items i
             join item_versions v on v.item_id = i.id and v.version = i.version
             where i.id = ?1"
        ),
        [id.as_bytes()],
        from_row,
    )?
    .ok_or_else(|| refusal::missing(operation, id).into())
}

fn search(
    tx: &Connection,
    query: &ItemQuery,
    page: &PageRequest,
    after: Option<(Value, Uuid)>,
) -> Outcome<Page<Item>> {
    // Only what is asked for stands in the statement, so that each has an index that fits.
    let mut wanted = String::from("true");
    let mut values: Vec<Value> = Vec::new();
    let mut want = |condition: &str, given: Vec<Value>| {
        wanted.push_str(" and ");
        wanted.push_str(condition);
        values.extend(given);
    };
    if let Some(item_type) = query.item_type {
        want("i.item_type = ?", vec![item_type.as_str().to_owned().into()]);
    }
    if let Some(name) = &query.name {
        want("i.name = ?", vec![name.to_string().into()]);
    }
    for (name, value) in query.tags.iter() {
        want(
            "i.no in (select item_no from item_tags where name = ? and value = ?)",
            vec![name.to_owned().into(), value.to_owned().into()],
        );
    }
    let words = query_words(&query.text);
    if !words.is_empty() {
        // Words hold letters and digits only, so there is nothing to escape. The operator must be in capitals.
        let prefixes: Vec<_> = words.iter().map(|word| format!("\"{word}\"*")).collect();
        want(
            "i.no in (select rowid from item_words where item_words match ?)",
            vec![prefixes.join(" AND ").into()],
        );
    }
    let total = match page.total {
        Total::Skip => None,
        Total::Count => first(
            tx,
            &format!(
                "select count(*)
                 from items i
                 where {wanted}"
            ),
            params_from_iter(&values),
            |row| row.number(),
        )?,
    };
    let key = match query.order {
        ItemOrder::Name => "i.name",
        ItemOrder::UpdatedAt => "i.updated_at",
        ItemOrder::InsertedAt => "i.inserted_at",
    };
    let (order, behind) = match query.direction {
        Direction::Ascending => ("asc", ">"),
        Direction::Descending => ("desc", "<"),
    };
    if let Some((after_key, after_id)) = after {
        wanted.push_str(&format!(" and ({key}, i.id) {behind} (?, ?)"));
        values.extend([after_key, after_id.as_bytes().to_vec().into()]);
    }
    values.push(Value::Integer(page.limit.get() as i64 + 1));
    let items = all(
        tx,
        &format!(
            "select {}
             from items i
             cross join item_versions v on v.item_id = i.id and v.version = i.version
             where {wanted}
             order by {key} {order}, i.id {order}
             limit ?",
            columns!()
        ),
        params_from_iter(&values),
        |row| Ok(from_row(row)?.1),
    )?;
    Ok(Page::from_rows(items, page.limit, total, |item| {
        let key = match query.order {
            ItemOrder::Name => CursorKey::Text(item.name.to_string()),
            ItemOrder::UpdatedAt => CursorKey::Number(item.updated_at.micros()),
            ItemOrder::InsertedAt => CursorKey::Number(item.inserted_at.micros()),
        };
        Cursor::at(key, item.id.uuid())
    }))
}

fn update(
    tx: &Connection,
    id: Id<Item>,
    expected: Revision,
    change: ItemChange,
    now: Timestamp,
) -> Outcome<Item> {
    let (no, item) = get(tx, operation::ITEM_UPDATE, id)?;
    if item.revision != expected {
        return Err(refusal::revision_passed(operation::ITEM_UPDATE, id, expected, item.revision).into());
    }
    let differs = change.text.as_ref().is_some_and(|text| *text != item.text);
    let retagged = change.tags.is_some();
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
    let updated = run(
        tx,
        "update items
         set name = ?2,
             version = ?3,
             tags = ?4,
             metadata = ?5,
             revision = ?6,
             updated_at = ?7
         where no = ?1",
        params![
            no,
            item.name.as_str(),
            item.version.get(),
            to_json(&item.tags)?,
            to_json(&item.metadata)?,
            item.revision.get(),
            item.updated_at.micros(),
        ],
    );
    or_taken(updated, || Ok(name_taken(operation::ITEM_UPDATE, &item)))?;
    if differs {
        insert_version(tx, &present_text(&item))?;
    }
    if retagged {
        run(
            tx,
            "delete from item_tags
             where item_no = ?1",
            [no],
        )?;
        insert_tags(tx, no, &item.tags)?;
    }
    delete_words(tx, no)?;
    insert_words(tx, no, &item)?;
    Ok(item)
}

fn delete_many(tx: &Connection, ids: &[Id<Item>]) -> Outcome<u64> {
    let mut going = Vec::new();
    let mut in_use: Vec<(ItemType, ItemName)> = Vec::new();
    for id in ids {
        let found = first(
            tx,
            "select i.no, i.item_type, i.name,
                    exists (select 1 from session_items u where u.item_id = i.id)
             from items i
             where i.id = ?1",
            [id.as_bytes()],
            |row| Ok((row.integer()?, row.parsed()?, row.parsed()?, row.integer()? == 1)),
        )?;
        match found {
            Some((_, item_type, name, true)) => in_use.push((item_type, name)),
            Some((no, ..)) => going.push(no),
            None => {}
        }
    }
    if !in_use.is_empty() {
        let names = in_use.iter().map(|(item_type, name)| (*item_type, name));
        return Err(refusal::items_in_use(operation::ITEM_DELETE, names).into());
    }
    for no in &going {
        delete_words(tx, *no)?;
        // Its versions and tags go with it.
        run(
            tx,
            "delete from items
             where no = ?1",
            [no],
        )?;
    }
    Ok(going.len() as u64)
}

/// Writes the row of an item, and nothing of what belongs to it. Returns its number.
pub(crate) fn insert(tx: &Connection, item: &Item, taken: impl FnOnce() -> Outcome<Error>) -> Outcome<i64> {
    let inserted = run(
        tx,
        "insert into items (
           id, item_type, name, version, tags, metadata, revision, inserted_at, updated_at
         )
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            item.id.as_bytes(),
            item.item_type.as_str(),
            item.name.as_str(),
            item.version.get(),
            to_json(&item.tags)?,
            to_json(&item.metadata)?,
            item.revision.get(),
            item.inserted_at.micros(),
            item.updated_at.micros(),
        ],
    );
    or_taken(inserted, taken)?;
    Ok(tx.last_insert_rowid())
}

/// Which of its two keys an insert met: the name counts first.
fn name_or_id_taken(tx: &Connection, item: &Item) -> Outcome<Error> {
    Ok(if is_named(tx, item.item_type, &item.name)? {
        name_taken(operation::ITEM_CREATE, item)
    } else {
        refusal::id_taken(operation::ITEM_CREATE, item.id)
    })
}

/// Whether there is an item with this id.
pub(crate) fn is_there(tx: &Connection, id: Id<Item>) -> Outcome<bool> {
    exists(
        tx,
        "select 1
         from items
         where id = ?1",
        [id.as_bytes()],
    )
}

/// Whether a type has an item of this name.
pub(crate) fn is_named(tx: &Connection, item_type: ItemType, name: &ItemName) -> Outcome<bool> {
    exists(
        tx,
        "select 1
         from items
         where item_type = ?1
           and name = ?2",
        params![item_type.as_str(), name.as_str()],
    )
}

fn present_text(item: &Item) -> ItemVersion {
    ItemVersion {
        item_id: item.id,
        version: item.version,
        text: item.text.clone(),
        inserted_at: item.updated_at,
    }
}

pub(crate) fn insert_version(tx: &Connection, version: &ItemVersion) -> Outcome<()> {
    run(
        tx,
        "insert into item_versions (item_id, version, inserted_at, text)
         values (?1, ?2, ?3, ?4)",
        params![
            version.item_id.as_bytes(),
            version.version.get(),
            version.inserted_at.micros(),
            version.text.as_str(),
        ],
    )?;
    Ok(())
}

/// Writes what an item is found by.
pub(crate) fn insert_search(tx: &Connection, no: i64, item: &Item) -> Outcome<()> {
    insert_tags(tx, no, &item.tags)?;
    insert_words(tx, no, item)
}

fn insert_tags(tx: &Connection, no: i64, tags: &Tags) -> Outcome<()> {
    for (name, value) in tags.iter() {
        run(
            tx,
            "insert into item_tags (name, value, item_no)
             values (?1, ?2, ?3)",
            params![name, value, no],
        )?;
    }
    Ok(())
}

fn insert_words(tx: &Connection, no: i64, item: &Item) -> Outcome<()> {
    let tags = item.tags.iter().flat_map(|(name, value)| [name, value]);
    let words = search_words([item.name.as_str(), item.text.as_str()].into_iter().chain(tags));
    run(
        tx,
        "insert into item_words (rowid, words)
         values (?1, ?2)",
        params![no, words.into_iter().collect::<Vec<_>>().join(" ")],
    )?;
    Ok(())
}

fn delete_words(tx: &Connection, no: i64) -> Outcome<()> {
    run(
        tx,
        "delete from item_words
         where rowid = ?1",
        [no],
    )?;
    Ok(())
}

fn name_taken(operation: &'static str, item: &Item) -> Error {
    refusal::name_taken(operation, format_args!("{} \"{}\"", item.item_type, item.name))
}
