//! Many at once: exactly one wins, the others are told so, and nothing is lost or doubled.

use std::{collections::BTreeSet, future::Future, sync::Arc};

use maestro_core::{
    Error, ErrorKind, Id, Result, Store,
    auth::{AuthChange, AuthType, HolderId, NewAuthentication, SavedAuthentication},
    conversations::{
        EntryState, JournalSeq, LineageRange, NewChatEntry, NewSession, SessionChange, SessionQuery,
        TurnIndex, WriterLease,
    },
    supplied_context::{Item, ItemChange, ItemType, NewItem},
};
use tokio::task::JoinSet;

use super::{
    given::{
        api_key, at, auth_name, begin, conversation, first, fork, item_text, limit, new_auth, new_fork,
        new_item, new_session, persona, prompt, reference, said, session, session_name, streamed, used,
        writer,
    },
    streamed_entries::whole,
};

/// How many race.
const MANY: u32 = 12;

/// Starts `MANY` tasks at once and gathers what they came to.
async fn race<T, F>(store: &Arc<dyn Store>, task: impl Fn(Arc<dyn Store>, u32) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for number in 0..MANY {
        tasks.spawn(task(Arc::clone(store), number));
    }
    tasks.join_all().await
}

/// The one that won; every other one must have been refused with this kind.
#[track_caller]
fn only_winner<T>(results: Vec<Result<T>>, kind: ErrorKind) -> T {
    let (won, lost): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    let lost: Vec<Error> = lost.into_iter().filter_map(Result::err).collect();
    assert!(lost.iter().all(|error| error.kind() == kind), "{kind} was promised: {lost:?}");
    let mut won: Vec<T> = won.into_iter().filter_map(Result::ok).collect();
    assert_eq!(won.len(), 1, "exactly one wins");
    won.remove(0)
}

/// Of many updates of one revision one is done; the others are stale.
pub async fn only_one_of_many_concurrent_updates_wins(store: Arc<dyn Store>) {
    let row = api_key(&*store, "work").await;
    let (id, revision) = (row.id, row.revision);
    let results = race(&store, |store, number| async move {
        let change = AuthChange { name: Some(auth_name(&format!("name-{number}"))), ..AuthChange::default() };
        store.auth_update(id, revision, change, at(1)).await
    });
    let winner = only_winner(results.await, ErrorKind::Stale);
    assert_eq!(store.auth_get(row.id).await.unwrap(), winner);

    let there = session(&*store).await;
    let (id, revision) = (there.id, there.revision);
    let results = race(&store, |store, number| async move {
        let name = Some(session_name(&format!("name-{number}")));
        store.session_update(id, revision, SessionChange { name, ..SessionChange::default() }, at(1)).await
    });
    let winner = only_winner(results.await, ErrorKind::Stale);
    assert_eq!(store.session_get(there.id).await.unwrap(), winner);

    let item = prompt(&*store, "brief", "x").await;
    let (id, revision) = (item.id, item.revision);
    let results = race(&store, |store, number| async move {
        let text = Some(item_text(&format!("text-{number}")));
        store.item_update(id, revision, ItemChange { text, ..ItemChange::default() }, at(1)).await
    });
    let winner = only_winner(results.await, ErrorKind::Stale);
    assert_eq!(store.item_get(item.id).await.unwrap(), winner);
    assert_eq!(store.item_versions(item.id).await.unwrap().len(), 2);
}

/// Many that read and update again until they are done are all counted.
pub async fn no_update_is_lost(store: Arc<dyn Store>) {
    let row = session(&*store).await;
    let id = row.id;
    race(&store, |store, number| async move {
        loop {
            let session = store.session_get(id).await.unwrap();
            let mut memory = session.memory;
            memory.insert(number.to_string(), true.into());
            let change = SessionChange { memory: Some(memory), ..SessionChange::default() };
            match store.session_update(id, session.revision, change, at(1)).await {
                Ok(_) => break,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Stale, "{error}"),
            }
        }
    })
    .await;
    let session = store.session_get(id).await.unwrap();
    assert_eq!(session.memory.len(), MANY as usize);
    assert_eq!(session.revision.get(), row.revision.get() + u64::from(MANY));
}

/// Of many that want one name one gets it; the others are told that it is taken.
pub async fn only_one_of_many_takes_a_name(store: Arc<dyn Store>) {
    let wanted = reference("anthropic", AuthType::ApiKey, "wanted");
    let new = new_auth(wanted.clone());
    let results = race(&store, |store, _| {
        let new = NewAuthentication { id: Id::new(), ..new.clone() };
        async move { store.auth_create(new).await }
    });
    let winner = only_winner(results.await, ErrorKind::Conflict);
    assert_eq!(store.auth_find(&wanted).await.unwrap(), winner);

    let new = new_item(ItemType::Persona, "wanted", "x");
    let results = race(&store, |store, _| {
        let new = NewItem { id: Id::new(), ..new.clone() };
        async move { store.item_create(new).await }
    });
    only_winner(results.await, ErrorKind::Conflict);
}

/// Of many that are renamed to one name one is.
pub async fn only_one_of_many_is_renamed_to_a_name(store: Arc<dyn Store>) {
    let mut rows: Vec<SavedAuthentication> = Vec::new();
    let mut items: Vec<Item> = Vec::new();
    for number in 0..MANY {
        rows.push(api_key(&*store, &format!("key-{number}")).await);
        items.push(persona(&*store, &format!("persona {number}")).await);
    }
    let results = race(&store, |store, number| {
        let row = rows[number as usize].clone();
        let change = AuthChange { name: Some(auth_name("wanted")), ..AuthChange::default() };
        async move { store.auth_update(row.id, row.revision, change, at(1)).await }
    });
    only_winner(results.await, ErrorKind::Conflict);
    let results = race(&store, |store, number| {
        let item = items[number as usize].clone();
        let change = ItemChange { name: Some("wanted".parse().unwrap()), ..ItemChange::default() };
        async move { store.item_update(item.id, item.revision, change, at(1)).await }
    });
    only_winner(results.await, ErrorKind::Conflict);
}

/// Of many that create one id one does.
pub async fn only_one_of_many_takes_an_id(store: Arc<dyn Store>) {
    let id = Id::new();
    let results = race(&store, |store, number| async move {
        store.session_create(NewSession { id, ..new_session(&number.to_string()) }).await
    });
    let winner = only_winner(results.await, ErrorKind::Conflict);
    assert_eq!(store.session_get(id).await.unwrap(), winner);
    assert_eq!(store.thread_list(id).await.unwrap().len(), 1);
    let page = store.session_list(&SessionQuery::default(), first(99)).await.unwrap();
    assert_eq!(page.items, [winner]);
}

/// Of many that want to refresh one gets the lease; the others are told that it is in use.
pub async fn only_one_of_many_takes_a_lease(store: Arc<dyn Store>) {
    let row = api_key(&*store, "work").await;
    let (id, revision) = (row.id, row.revision);
    // An old lease that is over is taken over by one only, too.
    for now in [at(0), at(100)] {
        let results = race(&store, |store, _| async move {
            store
                .auth_lease(id, revision, HolderId::new(), at(50 + now.since(at(0)).as_secs() as i64), now)
                .await
        });
        let winner = only_winner(results.await, ErrorKind::InUse);
        assert_eq!(store.auth_get(id).await.unwrap(), winner);
    }
}

/// Of many that append behind one head one does; the others are stale.
pub async fn only_one_of_many_appends_behind_a_head(store: Arc<dyn Store>) {
    let (session, _) = conversation(&*store, 1).await;
    let head = store.thread_get(session.root_thread_id).await.unwrap().head();
    let results =
        race(
            &store,
            |store, number| async move { store.entry_append(head, said(&number.to_string())).await },
        );
    let winner = only_winner(results.await, ErrorKind::Stale);
    let lineage = store.lineage(session.root_thread_id, LineageRange::All).await.unwrap();
    assert_eq!((lineage.entries.len(), &lineage.entries[1]), (2, &winner));
    assert_eq!(store.session_get(session.id).await.unwrap().latest_chat_entry_id, Some(winner.id));
}

/// Of many that begin an entry behind one head one does; the others are stale.
pub async fn only_one_of_many_begins_behind_a_head(store: Arc<dyn Store>) {
    let session = session(&*store).await;
    let head = store.thread_get(session.root_thread_id).await.unwrap().head();
    let results = race(&store, |store, _| async move { store.entry_begin(head, streamed(writer())).await });
    let winner = only_winner(results.await, ErrorKind::Stale);
    assert_eq!(store.entry_get(winner.id).await.unwrap(), winner);
    assert_eq!(store.thread_get(session.root_thread_id).await.unwrap().head_entry_id, Some(winner.id));
}

/// Many that append to one thread until they are done are all there, in one line without holes.
pub async fn no_entry_is_lost_or_doubled(store: Arc<dyn Store>) {
    let thread = session(&*store).await.root_thread_id;
    race(&store, |store, number| async move {
        for turn in 0..3 {
            let entry = said(&format!("{number}/{turn}"));
            loop {
                let head = store.thread_get(thread).await.unwrap().head();
                match store.entry_append(head, entry.clone()).await {
                    Ok(_) => break,
                    Err(error) => assert_eq!(error.kind(), ErrorKind::Stale, "{error}"),
                }
            }
        }
    })
    .await;
    let entries = store.lineage(thread, LineageRange::All).await.unwrap().entries;
    let texts: BTreeSet<_> = entries.iter().map(|entry| entry.to_message().text()).collect();
    assert_eq!((entries.len(), texts.len()), (3 * MANY as usize, 3 * MANY as usize));
    assert!(entries.iter().zip(1..).all(|(entry, turn)| entry.turn_index == TurnIndex::new(turn)));
}

/// Threads of one session are written to side by side; each keeps its own line.
pub async fn threads_of_one_session_do_not_disturb_each_other(store: Arc<dyn Store>) {
    let (session, entries) = conversation(&*store, 1).await;
    let mut threads = Vec::new();
    for _ in 0..MANY {
        threads.push(fork(&*store, &entries[0]).await);
    }
    let written = race(&store, |store, number| {
        let mut head = threads[number as usize].head();
        async move {
            for turn in 0..3 {
                let entry = NewChatEntry { now: at(10), ..said(&turn.to_string()) };
                head.entry_id = Some(store.entry_append(head, entry).await.unwrap().id);
            }
            head
        }
    });
    let heads = written.await;
    for head in &heads {
        let lineage = store.lineage(head.thread_id, LineageRange::All).await.unwrap();
        assert_eq!((lineage.entries.len(), lineage.thread.head()), (4, *head));
    }
    let session = store.session_get(session.id).await.unwrap();
    let latest = store.entry_get(session.latest_chat_entry_id.unwrap()).await.unwrap();
    assert!(latest.turn_index.get() > 1 && session.last_used_at == at(10));
}

/// Of many that add the same chunk one does; the others are stale.
pub async fn only_one_of_many_adds_a_chunk(store: Arc<dyn Store>) {
    let lease = writer();
    let thread = session(&*store).await.root_thread_id;
    let entry = begin(&*store, thread, lease).await;
    let results = race(&store, |store, number| async move {
        store.entry_extend(entry.id, lease, JournalSeq::FIRST, &number.to_string()).await
    });
    only_winner(results.await, ErrorKind::Stale);
    assert_eq!(store.entry_journal(entry.id).await.unwrap().len(), 1);
}

/// Of many that recover one gets the entry; the others get nothing.
pub async fn an_entry_is_recovered_by_one_only(store: Arc<dyn Store>) {
    let thread = session(&*store).await.root_thread_id;
    let past = WriterLease { until: at(10), ..writer() };
    let entry = begin(&*store, thread, past).await;
    let results =
        race(&store, |store, _| async move { store.entry_recover(None, at(10), limit(9)).await.unwrap() });
    let recovered: Vec<_> = results.await.into_iter().flatten().collect();
    assert_eq!(recovered, [store.entry_get(entry.id).await.unwrap()]);
}

/// An entry is ended by its writer or by recovery, never by both.
pub async fn an_entry_ends_once(store: Arc<dyn Store>) {
    for _ in 0..5 {
        let thread = session(&*store).await.root_thread_id;
        let past = WriterLease { until: at(10), ..writer() };
        let entry = begin(&*store, thread, past).await;
        let ended = race(&store, |store, number| async move {
            if number % 2 == 0 {
                store.entry_finish(entry.id, past.holder, whole("done")).await.ok()
            } else {
                store.entry_recover(None, at(10), limit(9)).await.unwrap().pop()
            }
        });
        let ended: Vec<_> = ended.await.into_iter().flatten().collect();
        assert_eq!(ended, [store.entry_get(entry.id).await.unwrap()]);
        assert_ne!(ended[0].state, EntryState::Streaming);
    }
}

/// An item is either used by a session or deleted, never both.
pub async fn an_item_is_used_or_deleted(store: Arc<dyn Store>) {
    for round in 0..5 {
        let item = persona(&*store, &format!("round {round}")).await;
        let uses = used(&item);
        let created = race(&store, |store, number| async move {
            if number == 0 {
                let deleted = store.item_delete_many(&[uses.item_id]).await;
                assert!(deleted.is_ok_and(|count| count == 1) || store.item_get(uses.item_id).await.is_ok());
                None
            } else {
                let new = NewSession { persona: Some(uses), ..new_session("talk") };
                match store.session_create(new).await {
                    Ok(session) => Some(session),
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                        None
                    }
                }
            }
        });
        let created: Vec<_> = created.await.into_iter().flatten().collect();
        let is_there = store.item_get(item.id).await.is_ok();
        assert!(created.is_empty() || is_there, "a session refers to an item that is gone");
    }
}

/// A thread is deleted or gone on from, never both.
pub async fn a_thread_is_deleted_or_gone_on_from(store: Arc<dyn Store>) {
    for _ in 0..5 {
        let (session, entries) = conversation(&*store, 1).await;
        let branch = fork(&*store, &entries[0]).await;
        let own = super::given::say(&*store, branch.id, "own").await;
        let forks = race(&store, |store, number| {
            let new = new_fork(&own);
            async move {
                if number == 0 {
                    if let Err(error) = store.thread_delete(branch.id).await {
                        assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
                    }
                    None
                } else {
                    store.thread_fork(new).await.ok()
                }
            }
        });
        let forks = forks.await.into_iter().flatten().count();
        let is_there = store.thread_get(branch.id).await.is_ok();
        assert_eq!(forks > 0, is_there);
        let threads = store.thread_list(session.id).await.unwrap();
        assert_eq!(threads.len(), 1 + forks + usize::from(is_there));
        for thread in threads {
            store.lineage(thread.id, LineageRange::All).await.unwrap();
        }
    }
}

/// A session and its authentication are read at one moment: never an id without its row.
pub async fn a_session_is_opened_at_one_moment(store: Arc<dyn Store>) {
    let mut session = session(&*store).await;
    for round in 0..5 {
        let auth = api_key(&*store, &format!("round-{round}")).await;
        let change = SessionChange { auth_id: Some(Some(auth.id)), ..SessionChange::default() };
        session = store.session_update(session.id, session.revision, change, at(1)).await.unwrap();
        let id = session.id;
        race(&store, |store, number| async move {
            if number == MANY / 2 {
                store.auth_delete(auth.id).await.unwrap();
            } else {
                let opened = store.session_open(id).await.unwrap();
                assert_eq!(opened.session.auth_id, opened.auth.map(|auth| auth.id));
            }
        })
        .await;
    }
}

/// A conversation is read at one moment: its last entry is the head of the thread that comes with it.
pub async fn a_lineage_is_read_at_one_moment(store: Arc<dyn Store>) {
    let thread = session(&*store).await.root_thread_id;
    race(&store, |store, number| async move {
        if number == 0 {
            let mut head = store.thread_get(thread).await.unwrap().head();
            for _ in 0..5 {
                head.entry_id = Some(store.entry_append(head, said("x")).await.unwrap().id);
                store.entry_append(head, said("y")).await.unwrap();
                head = store.thread_get(thread).await.unwrap().head();
                store.entry_delete(head).await.unwrap();
                head = store.thread_get(thread).await.unwrap().head();
            }
        } else {
            for _ in 0..5 {
                let lineage = store.lineage(thread, LineageRange::All).await.unwrap();
                assert_eq!(lineage.entries.last().map(|entry| entry.id), lineage.thread.head_entry_id);
                assert_eq!(lineage.entries.len(), lineage.thread.head_turn.get() as usize);
            }
        }
    })
    .await;
}
