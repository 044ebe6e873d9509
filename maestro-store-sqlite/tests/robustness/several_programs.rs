//! What several programs leave behind beside the file.

use std::{ffi::OsStr, path::Path, sync::Arc};

use maestro_core::{
    ErrorKind, Id, Result, Store,
    conversations::{Conversations as _, NewSession, SessionName},
    page::PageLimit,
    time::{Clock as _, SystemClock},
};
use maestro_store_sqlite::SqliteStore;
use maestro_testkit::processes::{self, Place};

use crate::{locator, open, place, processes::at};

#[tokio::test]
async fn a_new_file_is_made_once_by_the_programs_that_open_it_at_the_same_moment() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let file = directory.path().join(format!("{round}.db"));
        let place = at(locator(&file));
        let mut programs: Vec<_> = (0..6).map(|_| place.start("open", &[])).collect();
        for program in &mut programs {
            assert_eq!(program.next_line().as_deref(), Some("ready"));
        }
        for program in &mut programs {
            program.go();
        }
        for program in programs {
            assert_eq!(program.finish(), ["opened"]);
        }
        place.assert_sound("after all have opened it").await;
        let store = SqliteStore::open(&file).await.unwrap();
        assert_eq!(store.thread_get(Id::new()).await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

#[tokio::test]
async fn the_locks_of_the_dead_are_swept_away() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let store = SqliteStore::open(&file).await.unwrap();
    let now = SystemClock.now();
    let new = NewSession::new(SessionName::new("a session").unwrap(), now);
    let thread = store.session_create(new).await.unwrap().root_thread_id;
    let mut writer = at(locator(&file)).start("hold a stream", &[thread.to_string()]);
    writer.next_line().unwrap();
    assert_eq!(locks(directory.path()), 1);
    writer.kill();
    assert_eq!(store.entry_recover(None, now, PageLimit::default()).await.unwrap().len(), 1);
    assert_eq!(locks(directory.path()), 0, "the lock of the dead is left");
}

/// The crash test can fail: here the last chunk of each journal is gone when the file is opened again.
#[test]
#[should_panic(expected = "has lost chunks")]
fn a_store_that_loses_what_it_acknowledged_is_found_out() {
    async fn open_and_lose(file: String) -> Result<Arc<dyn Store>> {
        let store = open(file.clone()).await?;
        rusqlite::Connection::open(file)
            .unwrap()
            .execute_batch(
                "delete from journal
                 where (entry_no, seq) in (select entry_no, max(seq) from journal group by entry_no)",
            )
            .unwrap();
        Ok(store)
    }
    let at = |file| Place::new(file, "robustness::processes::play", open_and_lose, processes::nothing_more);
    processes::on(place(), at, processes::what_was_acknowledged_outlives_a_kill);
}

fn locks(directory: &Path) -> usize {
    let files = directory.join("m.db-writers").read_dir().into_iter().flatten().flatten();
    files.filter(|file| file.path().extension() == Some(OsStr::new("lock"))).count()
}
