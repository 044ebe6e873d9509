//! The collection of old versions: for each version of a store's schema a dump of a rich store, and what must be read from
//! it when it has been brought up to date.
//!
//! A directory holds two files for each version: `0001.sql`, a dump in the database's own language that people can read,
//! and `0001.jsonl`, the [canonical lines](maestro_core::archive::canonical) of its records as the present program reads
//! them. A store's test loads each dump, opens it, and compares; `tests/upgrade/` of the SQLite and of the Postgres store show
//! it whole.
//!
//! Whoever adds a step to a schema adds to the collection:
//!
//! 1. Bring a new store to the new version, fill it ([`fill`], or [`refill`] with what the version before holds), and write
//!    both files. Stores have an ignored test for that, which never overwrites a file.
//! 2. Read the new dump. Write by hand into it what only old programs can have left behind.
//! 3. Run the upgrade test. Where the step changes what is read from older dumps, change their `.jsonl` by hand: that
//!    change is what the step does to people's data.

use std::{
    fs,
    path::{Path, PathBuf},
};

use maestro_core::{
    Result, Store,
    archive::{Archive, RecordKind, Restored, canonical::RecordReader},
    page::PageLimit,
};

use crate::suite::archive;

/// A directory with dumps of each version.
#[derive(Debug, Clone)]
pub struct Collection {
    directory: PathBuf,
}

impl Collection {
    /// The collection in a directory.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// The file of a version's dump.
    pub fn dump(&self, version: u32) -> PathBuf {
        self.directory.join(format!("{version:04}.sql"))
    }

    /// The file of what must be read from it.
    pub fn contents(&self, version: u32) -> PathBuf {
        self.directory.join(format!("{version:04}.jsonl"))
    }

    /// The versions up to `present` of which a file is missing.
    pub fn missing(&self, present: u32) -> Vec<u32> {
        let is_there = |path: &Path| path.is_file();
        (1..=present)
            .filter(|version| !is_there(&self.dump(*version)) || !is_there(&self.contents(*version)))
            .collect()
    }

    /// Adds a version. Files that are there already stay as they are: they are the past.
    ///
    /// # Panics
    ///
    /// When a file is there, or cannot be written.
    #[expect(clippy::unwrap_used, reason = "called by tests, which fail by panicking")]
    pub fn add(&self, version: u32, dump: &str, contents: &str) {
        for (path, text) in [(self.dump(version), dump), (self.contents(version), contents)] {
            assert!(!path.exists(), "{} is there already", path.display());
            fs::write(path, text).unwrap();
        }
    }
}

/// Every record of a store, as canonical lines.
pub async fn contents(store: &dyn Archive) -> Result<String> {
    let mut lines = Vec::new();
    for kind in RecordKind::ALL {
        let mut last = None;
        loop {
            let keys = store.record_keys(kind, last, PageLimit::default()).await?;
            for key in &keys {
                store.record_get(*key).await?.write_lines(&mut lines)?;
            }
            last = keys.last().copied();
            if last.is_none() {
                break;
            }
        }
    }
    Ok(String::from_utf8_lossy(&lines).into_owned())
}

/// Fills a new store so that every field of every record is set somewhere: with forks, edits, marks, old versions, a lease
/// and an answer that is streaming.
pub async fn fill(store: &dyn Store) {
    archive::fill(store).await;
}

/// Writes what [`contents`] read into a store.
pub async fn refill(store: &dyn Archive, contents: &str) -> Result<Restored> {
    let (mut reader, mut records) = (RecordReader::new(), Vec::new());
    for line in contents.lines() {
        records.extend(reader.push(line)?);
    }
    records.extend(reader.finish()?);
    store.record_restore(&records).await
}
