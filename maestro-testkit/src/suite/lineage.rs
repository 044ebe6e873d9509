//! What the conversation of a thread is.

use std::num::NonZeroU32;

use maestro_core::{
    ErrorKind, Id, Store,
    conversations::{ChatEntry, LineageRange, Session, Thread, TurnIndex},
    page::Direction,
};

use super::given::{conversation, edit, first, fork, refused, say, session, talk, texts};

fn last(count: u32) -> LineageRange {
    LineageRange::Last(NonZeroU32::new(count).unwrap())
}

async fn read(store: &dyn Store, thread: Id<Thread>, range: LineageRange) -> Vec<ChatEntry> {
    let lineage = store.lineage(thread, range).await.unwrap();
    assert_eq!(lineage.thread, store.thread_get(thread).await.unwrap());
    lineage.entries
}

/// A session, and a thread that is a fork of a fork, and so on: of each thread the first two entries go on.
async fn deep(store: &dyn Store, depth: u32) -> (Session, Id<Thread>) {
    let session = session(store).await;
    let mut thread = session.root_thread_id;
    for _ in 1..depth {
        let entries = talk(store, thread, 3).await;
        thread = fork(store, &entries[1]).await.id;
    }
    talk(store, thread, 2).await;
    (session, thread)
}

/// A thread without entries has an empty conversation, whatever is asked for.
pub async fn an_empty_thread_has_an_empty_lineage(store: &dyn Store) {
    let session = session(store).await;
    let ranges = [LineageRange::All, last(1), last(u32::MAX), LineageRange::UpTo(TurnIndex::MAX)];
    for range in ranges {
        assert_eq!(read(store, session.root_thread_id, range).await, []);
    }
}

/// The entries of a conversation are those that append returned, oldest first.
pub async fn a_lineage_is_what_was_appended(store: &dyn Store) {
    let (session, entries) = conversation(store, 4).await;
    assert_eq!(read(store, session.root_thread_id, LineageRange::All).await, entries);
}

/// `Last` gives the last entries, all of them when there are fewer; `UpTo` those up to a turn, which is included.
pub async fn a_lineage_is_read_from_either_end(store: &dyn Store) {
    let (session, entries) = conversation(store, 5).await;
    let thread = session.root_thread_id;
    assert_eq!(read(store, thread, last(1)).await, entries[4..]);
    assert_eq!(read(store, thread, last(3)).await, entries[2..]);
    assert_eq!(read(store, thread, last(5)).await, entries);
    assert_eq!(read(store, thread, last(u32::MAX)).await, entries);
    let up_to = |turn| LineageRange::UpTo(TurnIndex::new(turn));
    assert_eq!(read(store, thread, up_to(0)).await, []);
    assert_eq!(read(store, thread, up_to(2)).await, entries[..2]);
    assert_eq!(read(store, thread, up_to(5)).await, entries);
    assert_eq!(read(store, thread, up_to(u32::MAX)).await, entries);
}

/// A fork of a fork inherits from both, each up to where it was left, whatever those said afterwards.
pub async fn a_fork_of_a_fork_inherits_from_both(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    let branch = fork(store, &entries[1]).await;
    let own = talk(store, branch.id, 3).await;
    let twig = fork(store, &own[0]).await;
    let tip = say(store, twig.id, "tip").await;
    say(store, session.root_thread_id, "later").await;
    say(store, branch.id, "later").await;
    let expected = [entries[0].clone(), entries[1].clone(), own[0].clone(), tip];
    assert_eq!(read(store, twig.id, LineageRange::All).await, expected);
    assert_eq!(read(store, twig.id, last(2)).await, expected[2..]);
    assert_eq!(read(store, twig.id, last(3)).await, expected[1..]);
    assert_eq!(read(store, twig.id, LineageRange::UpTo(TurnIndex::new(3))).await, expected[..3]);
    assert_eq!(read(store, twig.id, LineageRange::UpTo(TurnIndex::new(1))).await, expected[..1]);
}

/// Along a hundred forks of forks turn indexes have no holes, and every range is what it is of the whole.
pub async fn a_lineage_goes_through_a_hundred_forks(store: &dyn Store) {
    let (_, tip) = deep(store, 100).await;
    let all = read(store, tip, LineageRange::All).await;
    assert_eq!(all.len(), 200);
    assert!(all.iter().zip(1..).all(|(entry, turn)| entry.turn_index.get() == turn));
    for count in [1, 2, 3, 99, 100, 199, 200, 201] {
        let from = all.len().saturating_sub(count as usize);
        assert_eq!(read(store, tip, last(count)).await, all[from..], "the last {count}");
        let up_to = read(store, tip, LineageRange::UpTo(TurnIndex::new(count))).await;
        assert_eq!(up_to, all[..all.len().min(count as usize)], "up to {count}");
    }
}

/// A conversation is not mixed with another session's, nor with threads beside it.
pub async fn a_lineage_holds_nothing_else(store: &dyn Store) {
    let (session, entries) = conversation(store, 3).await;
    conversation(store, 3).await;
    let beside = fork(store, &entries[0]).await;
    talk(store, beside.id, 3).await;
    edit(store, &entries[1], "edited").await;
    assert_eq!(read(store, session.root_thread_id, LineageRange::All).await, entries);
}

/// Pages go along the lineage over forks, from either end, and come to the same as the lineage.
pub async fn entry_pages_go_along_the_lineage_from_either_end(store: &dyn Store) {
    let (_, tip) = deep(store, 6).await;
    let all = read(store, tip, LineageRange::All).await;
    for direction in [Direction::Ascending, Direction::Descending] {
        for size in [1, 2, 5, 11, 12, 13] {
            let mut request = first(size).counted();
            let mut seen = Vec::new();
            loop {
                let page = store.entry_page(tip, direction, request.clone()).await.unwrap();
                assert_eq!(page.total, Some(all.len() as u64));
                assert!(!page.items.is_empty() && page.items.len() <= usize::from(size));
                seen.extend(page.items);
                match page.next {
                    Some(next) => request = request.after(next),
                    None => break,
                }
            }
            if direction == Direction::Descending {
                seen.reverse();
            }
            assert_eq!(seen, all, "{direction:?}, {size} a page");
        }
    }
}

/// A page of a thread without entries is empty and the last; of one that does not exist there is none.
pub async fn an_empty_thread_has_one_empty_page(store: &dyn Store) {
    let session = session(store).await;
    for direction in [Direction::Ascending, Direction::Descending] {
        let page = store.entry_page(session.root_thread_id, direction, first(5).counted()).await.unwrap();
        assert_eq!((page.items, page.next, page.total), (Vec::new(), None, Some(0)));
        refused(store.entry_page(Id::new(), direction, first(5)).await, ErrorKind::NotFound);
    }
}

/// A fork that has said nothing has the conversation up to its entry.
pub async fn an_empty_fork_has_the_lineage_of_its_entry(store: &dyn Store) {
    let (_, entries) = conversation(store, 3).await;
    let branch = fork(store, &entries[1]).await;
    assert_eq!(read(store, branch.id, LineageRange::All).await, entries[..2]);
    assert_eq!(read(store, branch.id, last(1)).await, entries[1..2]);
    let page = store.entry_page(branch.id, Direction::Descending, first(9).counted()).await.unwrap();
    assert_eq!((texts(&page.items), page.total), (vec!["2".to_owned(), "1".to_owned()], Some(2)));
}
