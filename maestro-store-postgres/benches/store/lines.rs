//! The lines of the bar that one caller measures.

use std::{cell::Cell, hint::black_box, num::NonZeroU32};

use maestro_core::{
    Id, Secret,
    auth::{
        Auth as _, AuthName, AuthRef, AuthType, Credentials, NewAuthentication, SealedCredentials, Vault,
        VaultKey,
    },
    chat::Role,
    conversations::{
        Conversations as _, EntryContent, JournalSeq, LineageRange, NewEdit, NewStreamedEntry, SessionQuery,
        WriterLease,
    },
    page::{PageLimit, PageRequest},
    supplied_context::{ItemOrder, ItemQuery, SuppliedContext as _},
};
use sqlx::Row as _;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::{
    data::{
        NOW, append as append_turns, fork as make_fork, forked, open, open_to_fill, schema, session, text,
        turn,
    },
    floor::Floor,
    measure::compare,
};

pub(crate) fn append(runtime: &Runtime, url: &str) {
    for turns in [10, 1_000, 5_000] {
        let schemas = [schema(), schema()];
        let heads = schemas.each_ref().map(|schema| {
            runtime.block_on(async {
                let store = open_to_fill(url, schema).await;
                let mut head = session(&store, 0).await;
                append_turns(&store, &mut head, turns).await;
                head
            })
        });
        let (store, floor) = (runtime.block_on(open(url, &schemas[0])), Floor::open(url, &schemas[1]));
        let (head, next) = (Cell::new(heads[0]), Cell::new(2 * turns as i64));
        compare(
            &format!("append of a turn (two entries, two commits) at turn {turns}"),
            400,
            || {
                for entry in turn() {
                    next.set(next.get() + 1);
                    runtime.block_on(floor.append(1, next.get(), &entry));
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

/// What a turn takes in the tables, and in the log of the server.
pub(crate) fn bytes(runtime: &Runtime, url: &str) {
    for (sessions, turns) in [(500, 10), (1, 5_000)] {
        let (ours, by_hand) = (schema(), schema());
        let turns_in_all = i64::try_from(sessions * turns).unwrap();
        let per_turn = |before: (i64, i64), after: (i64, i64)| {
            ((after.0 - before.0) / turns_in_all, (after.1 - before.1) / turns_in_all)
        };
        let of_ours = runtime.block_on(async {
            let store = open_to_fill(url, &ours).await;
            let mut heads = Vec::new();
            for name in 0..sessions {
                heads.push(session(&store, name).await);
            }
            let floor = Floor::open(url, &ours);
            let before = floor.bytes().await;
            for head in &mut heads {
                append_turns(&store, head, turns).await;
            }
            per_turn(before, floor.bytes().await)
        });
        let of_floor = runtime.block_on(async {
            let store = open_to_fill(url, &by_hand).await;
            for name in 0..sessions {
                session(&store, name).await;
            }
            let floor = Floor::open(&format!("{url}&options=-csynchronous_commit%3Doff"), &by_hand);
            let before = floor.bytes().await;
            for thread in 1..=i64::try_from(sessions).unwrap() {
                for (entry, turn) in (0..turns).flat_map(|_| turn()).zip(1..) {
                    floor.append(thread, turn, &entry).await;
                }
            }
            per_turn(before, floor.bytes().await)
        });
        println!(
            "| bytes per turn in tables / log, threads of {turns} turns | {} / {} B | {} / {} B | {:.2} / {:.2} |",
            of_floor.0,
            of_floor.1,
            of_ours.0,
            of_ours.1,
            of_ours.0 as f64 / of_floor.0 as f64,
            of_ours.1 as f64 / of_floor.1 as f64,
        );
    }
}

pub(crate) fn load(runtime: &Runtime, url: &str) {
    let schema = schema();
    let fill = runtime.block_on(open_to_fill(url, &schema));
    let threads = [0, 1, 10, 100].map(|depth| (depth, runtime.block_on(forked(&fill, 1_000, depth))));
    drop(fill);
    let (store, floor) = (runtime.block_on(open(url, &schema)), Floor::open(url, &schema));
    let number = floor.statement("select no from maestro.threads where id = $1");
    for (depth, thread) in threads {
        let no: i64 = runtime.block_on(floor.one(sqlx::query(number).bind(thread.uuid()))).get(0);
        let load = |range| {
            let lineage = runtime.block_on(store.lineage(thread, range)).unwrap();
            black_box(lineage);
        };
        let last = LineageRange::Last(NonZeroU32::new(20).unwrap());
        let ours = runtime.block_on(store.lineage(thread, LineageRange::All)).unwrap().entries;
        assert_eq!((ours.len(), runtime.block_on(floor.load(no, 1)).len()), (2_000, 2_000));
        compare(
            &format!("load of 1,000 turns (2,000 entries), depth {depth}"),
            100,
            || drop(black_box(runtime.block_on(floor.load(no, 1)))),
            || load(LineageRange::All),
        );
        compare(
            &format!("the last 20 entries, depth {depth}"),
            1_000,
            || drop(black_box(runtime.block_on(floor.load(no, 1_981)))),
            || load(last),
        );
    }
}

pub(crate) fn fork(runtime: &Runtime, url: &str) {
    for turns in [10, 5_000] {
        let schema = schema();
        let fill = runtime.block_on(open_to_fill(url, &schema));
        let mut head = runtime.block_on(session(&fill, 0));
        runtime.block_on(append_turns(&fill, &mut head, turns));
        drop(fill);
        let (store, floor) = (runtime.block_on(open(url, &schema)), Floor::open(url, &schema));
        let from = head.entry_id.unwrap();
        let turn_index = 2 * turns as i64;
        let insert = floor.statement(
            "insert into maestro.threads (
               id, session_no, parent_no, fork_turn, fork_entry_id, head_turn, head_entry_id, inserted_at, updated_at
             )
             values ($1, 1, 1, $2, $3, $2, $3, $4, $4)",
        );
        compare(
            &format!("fork at turn {turns}"),
            400,
            || {
                let query = sqlx::query(insert).bind(Uuid::now_v7()).bind(turn_index).bind(from.uuid());
                runtime.block_on(floor.done(query.bind(NOW.micros())));
            },
            || {
                black_box(runtime.block_on(make_fork(&store, from)));
            },
        );
        let with_entry = floor.statement(
            "with t as (
               insert into maestro.threads (
                 id, session_no, parent_no, fork_turn, fork_entry_id, head_turn, head_entry_id, inserted_at, updated_at
               )
               values ($1, 1, 1, $2 - 1, $3, $2, $5, $4, $4)
               returning no
             ), e as (
               insert into maestro.entries (
                 thread_no, turn_index, id, actor, state, edit_version, inserted_at, updated_at, body
               )
               select no, $2, $5, 'assistant', 'complete', 2, $4, $4, $6 from t
             )
             update maestro.sessions set latest_entry_id = $5, last_used_at = $4 where no = 1",
        );
        compare(
            &format!("edit at turn {turns}"),
            400,
            || {
                let [_, entry] = turn();
                let query = sqlx::query(with_entry).bind(Uuid::now_v7()).bind(turn_index).bind(from.uuid());
                let query = query.bind(NOW.micros()).bind(entry.id.uuid());
                let body = serde_json::to_string(&entry.content).unwrap();
                runtime.block_on(floor.done(query.bind(body)));
            },
            || {
                let [_, entry] = turn();
                let edit = NewEdit { thread_id: Id::new(), edited: from, label: None, entry };
                drop(runtime.block_on(store.thread_edit(edit)).unwrap());
            },
        );
    }
}

pub(crate) fn journal(runtime: &Runtime, url: &str) {
    let schema = schema();
    let store = runtime.block_on(open(url, &schema));
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
    for synchronous in ["off", "on"] {
        let url = format!("{url}&options=-csynchronous_commit%3D{synchronous}");
        let (floor, next, other) = (Floor::open(&url, &schema), Cell::new(0_i64), Uuid::now_v7());
        let insert = floor.statement(
            "insert into maestro.journal (entry_id, seq, writer_until, data) values ($1, $2, $3, $4)",
        );
        compare(
            &format!("journal chunk of 100 B, floor at synchronous_commit = {synchronous}"),
            500,
            || {
                next.set(next.get() + 1);
                let query = sqlx::query(insert).bind(other).bind(next.get()).bind(NOW.micros());
                runtime.block_on(floor.done(query.bind(chunk.as_bytes())));
            },
            &mut extend,
        );
    }
}

pub(crate) fn lookup(runtime: &Runtime, url: &str) {
    let schema = schema();
    let (fill, vault) = (runtime.block_on(open_to_fill(url, &schema)), Vault::new(VaultKey::generate()));
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
        runtime.block_on(fill.auth_create(new)).unwrap();
    }
    drop(fill);
    let (store, floor, wanted) =
        (runtime.block_on(open(url, &schema)), Floor::open(url, &schema), reference(500));
    let select = floor.statement(
        "select id, credentials, expires_at, lease_holder, lease_until, revision, inserted_at, updated_at
         from maestro.authentications where provider = $1 and auth_type = $2 and name = $3",
    );
    compare(
        "lookup of a credential by name, opened",
        3_000,
        || {
            let query = sqlx::query(select).bind("anthropic").bind("api_key").bind("account-500");
            let row = runtime.block_on(floor.one(query));
            let sealed = SealedCredentials::from_bytes(row.get(1)).unwrap();
            drop(black_box(vault.open(Id::from_uuid(row.get(0)), &sealed).unwrap()));
        },
        || {
            let found = runtime.block_on(store.auth_find(&wanted)).unwrap();
            drop(black_box(vault.open(found.id, &found.credentials).unwrap()));
        },
    );
}

/// Here the first page stands where the floor does elsewhere.
pub(crate) fn pages(runtime: &Runtime, url: &str) {
    let schema = schema();
    let fill = runtime.block_on(open_to_fill(url, &schema));
    for name in 0..10_010 {
        runtime.block_on(session(&fill, name));
    }
    drop(fill);
    let (store, floor) = (runtime.block_on(open(url, &schema)), Floor::open(url, &schema));
    runtime.block_on(floor.done(sqlx::query(floor.statement("analyze maestro.sessions"))));
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

/// A library of 100,000 items, and again the first page where the floor stands elsewhere.
pub(crate) fn items(runtime: &Runtime, url: &str) {
    let schema = schema();
    let store = runtime.block_on(open(url, &schema));
    let floor = Floor::open(url, &schema);
    // As the store writes them; one by one it would take minutes.
    for fill in [
        "insert into maestro.items (id, item_type, name, version, tags, metadata, revision, inserted_at, updated_at)
         select gen_random_uuid(), 'persona', 'item ' || g, 1, '{}', '{}', 1, g, g from generate_series(1, 100000) g",
        "insert into maestro.item_versions (item_id, version, inserted_at, text)
         select id, 1, 0, 'a text about topic' || no % 1000 from maestro.items",
        "insert into maestro.item_words (item_no, part, words)
         select no, 0, array_to_tsvector(array['item', no::text, 'a', 'text', 'about', 'topic' || no % 1000])
         from maestro.items",
        "analyze maestro.items",
        "analyze maestro.item_versions",
        "analyze maestro.item_words",
    ] {
        runtime.block_on(floor.done(sqlx::query(floor.statement(fill))));
    }
    let first = PageRequest::first(PageLimit::new(10).unwrap());
    let by_time = ItemQuery { order: ItemOrder::InsertedAt, ..ItemQuery::default() };
    let list = |query: &ItemQuery, page: &PageRequest| {
        runtime.block_on(store.item_search(query, page.clone())).unwrap()
    };
    let mut far = first.clone();
    for _ in 1..1_000 {
        far = first.clone().after(list(&by_time, &far).next.unwrap());
    }
    compare(
        "page 1,000 of 10 items each, beside page 1",
        1_000,
        || drop(black_box(list(&by_time, &first))),
        || drop(black_box(list(&by_time, &far))),
    );
    let search = |text: &str| ItemQuery { text: text.to_owned(), ..ItemQuery::default() };
    for (what, text, found) in [
        ("a rare word", "topic777", 10),
        ("every item", "item", 10),
        ("two words, one rare", "text topic777", 10),
    ] {
        let query = search(text);
        assert_eq!(list(&query, &first).items.len(), found);
        compare(
            &format!("search of 100,000 items for {what}, beside page 1"),
            200,
            || drop(black_box(list(&by_time, &first))),
            || drop(black_box(list(&query, &first))),
        );
    }
}
