//! The lines of the bar that one caller measures.

use std::{cell::Cell, hint::black_box, num::NonZeroU32, path::Path, sync::mpsc};

use maestro_core::{
    Id, Secret,
    auth::{Auth as _, AuthName, AuthRef, AuthType, Credentials, NewAuthentication, Vault, VaultKey},
    chat::Role,
    conversations::{
        Conversations as _, EntryContent, JournalSeq, LineageRange, NewEdit, NewStreamedEntry, SessionQuery,
        WriterLease,
    },
    page::{PageLimit, PageRequest},
};
use rusqlite::params;
use tokio::{runtime::Runtime, sync::oneshot};

use crate::{
    asynchronous::Asynchronous,
    data::{NOW, append as append_turns, fork as make_fork, forked, open, open_to_fill, session, text, turn},
    floor::{Body, Floor, Row, decode},
    measure::compare,
};

pub(crate) fn append(runtime: &Runtime) {
    for turns in [10, 5_000] {
        let directory = tempfile::tempdir().unwrap();
        let files = ["ours.db", "floor.db"].map(|name| directory.path().join(name));
        let heads = files.each_ref().map(|file| {
            runtime.block_on(async {
                let store = open_to_fill(file).await;
                let mut head = session(&store, 0).await;
                append_turns(&store, &mut head, turns).await;
                head
            })
        });
        let (store, floor) = (runtime.block_on(open(&files[0])), Floor::open(&files[1], "full"));
        let (head, next) = (Cell::new(heads[0]), Cell::new(2 * turns as i64));
        compare(
            &format!("append of a turn (two entries, two commits) at turn {turns}"),
            300,
            || {
                for entry in turn() {
                    next.set(next.get() + 1);
                    floor.append(1, next.get(), &entry);
                }
            },
            || {
                let mut moved = head.get();
                runtime.block_on(append_turns(&store, &mut moved, 1));
                head.set(moved);
            },
        );
    }
}

/// What a turn takes in the file, once it is in it.
pub(crate) fn bytes(runtime: &Runtime) {
    for (sessions, turns) in [(500, 10), (1, 5_000)] {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("m.db");
        let store = runtime.block_on(open_to_fill(&file));
        let mut heads: Vec<_> = (0..sessions).map(|name| runtime.block_on(session(&store, name))).collect();
        let floor = Floor::open(&file, "full");
        let before = floor.bytes();
        heads.iter_mut().for_each(|head| runtime.block_on(append_turns(&store, head, turns)));
        let turns_in_all = i64::try_from(sessions * turns).unwrap();
        println!(
            "| bytes per turn, threads of {turns} turns | | {} B | |",
            (floor.bytes() - before) / turns_in_all
        );
    }
}

pub(crate) fn load(runtime: &Runtime) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let fill = runtime.block_on(open_to_fill(&file));
    let threads = [0, 1, 10, 100].map(|depth| (depth, runtime.block_on(forked(&fill, 1_000, depth))));
    drop(fill);
    let (store, floor) = (runtime.block_on(open(&file)), Floor::open(&file, "full"));
    for (depth, thread) in threads {
        let no: i64 = floor
            .0
            .query_row("select no from threads where id = ?1", [thread.as_bytes()], |row| row.get(0))
            .unwrap();
        let load = |range| {
            let lineage = runtime.block_on(store.lineage(thread, range)).unwrap();
            black_box(lineage);
        };
        let last = LineageRange::Last(NonZeroU32::new(20).unwrap());
        let ours = runtime.block_on(store.lineage(thread, LineageRange::All)).unwrap().entries;
        assert_eq!((ours.len(), floor.load(no, 1, decode).len()), (2_000, 2_000));
        compare(
            &format!("load of 1,000 turns (2,000 entries), depth {depth}"),
            100,
            || drop(black_box(floor.load(no, 1, decode))),
            || load(LineageRange::All),
        );
        compare(
            &format!("the last 20 entries, depth {depth}"),
            1_000,
            || drop(black_box(floor.load(no, 1_981, decode))),
            || load(last),
        );
        if depth == 0 {
            let behind = behind_a_thread(&file, no);
            compare(
                "the last 20 entries, depth 0, floor behind a thread",
                1_000,
                || drop(black_box(runtime.block_on(behind(1_981)))),
                || load(last),
            );
            let through_sqlx = runtime.block_on(Asynchronous::open(&file));
            compare(
                "the last 20 entries, floor through sqlx",
                1_000,
                || drop(black_box(runtime.block_on(through_sqlx.load(no, 1_981)))),
                || load(last),
            );
            compare(
                "load of 1,000 turns, floor through sqlx",
                100,
                || drop(black_box(runtime.block_on(through_sqlx.load(no, 1)))),
                || load(LineageRange::All),
            );
            compare(
                "load of 1,000 turns, floor without decoding",
                100,
                || drop(black_box(floor.load(no, 1, str::to_owned))),
                || load(LineageRange::All),
            );
        }
    }
}

/// The floor as any asynchronous program must have it: on a thread of its own, which is asked by a channel.
fn behind_a_thread(file: &Path, thread: i64) -> impl Fn(i64) -> oneshot::Receiver<Vec<Row<Body>>> + use<> {
    let (jobs, queue) = mpsc::channel::<(i64, oneshot::Sender<_>)>();
    let floor = Floor::open(file, "full");
    std::thread::spawn(move || {
        while let Ok((first, reply)) = queue.recv() {
            let _ = reply.send(floor.load(thread, first, decode));
        }
    });
    move |first| {
        let (reply, answer) = oneshot::channel();
        jobs.send((first, reply)).unwrap();
        answer
    }
}

pub(crate) fn fork(runtime: &Runtime) {
    let directory = tempfile::tempdir().unwrap();
    for turns in [10, 5_000] {
        let files = ["ours", "floor"].map(|name| directory.path().join(format!("{name}{turns}.db")));
        let head = files.each_ref().map(|file| {
            runtime.block_on(async {
                let store = open_to_fill(file).await;
                let mut head = session(&store, 0).await;
                append_turns(&store, &mut head, turns).await;
                head.entry_id.unwrap()
            })
        })[0];
        let (store, floor) = (runtime.block_on(open(&files[0])), Floor::open(&files[1], "full"));
        let (next, last) = (Cell::new(1), 2 * turns as i64);
        let insert = |parent_turn: i64| {
            next.set(next.get() + 1);
            floor
                .0
                .prepare_cached(
                    "insert into threads (no, id, session_no, parent_no, fork_turn, inserted_at, updated_at)
                     values (?1, ?2, 1, 1, ?3, ?4, ?4)",
                )
                .unwrap()
                .execute(params![next.get(), uuid::Uuid::now_v7().as_bytes(), parent_turn, NOW.micros()])
                .unwrap();
        };
        compare(
            &format!("fork at turn {turns}"),
            300,
            || {
                floor.run("begin immediate");
                insert(last);
                floor.run("commit");
            },
            || {
                runtime.block_on(make_fork(&store, head));
            },
        );
        compare(
            &format!("edit at turn {turns}"),
            300,
            || {
                let [question, _] = turn();
                floor.run("begin immediate");
                insert(last - 1);
                floor.put(next.get(), last, &question, &serde_json::to_string(&question.content).unwrap());
                floor.run("commit");
            },
            || {
                let [entry, _] = turn();
                let edit = NewEdit { thread_id: Id::new(), edited: head, label: None, entry };
                drop(runtime.block_on(store.thread_edit(edit)).unwrap());
            },
        );
        let of_file = Floor::open(&files[0], "full");
        let before = of_file.bytes();
        for _ in 0..500 {
            runtime.block_on(make_fork(&store, head));
        }
        println!("| bytes per fork at turn {turns} | | {} B | |", (of_file.bytes() - before) / 500);
    }
}

pub(crate) fn journal(runtime: &Runtime) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let store = runtime.block_on(open(&file));
    let head = runtime.block_on(session(&store, 0));
    let writer = WriterLease { holder: Id::new(), until: NOW };
    let new = NewStreamedEntry {
        id: Id::new(),
        actor: Role::Assistant,
        content: EntryContent::default(),
        writer,
        now: NOW,
    };
    let id = new.id;
    runtime.block_on(store.entry_begin(head, new)).unwrap();
    let (seq, chunk) = (Cell::new(JournalSeq::FIRST), text(100));
    let mut extend = || {
        runtime.block_on(store.entry_extend(id, writer, seq.get(), &chunk)).unwrap();
        seq.set(seq.get().next());
    };
    for synchronous in ["normal", "full"] {
        let file = directory.path().join(format!("{synchronous}.db"));
        drop(runtime.block_on(open(&file)));
        let (floor, next) = (Floor::open(&file, synchronous), Cell::new(0));
        compare(
            &format!("journal chunk of 100 B, floor at synchronous = {synchronous}"),
            500,
            || {
                next.set(next.get() + 1);
                floor
                    .0
                    .prepare_cached(
                        "insert into journal (entry_no, seq, writer_until, data) values (1, ?1, ?2, ?3)",
                    )
                    .unwrap()
                    .execute(params![next.get(), NOW.micros(), chunk])
                    .unwrap();
            },
            &mut extend,
        );
    }
    let floor = Floor::open(&file, "full");
    compare(
        "for scale: switching `synchronous` there and back, beside a point query",
        1_000,
        || floor.0.execute_batch("pragma synchronous = normal; pragma synchronous = full").unwrap(),
        || assert_eq!(floor.number("select no from sessions where no = 1"), 1),
    );
}

pub(crate) fn lookup(runtime: &Runtime) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let (store, vault) = (runtime.block_on(open_to_fill(&file)), Vault::new(VaultKey::generate()));
    let reference = |number: usize| {
        let name = AuthName::new(format!("account-{number}")).unwrap();
        AuthRef::new("anthropic".parse().unwrap(), AuthType::ApiKey, name)
    };
    for number in 0..1_000 {
        let credentials = Credentials::api_key(Secret::new("sk-ant-api03-0123456789").unwrap());
        let id = Id::new();
        let credentials = vault.seal(id, &credentials).unwrap();
        let new =
            NewAuthentication { id, reference: reference(number), credentials, expires_at: None, now: NOW };
        runtime.block_on(store.auth_create(new)).unwrap();
    }
    let (floor, wanted) = (Floor::open(&file, "full"), reference(500));
    let by_hand = || {
        floor
            .0
            .prepare_cached(
                "select id, credentials, expires_at, lease_holder, lease_until, revision, inserted_at, updated_at
                 from authentications where provider = ?1 and auth_type = ?2 and name = ?3",
            )
            .unwrap()
            .query_row(params!["anthropic", "api_key", "account-500"], |row| {
                let times: (Option<i64>, Option<i64>, i64, i64, i64) =
                    (row.get(2)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?);
                let id = uuid::Uuid::from_slice(row.get_ref(0)?.as_blob()?).unwrap();
                Ok((Id::from_uuid(id), row.get::<_, Vec<u8>>(1)?, row.get::<_, Option<Vec<u8>>>(3)?, times))
            })
            .unwrap()
    };
    let ours = || runtime.block_on(store.auth_find(&wanted)).unwrap();
    compare(
        "lookup of a credential by name",
        3_000,
        || drop(black_box(by_hand())),
        || drop(black_box(ours())),
    );
    compare(
        "lookup of a credential by name, opened",
        3_000,
        || {
            let (id, sealed, ..) = by_hand();
            let sealed = maestro_core::auth::SealedCredentials::from_bytes(&sealed).unwrap();
            drop(black_box(vault.open(id, &sealed).unwrap()));
        },
        || {
            let found = ours();
            drop(black_box(vault.open(found.id, &found.credentials).unwrap()));
        },
    );
    let through_sqlx = runtime.block_on(Asynchronous::open(&file));
    compare(
        "lookup of a credential by name, opened, floor through sqlx",
        3_000,
        || {
            let (id, sealed) = runtime.block_on(through_sqlx.credentials("anthropic", "account-500"));
            drop(black_box(vault.open(Id::from_uuid(id), &sealed).unwrap()));
        },
        || {
            let found = ours();
            drop(black_box(vault.open(found.id, &found.credentials).unwrap()));
        },
    );
}

/// Here the first page stands where the floor does elsewhere.
pub(crate) fn pages(runtime: &Runtime) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let store = runtime.block_on(open_to_fill(&file));
    for name in 0..10_010 {
        runtime.block_on(session(&store, name));
    }
    let query = SessionQuery::default();
    let first = PageRequest::first(PageLimit::new(10).unwrap());
    let list = |page: &PageRequest| runtime.block_on(store.session_list(&query, page.clone())).unwrap();
    let mut far = first.clone();
    for _ in 1..1_000 {
        far = first.clone().after(list(&far).next.unwrap());
    }
    assert_eq!(list(&far).items.len(), 10);
    compare(
        "page 1,000 of 10 sessions each, beside page 1",
        2_000,
        || drop(black_box(list(&first))),
        || drop(black_box(list(&far))),
    );
}
