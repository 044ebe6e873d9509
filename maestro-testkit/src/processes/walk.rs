//! What must hold in any store, looked at through its contexts alone.

use std::collections::BTreeSet;

use maestro_core::{
    Id, Result, Store,
    conversations::{ChatEntry, EntryState, LineageRange, Session, SessionQuery, Thread},
    page::{Direction, PageLimit, PageRequest},
    supplied_context::{ItemOrder, ItemQuery},
    time::Timestamp,
};

/// Reads every session and every item that was used or written since a moment, and fails when something does not hold.
pub(super) async fn assert_sound(store: &dyn Store, since: Timestamp, when: &str) {
    let wrong = walk(store, since).await.unwrap();
    assert!(wrong.is_empty(), "{when}: {wrong:#?}");
}

/// What does not hold; nothing of a sound store.
async fn walk(store: &dyn Store, since: Timestamp) -> Result<Vec<String>> {
    let mut wrong = item_problems(store, since).await?;
    let mut page = PageRequest::first(PageLimit::new(100)?);
    loop {
        let sessions = store.session_list(&SessionQuery::default(), page.clone()).await?;
        for session in &sessions.items {
            if session.last_used_at < since {
                return Ok(wrong);
            }
            let problems = session_problems(store, session).await?;
            wrong.extend(problems.into_iter().map(|problem| format!("session {}: {problem}", session.id)));
        }
        match sessions.next {
            Some(next) => page.after = Some(next),
            None => return Ok(wrong),
        }
    }
}

async fn session_problems(store: &dyn Store, session: &Session) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let threads = store.thread_list(session.id).await?;
    let mut entries = BTreeSet::new();
    for thread in &threads {
        wrong.extend(thread_problems(store, thread, &mut entries).await?);
    }
    if !threads.iter().any(|thread| thread.id == session.root_thread_id && thread.parent_thread_id.is_none())
    {
        wrong.push("it has lost its first thread".to_owned());
    }
    if session.latest_chat_entry_id.is_some_and(|latest| !entries.contains(&latest)) {
        wrong.push("its latest entry is none of its own".to_owned());
    }
    if session.latest_chat_entry_id.is_none() && !entries.is_empty() {
        wrong.push("it has entries and none is the latest".to_owned());
    }
    Ok(wrong)
}

async fn thread_problems(
    store: &dyn Store,
    thread: &Thread,
    all: &mut BTreeSet<Id<ChatEntry>>,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let mut tell = |problem: String| wrong.push(format!("thread {}: {problem}", thread.id));
    let entries = store.lineage(thread.id, LineageRange::All).await?.entries;
    for (entry, turn) in entries.iter().zip(1_u32..) {
        all.insert(entry.id);
        let is_head = Some(entry.id) == thread.head_entry_id;
        if entry.turn_index.get() != turn {
            tell(format!("entry {} stands at {} and should at {turn}", entry.id, entry.turn_index));
        }
        if entry.session_id != thread.session_id {
            tell(format!("entry {} is one of another session", entry.id));
        }
        if (entry.thread_id == thread.id) != (entry.turn_index > thread.fork_turn) {
            tell(format!("entry {} is on the wrong side of the fork", entry.id));
        }
        if entry.state == EntryState::Streaming && !is_head {
            tell(format!("entry {} is streaming and something follows it", entry.id));
        }
        if (entry.state == EntryState::Streaming) != entry.writer.is_some() {
            tell(format!("entry {} is {} and its writer does not fit", entry.id, entry.state));
        }
        if entry.thread_id == thread.id && is_head {
            let journal = store.entry_journal(entry.id).await?;
            if entry.state != EntryState::Streaming && !journal.is_empty() {
                tell(format!("entry {} has ended and has a journal", entry.id));
            }
            if journal.iter().zip(1_u32..).any(|(chunk, seq)| chunk.seq.get() != seq) {
                tell(format!("the journal of entry {} has holes", entry.id));
            }
        }
    }
    if thread.head_entry_id != entries.last().map(|entry| entry.id) {
        tell("its head is not its last entry".to_owned());
    }
    let fork = usize::try_from(thread.fork_turn.get()).ok().and_then(|turn| turn.checked_sub(1));
    let forked_from = fork.and_then(|turn| entries.get(turn)).map(|entry| (entry.id, entry.thread_id));
    if forked_from != thread.fork_from_entry_id.zip(thread.parent_thread_id) {
        tell("it does not go on from the entry that it says".to_owned());
    }
    Ok(wrong)
}

async fn item_problems(store: &dyn Store, since: Timestamp) -> Result<Vec<String>> {
    let latest_first =
        ItemQuery { order: ItemOrder::UpdatedAt, direction: Direction::Descending, ..ItemQuery::default() };
    let mut wrong = Vec::new();
    let mut page = PageRequest::first(PageLimit::new(100)?);
    loop {
        let items = store.item_search(&latest_first, page.clone()).await?;
        for item in &items.items {
            if item.updated_at < since {
                return Ok(wrong);
            }
            let versions = store.item_versions(item.id).await?;
            if versions.iter().zip(1_u32..).any(|(version, number)| version.version.get() != number) {
                wrong.push(format!("item {}: its versions have holes", item.id));
            }
            let last = versions.last().map(|last| (last.version, &last.text));
            if last != Some((item.version, &item.text)) {
                wrong.push(format!("item {}: its text is not that of its last version", item.id));
            }
        }
        match items.next {
            Some(next) => page.after = Some(next),
            None => return Ok(wrong),
        }
    }
}
