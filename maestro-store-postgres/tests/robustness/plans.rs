//! What the server really does for a call: it counts how often a table is read from one end to the other.

use std::time::{Duration, Instant};

use maestro_core::{
    Id,
    auth::HolderId,
    chat::Role,
    conversations::{
        ChatEntry, ChunkRef, ChunkState, Conversations as _, EntryContent, EntryEnd, EntryState, JournalSeq,
        LineageRange, NewEdit, NewFork, NewStreamedEntry, Thread, ThreadHead, TurnIndex, WriterLease,
    },
    page::{Cursor, CursorKey, Direction, PageLimit, PageRequest},
};
use maestro_store_postgres::PostgresStore;
use maestro_testkit::needs_postgres;

use crate::{
    fresh::Fresh,
    given::{ask, new_thread, now, said, texts},
};

/// How many entries each of the threads gets.
const MANY: i64 = 3_000;

/// How often a call is made: the server plans anew for the first five, and may then keep a plan for all.
const OFTEN: usize = 8;

/// Puts many entries into a thread, as if they had been appended.
async fn fill(fresh: &Fresh, thread: Id<Thread>) {
    let fill = format!(
        "with t as (select no from {0}.threads where id = '{thread}'),
         e as (
           insert into {0}.entries
             (thread_no, turn_index, id, actor, state, edit_version, inserted_at, updated_at, body)
           select t.no, g, gen_random_uuid(), 'user', 'complete', 1, g, g, '{{\"parts\":[]}}'
           from t cross join generate_series(1, {MANY}) g
           returning turn_index, id
         )
         select 1 from e;
         update {0}.threads t
         set head_turn = {MANY},
             head_entry_id = (select e.id from {0}.entries e where e.thread_no = t.no and e.turn_index = {MANY})
         where t.id = '{thread}'",
        fresh.name
    );
    ask(&fresh.url, fill).await;
}

/// How often the table of entries has been read from one end to the other.
async fn scans(fresh: &Fresh) -> u64 {
    let scans = format!(
        "select coalesce(seq_scan, 0)::text
         from pg_stat_user_tables
         where schemaname = '{}' and relname = 'entries'",
        fresh.name
    );
    texts(&fresh.url, scans).await[0].as_ref().unwrap().parse().unwrap()
}

/// Waits until the server processes of a store have ended, which is when they tell what they have counted.
async fn ended(fresh: &Fresh) {
    let begun = Instant::now();
    let left = format!("select pid::text from pg_stat_activity where application_name = '{}'", fresh.name);
    while !texts(&fresh.url, left.clone()).await.is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the server's processes do not end");
        tokio::task::yield_now().await;
    }
}

async fn read(store: &PostgresStore, thread: Id<Thread>) {
    for range in
        [LineageRange::All, LineageRange::Last(20.try_into().unwrap()), LineageRange::UpTo(TurnIndex::new(9))]
    {
        store.lineage(thread, range).await.unwrap();
    }
    for direction in [Direction::Ascending, Direction::Descending] {
        let page = PageRequest::first(PageLimit::new(20).unwrap());
        let after = Cursor::at(CursorKey::Number(MANY / 2), Id::<()>::new().uuid());
        assert_eq!(
            store.entry_page(thread, direction, page.clone().after(after)).await.unwrap().items.len(),
            20
        );
        assert_eq!(store.entry_page(thread, direction, page).await.unwrap().items.len(), 20);
    }
    store.thread_get(thread).await.unwrap();
    store.entry_recover(None, now(), PageLimit::default()).await.unwrap();
}

async fn write(store: &PostgresStore, thread: Id<Thread>) {
    let head = store.thread_get(thread).await.unwrap().head();
    let entry = store.entry_append(head, said("x")).await.unwrap();
    assert_eq!(store.entry_get(entry.id).await.unwrap(), entry);
    store
        .chunk_mark(thread, ChunkRef { entry_id: entry.id, part: 0 }, ChunkState::Excluded, now())
        .await
        .unwrap();
    let fork = NewFork { id: Id::new(), from: entry.id, label: None, now: now() };
    let fork = store.thread_fork(fork).await.unwrap();
    stream(store, fork.head()).await;
    let edit = NewEdit { thread_id: Id::new(), edited: entry.id, label: None, entry: said("y") };
    let (edit, _) = store.thread_edit(edit).await.unwrap();
    for gone in [fork.id, edit.id] {
        store.thread_delete(gone).await.unwrap();
    }
    store.entry_delete(ThreadHead { thread_id: thread, entry_id: Some(entry.id) }).await.unwrap();
}

async fn stream(store: &PostgresStore, head: ThreadHead) -> ChatEntry {
    let writer =
        WriterLease { holder: HolderId::new(), until: now().saturating_add(Duration::from_secs(60)) };
    let content = EntryContent::default();
    let new = NewStreamedEntry {
        id: Id::new(),
        actor: Role::Assistant,
        content: content.clone(),
        writer,
        now: now(),
    };
    let entry = store.entry_begin(head, new).await.unwrap();
    store.entry_extend(entry.id, writer, JournalSeq::FIRST, "").await.unwrap();
    store.entry_journal(entry.id).await.unwrap();
    let end = EntryEnd { state: EntryState::Complete, content, now: now() };
    store.entry_finish(entry.id, writer.holder, end).await.unwrap()
}

needs_postgres! {

#[tokio::test]
async fn no_call_reads_the_whole_table_of_entries() {
    let fresh = Fresh::schema();
    let url = format!("{}&application_name={}", fresh.url, fresh.name);
    let builder = PostgresStore::builder(url).schema(fresh.name.clone()).max_connections(1);
    let store = builder.clone().open().await.unwrap();
    let mut threads = Vec::new();
    for _ in 0..3 {
        let thread = new_thread(&store).await;
        fill(&fresh, thread).await;
        threads.push(thread);
    }
    store.close().await;
    ask(&fresh.url, format!("analyze {}.entries", fresh.name)).await;
    ended(&fresh).await;
    let before = scans(&fresh).await;

    // One connection, so that it comes to the plans that are kept.
    let store = builder.open().await.unwrap();
    for _ in 0..OFTEN {
        read(&store, threads[1]).await;
        write(&store, threads[1]).await;
    }
    store.close().await;
    ended(&fresh).await;
    assert_eq!(scans(&fresh).await, before);

    ask(&fresh.url, format!("select count(*) from {}.entries where body like '%x%'", fresh.name)).await;
    assert!(scans(&fresh).await > before, "such a scan would have been counted");
}

}
