//! Something else where the file should be: each a clear refusal that names the file, in bounded time.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use maestro_core::{
    Error, ErrorKind, Id,
    archive::Archive as _,
    chat::{Part, Role},
    conversations::{
        Conversations as _, LineageRange, NewChatEntry, NewSession, SessionName, Thread, ThreadHead,
    },
    time::{Clock as _, SystemClock},
};
use maestro_store_sqlite::SqliteStore;
use rusqlite::Connection;

/// How the store refuses a file. It may wait for a lock for 300 ms.
async fn refusal(file: &Path) -> Error {
    let begun = Instant::now();
    let opened = SqliteStore::builder(file).busy_timeout(Duration::from_millis(300)).open().await;
    let Err(error) = opened else { panic!("it should have been refused") };
    assert!(begun.elapsed() < Duration::from_secs(3), "it took {:?} to say {error}", begun.elapsed());
    error
}

/// Checks the kind of a refusal, that it names the file, and that it says what to do.
#[track_caller]
fn assert_refusal(error: &Error, kind: ErrorKind, file: &Path, words: &str) {
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    assert!(text.contains(file.to_str().unwrap()), "it does not name {}: {text}", file.display());
    assert!(text.contains(words), "it does not say \"{words}\": {text}");
    assert!(kind == ErrorKind::Invalid || error.advice().is_some(), "it does not say what to do: {text}");
}

/// A closed store with a thread of 300 entries.
async fn filled(file: &Path) -> Id<Thread> {
    let store = SqliteStore::open(file).await.unwrap();
    let thread = new_session(&store).await;
    let mut head = head_of(&store, thread).await;
    for _ in 0..300 {
        head.entry_id = Some(store.entry_append(head, new_entry()).await.unwrap().id);
    }
    thread
}

/// A new session, with its first thread.
async fn new_session(store: &SqliteStore) -> Id<Thread> {
    let new = NewSession::new(SessionName::new("a session").unwrap(), SystemClock.now());
    store.session_create(new).await.unwrap().root_thread_id
}

async fn head_of(store: &SqliteStore, thread: Id<Thread>) -> ThreadHead {
    store.thread_get(thread).await.unwrap().head()
}

/// An entry of up to a page of text.
fn new_entry() -> NewChatEntry {
    let mut new = NewChatEntry::new(Role::User, Vec::new(), SystemClock.now());
    let text = format!("{} {}", new.id, "all work and no play ".repeat(new.id.as_bytes()[15].into()));
    new.content.parts = vec![Part::text(text)];
    new
}

/// Bytes without any order, always the same.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    for content in [noise(20_000, 1), noise(600, 2), b"# Notes\n\nnot a database\n".repeat(100)] {
        fs::write(&file, &content).unwrap();
        assert_refusal(&refusal(&file).await, ErrorKind::Unsupported, &file, "not a SQLite database");
        assert_eq!(fs::read(&file).unwrap(), content);
    }
}

#[tokio::test]
async fn a_path_that_can_be_no_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    assert_refusal(&refusal(path).await, ErrorKind::Invalid, path, "is a directory");
    let file = path.join("nowhere/m.db");
    assert_refusal(&refusal(&file).await, ErrorKind::Unavailable, &file, "its directory does not exist");
    let file = path.join("a file");
    fs::write(&file, "").unwrap();
    let file = file.join("m.db");
    assert_refusal(&refusal(&file).await, ErrorKind::Unavailable, &file, "its directory does not exist");
}

#[tokio::test]
async fn a_file_of_a_newer_version_or_of_another_program_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let newer = directory.path().join("newer.db");
    filled(&newer).await;
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let other = directory.path().join("other.db");
    Connection::open(&other)
        .unwrap()
        .execute_batch("pragma application_id = 77; create table albums (title text)")
        .unwrap();
    let unnamed = directory.path().join("unnamed.db");
    Connection::open(&unnamed)
        .unwrap()
        .execute_batch("pragma user_version = 5; create table albums (title text)")
        .unwrap();
    for (file, words) in [
        (&newer, "newer version of Maestro (schema 99"),
        (&other, "belongs to another program"),
        (&unnamed, "belongs to another program"),
    ] {
        let before = fs::read(file).unwrap();
        assert_refusal(&refusal(file).await, ErrorKind::Unsupported, file, words);
        assert_eq!(fs::read(file).unwrap(), before, "{} was changed", file.display());
    }
}

#[tokio::test]
async fn a_damaged_file_is_told_of_and_never_a_panic() {
    let directory = tempfile::tempdir().unwrap();
    let whole = directory.path().join("whole.db");
    let thread = filled(&whole).await;
    let content = fs::read(&whole).unwrap();
    let pages = content.len() / 4_096;
    let file = directory.path().join("m.db");

    for kept in [100, 4_096, 3 * 4_096, content.len() / 2, content.len() - 4_096] {
        fs::write(&file, &content[..kept]).unwrap();
        assert!(is_told(&file, thread).await, "cut off after {kept} bytes");
    }
    // The end of the last page may be unused; then nothing is missing.
    fs::write(&file, &content[..content.len() - 100]).unwrap();
    is_told(&file, thread).await;

    let mut told = 0;
    for page in 0..pages {
        let mut damaged = content.clone();
        damaged[page * 4_096..][..4_096].copy_from_slice(&noise(4_096, page as u64));
        fs::write(&file, damaged).unwrap();
        told += usize::from(is_told(&file, thread).await);
    }
    // The pages that hold nothing but the rest of a long text have no form that could be wrong.
    assert!(told * 10 >= pages * 9, "of {pages} damaged pages, {told} were told of");
}

/// Whether opening, checking, reading or writing a file tells that it is damaged.
async fn is_told(file: &Path, thread: Id<Thread>) -> bool {
    let damaged = |error: Error| {
        assert!(
            matches!(error.kind(), ErrorKind::Internal | ErrorKind::Unsupported | ErrorKind::NotFound),
            "{error}"
        );
        assert!(!error.to_string().contains("has a fault"), "something panicked: {error}");
        true
    };
    let told = match SqliteStore::open(file).await {
        Err(error) => {
            assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
            damaged(error)
        }
        Ok(store) => {
            let checked = store.check().await.map_or_else(damaged, |problems| !problems.is_empty());
            let read = store.lineage(thread, LineageRange::All).await.map_or_else(damaged, |_| false);
            let head = store.thread_get(thread).await.map(|thread| thread.head());
            let written = match head {
                Ok(head) => store.entry_append(head, new_entry()).await.map_or_else(damaged, |_| false),
                Err(error) => damaged(error),
            };
            checked || read || written
        }
    };
    for name in ["m.db-wal", "m.db-shm"] {
        let _ = fs::remove_file(file.with_file_name(name));
    }
    told
}

#[tokio::test]
async fn a_file_that_another_program_keeps_to_itself_is_waited_for_and_then_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    // A database in SQLite's older mode, as other programs make them, then one of ours.
    for mode in ["delete", "wal"] {
        let holder = Connection::open(&file).unwrap();
        holder.pragma_update(None, "journal_mode", mode).unwrap();
        holder
            .execute_batch("pragma locking_mode = exclusive; begin exclusive; create table held (a)")
            .unwrap();
        assert_refusal(&refusal(&file).await, ErrorKind::Unavailable, &file, "locked");
        drop(holder);
    }
    let store = SqliteStore::open(&file).await.unwrap();
    assert_eq!(store.check().await.unwrap(), [], "once it is let go it can be used");
}

#[tokio::test]
async fn a_write_lock_that_is_not_given_back_fails_writes_and_no_reads() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let store = SqliteStore::builder(&file).busy_timeout(Duration::from_millis(200)).open().await.unwrap();
    let thread = new_session(&store).await;
    let head = head_of(&store, thread).await;
    let holder = Connection::open(&file).unwrap();
    holder.execute_batch("begin immediate").unwrap();
    let error = store.entry_append(head, new_entry()).await.unwrap_err();
    assert_refusal(&error, ErrorKind::Unavailable, &file, "locked for too long");
    assert_eq!(head_of(&store, thread).await, head);
    holder.execute_batch("rollback").unwrap();
    store.entry_append(head, new_entry()).await.unwrap();
}

#[cfg(target_os = "linux")]
mod permissions {
    use std::{
        env,
        os::unix::{
            fs::{MetadataExt as _, PermissionsExt as _},
            process::CommandExt as _,
        },
        process::Command,
    };

    use maestro_testkit::processes::Program;

    use super::*;
    use crate::locator;

    /// What the store says to a user who may only do what everybody may: nobody, if the tests run as root, whom no
    /// permission binds. `directory` must be open to everybody.
    fn said_to_nobody(directory: &Path, file: &Path) -> String {
        // The binary may lie where nobody else can look.
        let binary = directory.join("program");
        if !binary.exists() {
            fs::copy(env::current_exe().unwrap(), &binary).unwrap();
        }
        let mut command = Command::new(&binary);
        command.current_dir(directory);
        // The copy belongs to whoever runs the tests.
        if binary.metadata().unwrap().uid() == 0 {
            command.uid(65_534).gid(65_534);
        }
        let mut program = Program::run(command, "processes::play", "open", &locator(file), &[]);
        assert_eq!(program.next_line().as_deref(), Some("ready"), "the test cannot act as another user");
        program.go();
        program.finish().join("\n")
    }

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[tokio::test]
    async fn a_file_or_directory_that_may_not_be_written_or_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        allow(directory.path(), 0o755);
        let inner = directory.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let file = inner.join("m.db");
        for (inner_mode, file_mode, words) in [
            (0o777, 0o444, "may only be read"),
            (0o555, 0o666, "right to write the file and its directory"),
            (0o777, 0o000, "cannot be opened"),
            (0o555, 0o000, "cannot be opened"),
        ] {
            allow(&inner, 0o777);
            let _ = fs::remove_file(&file);
            filled(&file).await;
            allow(&file, file_mode);
            allow(&inner, inner_mode);
            let said = said_to_nobody(directory.path(), &file);
            let right = said.starts_with("unavailable ") && said.contains(words);
            assert!(right && said.contains(file.to_str().unwrap()), "{inner_mode:o} {file_mode:o}: {said}");
        }
        allow(&inner, 0o555);
        let file = inner.join("new.db");
        let said = said_to_nobody(directory.path(), &file);
        assert!(
            said.starts_with("unavailable ") && said.contains("check that its directory exists"),
            "{said}"
        );
        allow(&inner, 0o777);
    }
}
