//! Sessions, and what they refer to.

use maestro_core::{
    ErrorKind, Id, Store,
    conversations::{
        ItemUse, JournalSeq, LineageRange, NewChatEntry, NewSession, OpenSession, Session, SessionChange,
        SessionQuery, Thread, ThreadHead, TurnIndex,
    },
    page::Direction,
    provider::ModelId,
    revision::Revision,
    supplied_context::{ItemVersionNumber, JsonMap},
};

use super::given::{
    api_key, at, begin, conversation, first, fork, limit, names, new_session, persona, prompt, refused, said,
    say, session, session_name, streamed, used, writer,
};

fn map(json: serde_json::Value) -> JsonMap {
    json.as_object().cloned().unwrap_or_default()
}

/// A session with everything set.
async fn whole(store: &dyn Store) -> NewSession {
    NewSession {
        auth_id: Some(api_key(store, "work").await.id),
        model_id: Some(ModelId::new("claude-x").unwrap()),
        persona: Some(used(&persona(store, "tutor").await)),
        system_prompts: vec![
            used(&prompt(store, "b", "Be brief.").await),
            used(&prompt(store, "a", "Be kind.").await),
        ],
        memory: map(serde_json::json!({ "likes": ["tea", null, 1.5] })),
        tools: map(serde_json::json!({ "shell": { "on": true } })),
        mcps: map(serde_json::json!({ "": {} })),
        working_dir: Some("/tmp/a b/ü".to_owned()),
        ..new_session("everything")
    }
}

/// What create returns is what get and list return; the first thread is there and goes on from nothing.
pub async fn a_new_session_has_one_empty_thread(store: &dyn Store) {
    let new = whole(store).await;
    let session = store.session_create(new.clone()).await.unwrap();
    let expected = Session {
        id: new.id,
        name: new.name,
        auth_id: new.auth_id,
        model_id: new.model_id,
        persona: new.persona,
        system_prompts: new.system_prompts,
        memory: new.memory,
        tools: new.tools,
        mcps: new.mcps,
        working_dir: new.working_dir,
        root_thread_id: new.root_thread_id,
        latest_chat_entry_id: None,
        last_used_at: at(0),
        revision: Revision::FIRST,
        inserted_at: at(0),
        updated_at: at(0),
    };
    assert_eq!(session, expected);
    assert_eq!(store.session_get(session.id).await.unwrap(), session);
    let page = store.session_list(&SessionQuery::default(), first(5)).await.unwrap();
    assert_eq!(page.items, std::slice::from_ref(&session));

    let root = Thread {
        id: session.root_thread_id,
        session_id: session.id,
        parent_thread_id: None,
        fork_from_entry_id: None,
        fork_turn: TurnIndex::ZERO,
        label: None,
        head_entry_id: None,
        head_turn: TurnIndex::ZERO,
        inserted_at: at(0),
        updated_at: at(0),
    };
    assert_eq!(store.thread_get(root.id).await.unwrap(), root);
    assert_eq!(store.thread_list(session.id).await.unwrap(), [root]);
}

/// Opening gives the session and its authentication as each is read alone.
pub async fn a_session_opens_with_its_authentication(store: &dyn Store) {
    let session = store.session_create(whole(store).await).await.unwrap();
    let auth = store.auth_get(session.auth_id.unwrap()).await.unwrap();
    let opened = store.session_open(session.id).await.unwrap();
    assert_eq!(opened, OpenSession { session, auth: Some(auth) });
}

/// A session that is held with no authentication opens all the same.
pub async fn a_session_without_authentication_opens_without(store: &dyn Store) {
    let session = session(store).await;
    let opened = store.session_open(session.id).await.unwrap();
    assert_eq!(opened, OpenSession { session, auth: None });
}

/// Every method that names a session says which one is missing.
pub async fn a_missing_session_is_not_found_and_named(store: &dyn Store) {
    let id = Id::new();
    names(&refused(store.session_get(id).await, ErrorKind::NotFound), id);
    names(&refused(store.session_open(id).await, ErrorKind::NotFound), id);
    let update = store.session_update(id, Revision::FIRST, SessionChange::default(), at(1)).await;
    names(&refused(update, ErrorKind::NotFound), id);
    names(&refused(store.session_delete(id).await, ErrorKind::NotFound), id);
    names(&refused(store.thread_list(id).await, ErrorKind::NotFound), id);
}

/// Names of sessions are not unique.
pub async fn sessions_may_share_a_name(store: &dyn Store) {
    let (one, two) = (session(store).await, session(store).await);
    let query = SessionQuery { name: Some(one.name.clone()), ..SessionQuery::default() };
    let page = store.session_list(&query, first(5).counted()).await.unwrap();
    assert_eq!((page.items, page.total), (vec![two, one], Some(2)));
}

/// The id of a session is taken once, and the refusal names it.
pub async fn a_session_id_is_taken_once(store: &dyn Store) {
    let there = session(store).await;
    let again = NewSession { id: there.id, ..new_session("other") };
    let thread = again.root_thread_id;
    names(&refused(store.session_create(again).await, ErrorKind::Conflict), there.id);
    assert_eq!(store.session_get(there.id).await.unwrap(), there);
    refused(store.thread_get(thread).await, ErrorKind::NotFound);
}

/// The id of its first thread must be free too, or there is no session either.
pub async fn a_thread_id_is_taken_once(store: &dyn Store) {
    let there = session(store).await;
    let new = NewSession { root_thread_id: there.root_thread_id, ..new_session("other") };
    names(&refused(store.session_create(new.clone()).await, ErrorKind::Conflict), there.root_thread_id);
    refused(store.session_get(new.id).await, ErrorKind::NotFound);
    assert_eq!(store.thread_get(there.root_thread_id).await.unwrap().session_id, there.id);
}

/// An authentication that does not exist is not found, by name of its id, on create and on update.
pub async fn a_session_refers_only_to_an_authentication_that_exists(store: &dyn Store) {
    let missing = Id::new();
    let new = NewSession { auth_id: Some(missing), ..new_session("talk") };
    names(&refused(store.session_create(new).await, ErrorKind::NotFound), missing);
    let there = session(store).await;
    let change = SessionChange { auth_id: Some(Some(missing)), ..SessionChange::default() };
    let update = store.session_update(there.id, there.revision, change, at(1)).await;
    names(&refused(update, ErrorKind::NotFound), missing);
    assert_eq!(store.session_get(there.id).await.unwrap(), there);
}

/// An item that does not exist, or not in that version, is not found, by name of id and version.
pub async fn a_session_refers_only_to_item_versions_that_exist(store: &dyn Store) {
    let item = persona(store, "tutor").await;
    let there = session(store).await;
    for missing in [
        ItemUse { item_id: Id::new(), version: ItemVersionNumber::FIRST },
        ItemUse { item_id: item.id, version: item.version.next() },
        ItemUse { item_id: item.id, version: ItemVersionNumber::new(0) },
        ItemUse { item_id: item.id, version: ItemVersionNumber::new(u32::MAX) },
    ] {
        let as_persona = NewSession { persona: Some(missing), ..new_session("talk") };
        let as_prompt = NewSession { system_prompts: vec![used(&item), missing], ..new_session("talk") };
        for new in [as_persona, as_prompt] {
            let error = refused(store.session_create(new).await, ErrorKind::NotFound);
            names(&error, missing.item_id);
            names(&error, format_args!("version {}", missing.version));
        }
        let change = SessionChange { system_prompts: Some(vec![missing]), ..SessionChange::default() };
        let update = store.session_update(there.id, there.revision, change, at(1)).await;
        names(&refused(update, ErrorKind::NotFound), missing.item_id);
    }
    assert_eq!(store.session_get(there.id).await.unwrap(), there);
}

/// A session that is refused leaves nothing: neither itself nor its thread.
pub async fn a_refused_session_leaves_no_thread_behind(store: &dyn Store) {
    let new = NewSession { auth_id: Some(Id::new()), ..new_session("talk") };
    refused(store.session_create(new.clone()).await, ErrorKind::NotFound);
    refused(store.session_get(new.id).await, ErrorKind::NotFound);
    refused(store.thread_get(new.root_thread_id).await, ErrorKind::NotFound);
    store.session_create(NewSession { auth_id: None, ..new }).await.unwrap();
}

/// A change writes what it names and counts the revision up; what it does not name stays.
pub async fn session_changes_replace_what_they_name(store: &dyn Store) {
    let mut before = store.session_create(whole(store).await).await.unwrap();
    let auth = api_key(store, "other").await;
    let item = persona(store, "clerk").await;
    let changes = [
        SessionChange { name: Some(session_name("renamed")), ..Default::default() },
        SessionChange { auth_id: Some(Some(auth.id)), ..Default::default() },
        SessionChange { model_id: Some(Some(ModelId::new("m2").unwrap())), ..Default::default() },
        SessionChange { persona: Some(Some(used(&item))), ..Default::default() },
        SessionChange { system_prompts: Some(vec![used(&item)]), ..Default::default() },
        SessionChange { memory: Some(map(serde_json::json!({ "a": 1 }))), ..Default::default() },
        SessionChange { tools: Some(map(serde_json::json!({ "b": 2 }))), ..Default::default() },
        SessionChange { mcps: Some(map(serde_json::json!({ "c": 3 }))), ..Default::default() },
        SessionChange { working_dir: Some(Some("/elsewhere".to_owned())), ..Default::default() },
        SessionChange::default(),
    ];
    for (change, moment) in changes.into_iter().zip(1..) {
        let after =
            store.session_update(before.id, before.revision, change.clone(), at(moment)).await.unwrap();
        let expected = Session {
            name: change.name.unwrap_or(before.name),
            auth_id: change.auth_id.unwrap_or(before.auth_id),
            model_id: change.model_id.unwrap_or(before.model_id),
            persona: change.persona.unwrap_or(before.persona),
            system_prompts: change.system_prompts.unwrap_or(before.system_prompts),
            memory: change.memory.unwrap_or(before.memory),
            tools: change.tools.unwrap_or(before.tools),
            mcps: change.mcps.unwrap_or(before.mcps),
            working_dir: change.working_dir.unwrap_or(before.working_dir),
            revision: before.revision.next(),
            updated_at: at(moment),
            ..before
        };
        assert_eq!(after, expected);
        assert_eq!(store.session_get(after.id).await.unwrap(), after);
        before = after;
    }
}

/// `Some(None)` and empty lists and maps take things away.
pub async fn session_changes_take_things_away(store: &dyn Store) {
    let full = store.session_create(whole(store).await).await.unwrap();
    let change = SessionChange {
        name: None,
        auth_id: Some(None),
        model_id: Some(None),
        persona: Some(None),
        system_prompts: Some(Vec::new()),
        memory: Some(JsonMap::new()),
        tools: Some(JsonMap::new()),
        mcps: Some(JsonMap::new()),
        working_dir: Some(None),
    };
    let bare = store.session_update(full.id, full.revision, change, at(1)).await.unwrap();
    let expected = Session {
        auth_id: None,
        model_id: None,
        persona: None,
        system_prompts: Vec::new(),
        memory: JsonMap::new(),
        tools: JsonMap::new(),
        mcps: JsonMap::new(),
        working_dir: None,
        revision: full.revision.next(),
        updated_at: at(1),
        ..full
    };
    assert_eq!(bare, expected);
    assert_eq!(store.session_get(bare.id).await.unwrap(), bare);
}

/// A writer that has not seen the last change is refused, and told both revisions.
pub async fn a_session_change_of_an_old_revision_is_stale(store: &dyn Store) {
    let old = session(store).await;
    let now = store.session_update(old.id, old.revision, SessionChange::default(), at(1)).await.unwrap();
    let change = SessionChange { name: Some(session_name("lost")), ..SessionChange::default() };
    let error = refused(store.session_update(old.id, old.revision, change, at(2)).await, ErrorKind::Stale);
    names(&error, old.id);
    names(&error, format_args!("revision {}", old.revision));
    names(&error, format_args!("at {}", now.revision));
    assert_eq!(store.session_get(old.id).await.unwrap(), now);
}

/// What comes with a reference that is refused is not written either.
pub async fn a_refused_session_change_changes_nothing(store: &dyn Store) {
    let there = store.session_create(whole(store).await).await.unwrap();
    let change = SessionChange {
        name: Some(session_name("lost")),
        memory: Some(JsonMap::new()),
        system_prompts: Some(Vec::new()),
        persona: Some(Some(ItemUse { item_id: Id::new(), version: ItemVersionNumber::FIRST })),
        ..SessionChange::default()
    };
    refused(store.session_update(there.id, there.revision, change, at(1)).await, ErrorKind::NotFound);
    assert_eq!(store.session_get(there.id).await.unwrap(), there);
}

/// System prompts keep their order, and one may come twice or in an older version.
pub async fn a_session_may_use_one_prompt_twice(store: &dyn Store) {
    let (one, two) = (prompt(store, "one", "1").await, prompt(store, "two", "2").await);
    let change = maestro_core::supplied_context::ItemChange {
        text: Some("1, better".parse().unwrap()),
        ..Default::default()
    };
    let newer = store.item_update(one.id, one.revision, change, at(1)).await.unwrap();
    let prompts = vec![used(&two), used(&newer), used(&one), used(&two)];
    let new =
        NewSession { persona: Some(used(&one)), system_prompts: prompts.clone(), ..new_session("talk") };
    let session = store.session_create(new).await.unwrap();
    assert_eq!(session.system_prompts, prompts);
    assert_eq!(store.session_get(session.id).await.unwrap(), session);
}

/// Each field of the query narrows it; a name must be the same to the letter.
pub async fn sessions_are_filtered_by_name_and_authentication(store: &dyn Store) {
    let auth = api_key(store, "work").await;
    let with_auth = |name| NewSession { auth_id: Some(auth.id), ..new_session(name) };
    let a = store.session_create(with_auth("a")).await.unwrap();
    let b = store.session_create(with_auth("b")).await.unwrap();
    let bare = store.session_create(new_session("a")).await.unwrap();
    let name = Some(session_name("a"));
    let cases = [
        (SessionQuery { name: name.clone(), auth_id: None }, vec![&bare, &a]),
        (SessionQuery { name: None, auth_id: Some(auth.id) }, vec![&b, &a]),
        (SessionQuery { name, auth_id: Some(auth.id) }, vec![&a]),
        (SessionQuery { name: Some(session_name("A")), auth_id: None }, vec![]),
        (SessionQuery { name: None, auth_id: Some(Id::new()) }, vec![]),
    ];
    for (query, expected) in cases {
        let page = store.session_list(&query, first(9).counted()).await.unwrap();
        assert_eq!(page.items.iter().collect::<Vec<_>>(), expected, "{query:?}");
        assert_eq!(page.total, Some(expected.len() as u64), "{query:?}");
    }
}

/// The session that was last used comes first; the greatest id among equals.
pub async fn using_a_session_moves_it_to_the_front(store: &dyn Store) {
    let (one, two, three) = (session(store).await, session(store).await, session(store).await);
    let order = async || {
        let page = store.session_list(&SessionQuery::default(), first(9)).await.unwrap();
        page.items.into_iter().map(|session| session.id).collect::<Vec<_>>()
    };
    assert_eq!(order().await, [three.id, two.id, one.id]);
    say(store, one.root_thread_id, "hello").await;
    assert_eq!(order().await, [one.id, three.id, two.id]);
    say(store, two.root_thread_id, "hello").await;
    assert_eq!(order().await, [two.id, one.id, three.id]);
}

/// An entry moves the latest entry and the last use, and leaves revision and `updated_at`.
pub async fn using_a_session_is_no_change_of_its_settings(store: &dyn Store) {
    let (session, entries) = conversation(store, 2).await;
    let expected = Session {
        latest_chat_entry_id: Some(entries[1].id),
        last_used_at: entries[1].inserted_at,
        ..session.clone()
    };
    assert_eq!(store.session_get(session.id).await.unwrap(), expected);
    // And so a change that was read before still goes through, and keeps both.
    let changed =
        store.session_update(session.id, session.revision, SessionChange::default(), at(9)).await.unwrap();
    assert_eq!(changed, Session { revision: session.revision.next(), updated_at: at(9), ..expected });
}

/// Threads, entries, journals and marks go with their session; a writer is told so at its next word.
pub async fn a_deleted_session_takes_everything_along(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let branch = fork(store, &entries[1]).await;
    let twig = fork(store, &say(store, branch.id, "on the branch").await).await;
    let holder = writer();
    let streaming = begin(store, twig.id, holder).await;
    store.entry_extend(streaming.id, holder, JournalSeq::FIRST, "").await.unwrap();
    store.session_delete(session.id).await.unwrap();

    refused(store.session_get(session.id).await, ErrorKind::NotFound);
    refused(store.thread_list(session.id).await, ErrorKind::NotFound);
    for thread in [session.root_thread_id, branch.id, twig.id] {
        refused(store.thread_get(thread).await, ErrorKind::NotFound);
        refused(store.lineage(thread, LineageRange::All).await, ErrorKind::NotFound);
        refused(store.entry_page(thread, Direction::Ascending, first(1)).await, ErrorKind::NotFound);
    }
    for entry in entries.iter().chain([&streaming]) {
        refused(store.entry_get(entry.id).await, ErrorKind::NotFound);
        refused(store.entry_journal(entry.id).await, ErrorKind::NotFound);
    }
    let next = JournalSeq::FIRST.next();
    refused(store.entry_extend(streaming.id, holder, next, "").await, ErrorKind::NotFound);
    assert_eq!(store.entry_recover(None, at(1_000), limit(9)).await.unwrap(), []);
}

/// What belongs to another session stays, and so do the authentication and the items of the one that went.
pub async fn deleting_one_session_leaves_the_others(store: &dyn Store) {
    let going = store.session_create(whole(store).await).await.unwrap();
    let (staying, entries) = conversation(store, 2).await;
    let opened = store.session_open(staying.id).await.unwrap();
    store
        .entry_append(store.thread_get(going.root_thread_id).await.unwrap().head(), said("x"))
        .await
        .unwrap();
    store.session_delete(going.id).await.unwrap();
    assert_eq!(store.session_open(staying.id).await.unwrap(), opened);
    assert_eq!(store.lineage(staying.root_thread_id, LineageRange::All).await.unwrap().entries, entries);
    store.auth_get(going.auth_id.unwrap()).await.unwrap();
    let items: Vec<_> =
        going.persona.into_iter().chain(going.system_prompts).map(|used| used.item_id).collect();
    assert_eq!(store.item_delete_many(&items).await.unwrap(), 3, "nothing refers to them any more");
}

/// Nothing is left of a deleted session: all its ids can be given again, and what gets them begins anew.
pub async fn every_id_of_a_deleted_session_is_free(store: &dyn Store) {
    let new = new_session("talk");
    let thread = new.root_thread_id;
    store.session_create(new.clone()).await.unwrap();
    let lease = writer();
    let begun = streamed(lease);
    let head = ThreadHead { thread_id: thread, entry_id: None };
    store.entry_begin(head, begun.clone()).await.unwrap();
    store.entry_extend(begun.id, lease, JournalSeq::FIRST, "old").await.unwrap();
    store.session_delete(new.id).await.unwrap();

    store.session_create(new.clone()).await.unwrap();
    let entry = NewChatEntry { id: begun.id, ..said("new") };
    let entry = store.entry_append(head, entry).await.unwrap();
    assert_eq!(store.entry_journal(entry.id).await.unwrap(), []);
    assert_eq!(store.lineage(thread, LineageRange::All).await.unwrap().excluded.len(), 0);
    say(store, thread, "behind it").await;
    store.session_delete(new.id).await.unwrap();
    store.session_create(new).await.unwrap();
    store.entry_begin(head, begun).await.unwrap();
}
