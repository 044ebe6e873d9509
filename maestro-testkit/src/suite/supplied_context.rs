//! The library: items, their versions, and what keeps them from being deleted.

use maestro_core::{
    ErrorKind, Id, Store,
    conversations::{NewSession, SessionChange},
    revision::Revision,
    supplied_context::{
        Item, ItemChange, ItemQuery, ItemType, ItemVersion, ItemVersionNumber, JsonMap, NewItem,
        SuppliedContextExt as _,
    },
};

use super::given::{
    at, first, item_name, item_text, names, new_item, new_session, persona, prompt, refused, tags, used,
};

fn text(text: &str) -> ItemChange {
    ItemChange { text: Some(item_text(text)), ..ItemChange::default() }
}

fn renamed(name: &str) -> ItemChange {
    ItemChange { name: Some(item_name(name)), ..ItemChange::default() }
}

/// What create returns is what get and search return: version 1 at the first revision.
pub async fn a_new_item_is_found_again_by_id_and_by_name(store: &dyn Store) {
    let mut metadata = JsonMap::new();
    metadata.insert("author".to_owned(), "me".into());
    let new = NewItem {
        tags: tags(&[("team", "red"), ("empty", "")]),
        metadata,
        ..new_item(ItemType::Persona, "Tutor", "  You are patient.\n\nAlways.\t")
    };
    let item = store.item_create(new.clone()).await.unwrap();
    let expected = Item {
        id: new.id,
        item_type: ItemType::Persona,
        name: new.name,
        text: new.text.clone(),
        version: ItemVersionNumber::FIRST,
        tags: new.tags,
        metadata: new.metadata,
        revision: Revision::FIRST,
        inserted_at: at(0),
        updated_at: at(0),
    };
    assert_eq!(item, expected);
    assert_eq!(store.item_get(item.id).await.unwrap(), item);
    assert_eq!(store.item_find(ItemType::Persona, &item.name).await.unwrap(), item);
    let version = ItemVersion {
        item_id: item.id,
        version: ItemVersionNumber::FIRST,
        text: new.text,
        inserted_at: at(0),
    };
    assert_eq!(store.item_versions(item.id).await.unwrap(), [version]);
}

/// A name is taken once per type, to the letter; the refusal names both.
pub async fn an_item_name_is_taken_once_per_type(store: &dyn Store) {
    persona(store, "tutor").await;
    let again = store.item_create(new_item(ItemType::Persona, "tutor", "x")).await;
    let error = refused(again, ErrorKind::Conflict);
    names(&error, "persona \"tutor\"");
    prompt(store, "tutor", "the same name for another thing").await;
    persona(store, "Tutor").await;
}

/// An id is taken once; what is there stays.
pub async fn an_item_id_is_taken_once(store: &dyn Store) {
    let there = persona(store, "one").await;
    let again = NewItem { id: there.id, ..new_item(ItemType::SystemPrompt, "two", "x") };
    names(&refused(store.item_create(again).await, ErrorKind::Conflict), there.id);
    assert_eq!(store.item_get(there.id).await.unwrap(), there);
}

/// Every method that names an item says which one is missing.
pub async fn a_missing_item_is_not_found_and_named(store: &dyn Store) {
    let id = Id::new();
    names(&refused(store.item_get(id).await, ErrorKind::NotFound), id);
    names(&refused(store.item_versions(id).await, ErrorKind::NotFound), id);
    let update = store.item_update(id, Revision::FIRST, ItemChange::default(), at(1)).await;
    names(&refused(update, ErrorKind::NotFound), id);
    names(&refused(store.item_delete(id).await, ErrorKind::NotFound), id);
}

/// A text that differs makes a version; the old one stays readable, the present one comes last.
pub async fn a_text_that_differs_makes_a_version(store: &dyn Store) {
    let item = prompt(store, "brief", "one").await;
    let second = store.item_update(item.id, item.revision, text("two"), at(1)).await.unwrap();
    // A text that was there once is a version again.
    let third = store.item_update(item.id, second.revision, text("one"), at(2)).await.unwrap();
    let versions = store.item_versions(item.id).await.unwrap();
    let told: Vec<_> = versions
        .iter()
        .map(|version| (version.version.get(), version.text.as_str(), version.inserted_at))
        .collect();
    assert_eq!(told, [(1, "one", at(0)), (2, "two", at(1)), (3, "one", at(2))]);
    let expected = Item {
        version: ItemVersionNumber::new(3),
        revision: item.revision.next().next(),
        updated_at: at(2),
        ..item.clone()
    };
    assert_eq!(third, expected);
    assert_eq!(store.item_get(item.id).await.unwrap(), third);
    assert_eq!(store.item_text_at(item.id, ItemVersionNumber::new(2)).await.unwrap(), versions[1]);
    let none = store.item_text_at(item.id, ItemVersionNumber::new(4)).await;
    refused(none, ErrorKind::NotFound);
}

/// Only a text that differs makes a version: neither the same text nor another field does.
pub async fn only_a_text_that_differs_makes_a_version(store: &dyn Store) {
    let mut item = prompt(store, "brief", "one").await;
    let mut metadata = JsonMap::new();
    metadata.insert("k".to_owned(), 1.into());
    let changes = [
        text("one"),
        renamed("short"),
        ItemChange { tags: Some(tags(&[("a", "b")])), ..ItemChange::default() },
        ItemChange { metadata: Some(metadata), ..ItemChange::default() },
        ItemChange { tags: Some(tags(&[])), metadata: Some(JsonMap::new()), ..ItemChange::default() },
        ItemChange::default(),
    ];
    for (change, moment) in changes.into_iter().zip(1..) {
        let changed = store.item_update(item.id, item.revision, change.clone(), at(moment)).await.unwrap();
        let expected = Item {
            name: change.name.unwrap_or(item.name),
            tags: change.tags.unwrap_or(item.tags),
            metadata: change.metadata.unwrap_or(item.metadata),
            revision: item.revision.next(),
            updated_at: at(moment),
            ..item
        };
        assert_eq!(changed, expected);
        assert_eq!(store.item_get(changed.id).await.unwrap(), changed);
        item = changed;
    }
    assert_eq!(store.item_versions(item.id).await.unwrap().len(), 1);
}

/// Texts differ when one byte of them does, be it white space or a form of the same letter.
pub async fn texts_differ_by_their_bytes(store: &dyn Store) {
    let mut item = prompt(store, "bytes", "caf\u{e9}").await;
    for other in ["cafe\u{301}", "cafe\u{301} ", "Cafe\u{301} "] {
        let changed = store.item_update(item.id, item.revision, text(other), at(1)).await.unwrap();
        assert_eq!(changed.version, item.version.next(), "{other:?}");
        assert_eq!(changed.text.as_str(), other);
        item = changed;
    }
}

/// A writer that has not seen the last change is refused, told both revisions, and makes no version.
pub async fn an_item_change_of_an_old_revision_is_stale(store: &dyn Store) {
    let old = prompt(store, "brief", "one").await;
    let now = store.item_update(old.id, old.revision, text("two"), at(1)).await.unwrap();
    let error = refused(store.item_update(old.id, old.revision, text("lost"), at(2)).await, ErrorKind::Stale);
    names(&error, old.id);
    names(&error, format_args!("revision {}", old.revision));
    names(&error, format_args!("at {}", now.revision));
    assert_eq!(store.item_get(old.id).await.unwrap(), now);
    assert_eq!(store.item_versions(old.id).await.unwrap().len(), 2);
}

/// The name of another item of its type is refused, and nothing that came with it is written.
pub async fn an_item_is_renamed_only_to_a_free_name(store: &dyn Store) {
    let item = prompt(store, "one", "x").await;
    prompt(store, "taken", "y").await;
    persona(store, "elsewhere").await;
    let change = ItemChange { text: Some(item_text("lost?")), ..renamed("taken") };
    let error = refused(store.item_update(item.id, item.revision, change, at(1)).await, ErrorKind::Conflict);
    names(&error, "system_prompt \"taken\"");
    assert_eq!(store.item_get(item.id).await.unwrap(), item);
    assert_eq!(store.item_versions(item.id).await.unwrap().len(), 1);
    let same = store.item_update(item.id, item.revision, renamed("one"), at(1)).await.unwrap();
    store.item_update(item.id, same.revision, renamed("elsewhere"), at(2)).await.unwrap();
    prompt(store, "one", "the name is free again").await;
}

/// Items go with all their versions, their names are free again, and the number of those that went is told. Ids that
/// do not exist, or come twice, are passed over.
pub async fn items_are_deleted_together(store: &dyn Store) {
    let (one, two) = (persona(store, "one").await, prompt(store, "two", "x").await);
    let two = store.item_update(two.id, two.revision, text("y"), at(1)).await.unwrap();
    let kept = persona(store, "kept").await;
    assert_eq!(store.item_delete_many(&[]).await.unwrap(), 0);
    assert_eq!(store.item_delete_many(&[Id::new()]).await.unwrap(), 0);
    let ids = [one.id, Id::new(), two.id, one.id];
    assert_eq!(store.item_delete_many(&ids).await.unwrap(), 2);
    assert_eq!(store.item_delete_many(&ids).await.unwrap(), 0);
    for gone in [&one, &two] {
        refused(store.item_get(gone.id).await, ErrorKind::NotFound);
        refused(store.item_versions(gone.id).await, ErrorKind::NotFound);
    }
    let page = store.item_search(&ItemQuery::default(), first(9).counted()).await.unwrap();
    assert_eq!((page.items, page.total), (vec![kept], Some(1)));
    persona(store, "one").await;
}

/// When a session refers to one, in whatever version and place, none goes; the refusal names each that is in use.
pub async fn items_in_use_keep_all_from_being_deleted(store: &dyn Store) {
    let (free, tutor) = (persona(store, "free").await, persona(store, "tutor").await);
    let brief = prompt(store, "brief", "one").await;
    let newer = store.item_update(brief.id, brief.revision, text("two"), at(1)).await.unwrap();
    let new =
        NewSession { persona: Some(used(&tutor)), system_prompts: vec![used(&brief)], ..new_session("talk") };
    let session = store.session_create(new).await.unwrap();
    let ids = [free.id, tutor.id, brief.id];
    let error = refused(store.item_delete_many(&ids).await, ErrorKind::InUse);
    names(&error, "persona \"tutor\", system_prompt \"brief\"");
    assert!(!error.to_string().contains("free"), "{error}");
    for item in [&free, &tutor, &newer] {
        assert_eq!(store.item_get(item.id).await.unwrap(), *item);
    }
    let change = SessionChange { persona: Some(None), ..SessionChange::default() };
    let session = store.session_update(session.id, session.revision, change, at(2)).await.unwrap();
    let error = refused(store.item_delete_many(&ids).await, ErrorKind::InUse);
    names(&error, "system_prompt \"brief\"");
    store.session_delete(session.id).await.unwrap();
    assert_eq!(store.item_delete_many(&ids).await.unwrap(), 3);
}

/// A session keeps the version that it uses, whatever becomes of the item.
pub async fn a_session_keeps_the_version_that_it_uses(store: &dyn Store) {
    let item = persona(store, "tutor").await;
    let new = NewSession { persona: Some(used(&item)), ..new_session("talk") };
    let session = store.session_create(new).await.unwrap();
    let newer = store.item_update(item.id, item.revision, text("stricter"), at(1)).await.unwrap();
    assert_eq!(store.session_get(session.id).await.unwrap(), session);
    let told = store.item_text_at(item.id, session.persona.unwrap().version).await.unwrap();
    assert_eq!(told.text, item.text);
    assert_ne!(newer.text, item.text);
}
