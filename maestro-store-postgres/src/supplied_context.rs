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
        SuppliedContext, query_words, search_words,
    },
    time::Timestamp,
};
use sqlx::Arguments as _;
use uuid::Uuid;

use crate::{
    PostgresStore,
    error::Outcome,
    pool::{reading, transacting, writing},
    rows::{Db, Fields, comparable, params, stored, to_json},
};

#[async_trait]
impl SuppliedContext for PostgresStore {
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
        transacting!(
            &*self.pool,
            operation::ITEM_CREATE,
            |db| {
                let no = insert(db, &item).await?;
                insert_version(db, &present_version(&item)).await?;
                insert_search(db, no, &item).await?;
                Ok(Some(item.clone()))
            },
            |db| why_taken(db, operation::ITEM_CREATE, &item).await
        )
    }

    async fn item_get(&self, id: Id<Item>) -> Result<Item> {
        reading!(&*self.pool, operation::ITEM_GET, |db| get(db, operation::ITEM_GET, id).await)
    }

    async fn item_search(&self, query: &ItemQuery, page: PageRequest) -> Result<Page<Item>> {
        let after = match &page.after {
            Some(cursor) if query.order == ItemOrder::Name => {
                Some((CursorKey::Text(comparable(cursor.text()?)), cursor.id()))
            }
            Some(cursor) => Some((CursorKey::Number(cursor.number()?), cursor.id())),
            None => None,
        };
        reading!(&*self.pool, "search context items", |db| search(db, query, &page, after.as_ref()).await)
    }

    async fn item_update(
        &self,
        id: Id<Item>,
        expected: Revision,
        change: ItemChange,
        now: Timestamp,
    ) -> Result<Item> {
        refusal::deep_maps(operation::ITEM_UPDATE, change.metadata.iter().map(|map| ("metadata", map)))?;
        transacting!(
            &*self.pool,
            operation::ITEM_UPDATE,
            |db| update(db, id, expected, change.clone(), now).await,
            |db| why_not_renamed(db, id, change.name.as_ref()).await
        )
    }

    async fn item_versions(&self, id: Id<Item>) -> Result<Vec<ItemVersion>> {
        reading!(&*self.pool, operation::ITEM_VERSIONS, |db| {
            let versions = versions(db, id).await?;
            // Every item has its first version.
            if versions.is_empty() {
                return Err(refusal::missing(operation::ITEM_VERSIONS, id).into());
            }
            Ok(versions)
        })
    }

    async fn item_delete_many(&self, ids: &[Id<Item>]) -> Result<u64> {
        let mut ids: Vec<Uuid> = ids.iter().map(Id::uuid).collect();
        ids.sort();
        ids.dedup();
        writing!(
            &*self.pool,
            operation::ITEM_DELETE,
            // Versions, tags and words go with their item; sessions that use a version keep it by their foreign key.
            |db| {
                let deleted = db.run(
                    "delete from maestro.items
                     where id = any($1)",
                    params![ids.clone()],
                );
                Ok(Some(deleted.await?))
            },
            |db| why_not_deleted(db, &ids).await
        )
    }
}

/// Whether an item exists in that version.
pub(crate) async fn has_version(db: &mut Db<'_>, used: ItemUse) -> Outcome<bool> {
    let found = db.exists(
        "select 1
         from maestro.item_versions
         where item_id = $1
           and version = $2",
        params![used.item_id.uuid(), i64::from(used.version.get())],
    );
    found.await
}

/// Whether there is an item with this id.
pub(crate) async fn is_there(db: &mut Db<'_>, id: Id<Item>) -> Outcome<bool> {
    db.exists("select 1 from maestro.items where id = $1", params![id.uuid()]).await
}

/// Whether an item of this type has this name.
pub(crate) async fn is_named(db: &mut Db<'_>, item: &Item) -> Outcome<bool> {
    let found = db.exists(
        "select 1
         from maestro.items
         where item_type = $1
           and name = $2",
        params![item.item_type.as_str(), item.name.as_str()],
    );
    found.await
}

/// All texts of an item, the present one last; none when there is no item.
pub(crate) async fn versions(db: &mut Db<'_>, id: Id<Item>) -> Outcome<Vec<ItemVersion>> {
    let versions = db.all(
        "select item_id, version, text, inserted_at
         from maestro.item_versions
         where item_id = $1
         order by version",
        params![id.uuid()],
        |row| {
            Ok(ItemVersion {
                item_id: row.id()?,
                version: ItemVersionNumber::new(row.number()?),
                text: row.parsed()?,
                inserted_at: row.time()?,
            })
        },
    );
    versions.await
}

/// The columns that [`from_row`] reads.
macro_rules! columns {
    () => {
        "i.no, i.id, i.item_type, i.name, v.text, i.version, i.tags, i.metadata, i.revision, i.inserted_at, i.updated_at"
    };
}

/// An item and its number within the schema.
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

pub(crate) async fn get(db: &mut Db<'_>, operation: &'static str, id: Id<Item>) -> Outcome<Item> {
    let found = db.first(
        concat!(
            "select ",
            columns!(),
            "
             from maestro.items i
             join maestro.item_versions v on v.item_id = i.id and v.version = i.version
             where i.id = $1"
        ),
        params![id.uuid()],
        from_row,
    );
    let (_, item) = found.await?.ok_or_else(|| refusal::missing(operation, id))?;
    Ok(item)
}

async fn search(
    db: &mut Db<'_>,
    query: &ItemQuery,
    page: &PageRequest,
    after: Option<&(CursorKey, Uuid)>,
) -> Outcome<Page<Item>> {
    // Only what is asked for stands in the statement, so that each has an index that fits.
    let mut wanted = String::from("true");
    let mut values = params![];
    let encode = sqlx::Error::Encode;
    if let Some(item_type) = query.item_type {
        values.add(item_type.as_str()).map_err(encode)?;
        wanted.push_str(&format!(" and i.item_type = ${}", values.len()));
    }
    if let Some(name) = &query.name {
        values.add(name.as_str()).map_err(encode)?;
        wanted.push_str(&format!(" and i.name = ${}", values.len()));
    }
    for (name, value) in query.tags.iter() {
        values.add(name).map_err(encode)?;
        values.add(value).map_err(encode)?;
        let value = values.len();
        wanted.push_str(&format!(
            " and i.no in (select t.item_no from maestro.item_tags t where t.name = ${} and t.value = ${value})",
            value - 1
        ));
    }
    for word in query_words(&query.text) {
        // Words hold letters and digits only, so there is nothing to escape. Each is asked for by itself, because the
        // words of an item can be in several rows.
        values.add(format!("'{word}':*")).map_err(encode)?;
        wanted.push_str(&format!(
            " and i.no in (select w.item_no from maestro.item_words w where w.words @@ ${}::text::tsquery)",
            values.len()
        ));
    }
    let total = match page.total {
        Total::Skip => None,
        Total::Count => {
            let count = format!(
                "select count(*)
                 from maestro.items i
                 where {wanted}"
            );
            db.all_of(count, values.clone(), |row| row.number()).await?.pop()
        }
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
        match after_key {
            CursorKey::Text(text) => values.add(text.as_str()),
            CursorKey::Number(number) => values.add(*number),
        }
        .map_err(encode)?;
        values.add(*after_id).map_err(encode)?;
        let id = values.len();
        wanted.push_str(&format!(" and ({key}, i.id) {behind} (${}, ${id})", id - 1));
    }
    values.add(page.limit.get() as i64 + 1).map_err(encode)?;
    // Cut off before texts are looked up.
    let select = format!(
        "select {}
         from (
           select *
           from maestro.items i
           where {wanted}
           order by {key} {order}, i.id {order}
           limit ${}
         ) i
         join maestro.item_versions v on v.item_id = i.id and v.version = i.version
         order by {key} {order}, i.id {order}",
        columns!(),
        values.len(),
    );
    let items = db.all_of(select, values, |row| Ok(from_row(row)?.1)).await?;
    Ok(Page::from_rows(items, page.limit, total, |item| {
        let key = match query.order {
            ItemOrder::Name => CursorKey::Text(item.name.to_string()),
            ItemOrder::UpdatedAt => CursorKey::Number(item.updated_at.micros()),
            ItemOrder::InsertedAt => CursorKey::Number(item.inserted_at.micros()),
        };
        Cursor::at(key, item.id.uuid())
    }))
}

/// Changes an item under a lock on its row, so that what was read is what is changed.
async fn update(
    db: &mut Db<'_>,
    id: Id<Item>,
    expected: Revision,
    change: ItemChange,
    now: Timestamp,
) -> Outcome<Option<Item>> {
    let found = db.first(
        concat!(
            "select ",
            columns!(),
            "
             from maestro.items i
             join maestro.item_versions v on v.item_id = i.id and v.version = i.version
             where i.id = $1
             for no key update of i"
        ),
        params![id.uuid()],
        from_row,
    );
    let Some((no, item)) = found.await? else {
        return not_read(db, id).await;
    };
    if item.revision != expected {
        return Err(refusal::revision_passed(operation::ITEM_UPDATE, id, expected, item.revision).into());
    }
    let differs = change.text.as_ref().is_some_and(|text| *text != item.text);
    let retagged = change.tags.is_some();
    let reworded = differs || retagged || change.name.is_some();
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
    let updated = db.run(
        "update maestro.items
         set name = $2,
             version = $3,
             tags = $4,
             metadata = $5,
             revision = $6,
             updated_at = $7
         where no = $1",
        params![
            no,
            item.name.as_str(),
            i64::from(item.version.get()),
            to_json(&item.tags)?,
            to_json(&item.metadata)?,
            stored(item.revision.get()),
            item.updated_at.micros(),
        ],
    );
    updated.await?;
    if differs {
        insert_version(db, &present_version(&item)).await?;
    }
    if retagged {
        db.run("delete from maestro.item_tags where item_no = $1", params![no]).await?;
        insert_tags(db, no, &item).await?;
    }
    if reworded {
        db.run("delete from maestro.item_words where item_no = $1", params![no]).await?;
        insert_words(db, no, &item).await?;
    }
    Ok(Some(item))
}

/// The row and its text did not fit together: the item is not there, or its text was being changed when it was waited for.
async fn not_read(db: &mut Db<'_>, id: Id<Item>) -> Outcome<Option<Item>> {
    if is_there(db, id).await? { Ok(None) } else { Err(refusal::missing(operation::ITEM_UPDATE, id).into()) }
}

async fn why_not_renamed(db: &mut Db<'_>, id: Id<Item>, name: Option<&ItemName>) -> Outcome<Option<Error>> {
    let Some(name) = name else { return Ok(None) };
    let other = db.first(
        "select i.item_type
         from maestro.items i
         join maestro.items o on o.item_type = i.item_type and o.name = $2 and o.id <> i.id
         where i.id = $1",
        params![id.uuid(), name.as_str()],
        |row| row.parsed(),
    );
    Ok(other.await?.map(|item_type| name_taken(operation::ITEM_UPDATE, item_type, name)))
}

/// Which of its two keys an insert met: the name counts first.
async fn why_taken(db: &mut Db<'_>, operation: &'static str, item: &Item) -> Outcome<Option<Error>> {
    if is_named(db, item).await? {
        return Ok(Some(name_taken(operation, item.item_type, &item.name)));
    }
    Ok(is_there(db, item.id).await?.then(|| refusal::id_taken(operation, item.id)))
}

async fn why_not_deleted(db: &mut Db<'_>, ids: &[Uuid]) -> Outcome<Option<Error>> {
    let in_use = db.all(
        "select i.item_type, i.name
         from maestro.items i
         where i.id = any($1)
           and exists (select 1 from maestro.session_items u where u.item_id = i.id)",
        params![ids.to_vec()],
        |row| Ok((row.parsed()?, row.parsed()?)),
    );
    let in_use: Vec<(ItemType, ItemName)> = in_use.await?;
    if in_use.is_empty() {
        return Ok(None);
    }
    let names = in_use.iter().map(|(item_type, name)| (*item_type, name));
    Ok(Some(refusal::items_in_use(operation::ITEM_DELETE, names)))
}

pub(crate) async fn insert(db: &mut Db<'_>, item: &Item) -> Outcome<i64> {
    let inserted = db.first(
        "insert into maestro.items (
           id, item_type, name, version, tags, metadata, revision, inserted_at, updated_at
         )
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         returning no",
        params![
            item.id.uuid(),
            item.item_type.as_str(),
            item.name.as_str(),
            i64::from(item.version.get()),
            to_json(&item.tags)?,
            to_json(&item.metadata)?,
            stored(item.revision.get()),
            item.inserted_at.micros(),
            item.updated_at.micros(),
        ],
        |row| row.integer(),
    );
    inserted.await?.ok_or_else(|| crate::rows::unreadable("a new row").into())
}

/// The present text of an item that has just got it.
fn present_version(item: &Item) -> ItemVersion {
    ItemVersion {
        item_id: item.id,
        version: item.version,
        text: item.text.clone(),
        inserted_at: item.updated_at,
    }
}

pub(crate) async fn insert_version(db: &mut Db<'_>, version: &ItemVersion) -> Outcome<()> {
    let inserted = db.run(
        "insert into maestro.item_versions (item_id, version, inserted_at, text)
         values ($1, $2, $3, $4)",
        params![
            version.item_id.uuid(),
            i64::from(version.version.get()),
            version.inserted_at.micros(),
            version.text.as_str(),
        ],
    );
    inserted.await?;
    Ok(())
}

/// Writes what a new item is found by: its tags and its words.
pub(crate) async fn insert_search(db: &mut Db<'_>, no: i64, item: &Item) -> Outcome<()> {
    insert_tags(db, no, item).await?;
    insert_words(db, no, item).await
}

async fn insert_tags(db: &mut Db<'_>, no: i64, item: &Item) -> Outcome<()> {
    if item.tags.is_empty() {
        return Ok(());
    }
    let (names, values): (Vec<_>, Vec<_>) =
        item.tags.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).unzip();
    let inserted = db.run(
        "insert into maestro.item_tags (name, value, item_no)
         select u.name, u.value, $1
         from unnest($2::text[], $3::text[]) u (name, value)",
        params![no, names, values],
    );
    inserted.await?;
    Ok(())
}

async fn insert_words(db: &mut Db<'_>, no: i64, item: &Item) -> Outcome<()> {
    for (part, words) in (0_i64..).zip(parts(item)) {
        let inserted = db.run(
            "insert into maestro.item_words (item_no, part, words)
             values ($1, $2, array_to_tsvector($3))",
            params![no, part, words],
        );
        inserted.await?;
    }
    Ok(())
}

/// How many bytes of words go into one tsvector. It can hold a mebibyte at the most; what it holds is read when one of
/// its words is found, so less is better than more.
const PART_BYTES: usize = 256 << 10;

/// The words of an item, in as many parts as they need; one at the least.
fn parts(item: &Item) -> Vec<Vec<String>> {
    let tags = item.tags.iter().flat_map(|(name, value)| [name, value]);
    let words = search_words([item.name.as_str(), item.text.as_str()].into_iter().chain(tags));
    let (mut parts, mut part, mut bytes) = (Vec::new(), Vec::new(), 0);
    for word in words {
        bytes += word.len();
        if bytes > PART_BYTES {
            bytes = word.len();
            parts.push(std::mem::take(&mut part));
        }
        part.push(word);
    }
    parts.push(part);
    parts
}

fn name_taken(operation: &'static str, item_type: ItemType, name: &ItemName) -> Error {
    refusal::name_taken(operation, format_args!("{item_type} \"{name}\""))
}
