//! Copying a store.

use std::io;

use maestro_core::{
    Error, ErrorKind, Result,
    archive::{Archive, Record, RecordKey, RecordKind},
    page::PageLimit,
};

use super::keys::{Keys, count};

const OPERATION: &str = "copy store";

/// What is done with a target that holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OntoExisting {
    /// Nothing is copied.
    #[default]
    Refuse,
    /// What is not there is added; what is there stays as it is and is not looked at. So a copy that was stopped goes
    /// on where it was.
    Merge,
}

/// How a store is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyOptions {
    /// What is done with a target that holds something.
    pub onto: OntoExisting,
    /// How many records are written in one step at the most, 1 at the least.
    pub batch_records: usize,
    /// How many bytes of records are gathered before they are written, about. One session is always written whole,
    /// whatever its size.
    pub batch_bytes: u64,
}

impl Default for CopyOptions {
    /// Refuses a target that holds something; up to 256 records and 8 MiB in one step.
    fn default() -> Self {
        Self { onto: OntoExisting::default(), batch_records: 256, batch_bytes: 8 << 20 }
    }
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// What is being copied.
    pub kind: RecordKind,
    /// Records that the source had when the copy began.
    pub records: u64,
    /// Records of the source that are dealt with: those written and those that were there.
    pub done: u64,
    /// Bytes that were written, in the canonical form.
    pub bytes: u64,
}

/// What a copy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Records that were written.
    pub written: u64,
    /// Records that were there already.
    pub present: u64,
    /// Records that were deleted from the source while it was copied.
    pub vanished: u64,
    /// Bytes that were written, in the canonical form.
    pub bytes: u64,
}

/// Copies every record of a store into another: authentications (their credentials stay sealed, so the same vault key
/// opens them), items, sessions. Ids, revisions, times and leases are kept.
///
/// Records are written in batches, each in one step. A copy that is stopped or killed leaves whole records; the next one
/// with [`OntoExisting::Merge`] passes over those by their keys alone. `progress` is called after each batch. The memory
/// it takes is that of one batch.
///
/// Both stores may be in use meanwhile. What changes in the source behind the copy is not noticed by it, but by the
/// [`verify`](super::verify) that should follow.
///
/// [`Conflict`](ErrorKind::Conflict) when the target holds something and that is refused, or when a name or an id is taken
/// there by another record; [`NotFound`](ErrorKind::NotFound) when the source changes so that a session comes before what
/// it refers to; [`Invalid`](ErrorKind::Invalid) when a record of the source contradicts itself. What was written before
/// the error stays.
pub async fn copy(
    from: &dyn Archive,
    to: &dyn Archive,
    options: &CopyOptions,
    progress: &mut (dyn FnMut(CopyProgress) + Send),
) -> Result<Copied> {
    if options.onto == OntoExisting::Refuse {
        refuse_existing(to).await?;
    }
    let mut records = 0;
    for kind in RecordKind::ALL {
        records += count(from, kind).await?;
    }
    let mut copy =
        Copy { to, options, progress, records, batch: Batch::default(), copied: Copied::default() };
    for kind in RecordKind::ALL {
        let mut there = Keys::of(to, kind);
        let mut here = Keys::of(from, kind);
        while let Some(key) = here.next().await? {
            if is_next(&mut there, key).await? {
                copy.copied.present += 1;
                continue;
            }
            match from.record_get(key).await {
                Ok(record) => copy.add(record).await?,
                Err(error) if error.kind() == ErrorKind::NotFound => copy.copied.vanished += 1,
                Err(error) => return Err(error),
            }
        }
        copy.flush(kind).await?;
    }
    Ok(copy.copied)
}

async fn refuse_existing(to: &dyn Archive) -> Result<()> {
    for kind in RecordKind::ALL {
        if let Some(key) = to.record_keys(kind, None, PageLimit::new(1)?).await?.first() {
            return Err(Error::new(ErrorKind::Conflict, OPERATION)
                .because(format!("the target is not empty: it holds {key}"))
                .advise("name an empty store, or merge into this one, which also goes on with a copy that was stopped"));
        }
    }
    Ok(())
}

/// Whether a key is among the others, of which those before it are passed over.
async fn is_next(keys: &mut Keys<'_>, wanted: RecordKey) -> Result<bool> {
    while let Some(key) = keys.peek().await? {
        if key >= wanted {
            return Ok(key == wanted);
        }
        keys.next().await?;
    }
    Ok(false)
}

struct Copy<'a> {
    to: &'a dyn Archive,
    options: &'a CopyOptions,
    progress: &'a mut (dyn FnMut(CopyProgress) + Send),
    records: u64,
    batch: Batch,
    copied: Copied,
}

#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    bytes: u64,
}

impl Copy<'_> {
    async fn add(&mut self, record: Record) -> Result<()> {
        let kind = record.key().kind();
        self.batch.bytes += size(&record)?;
        self.batch.records.push(record);
        let is_full = self.batch.records.len() >= self.options.batch_records
            || self.batch.bytes >= self.options.batch_bytes;
        if is_full { self.flush(kind).await } else { Ok(()) }
    }

    async fn flush(&mut self, kind: RecordKind) -> Result<()> {
        let Batch { records, bytes } = std::mem::take(&mut self.batch);
        if !records.is_empty() {
            let restored = self.to.record_restore(&records).await.map_err(changed_meanwhile)?;
            self.copied.written += restored.written;
            self.copied.present += restored.present;
            self.copied.bytes += bytes;
        }
        let Copied { written, present, vanished, bytes } = self.copied;
        let done = written + present + vanished;
        (self.progress)(CopyProgress { kind, records: self.records.max(done), done, bytes });
        Ok(())
    }
}

/// What a session refers to was copied before it; where it is not there, it has come since.
fn changed_meanwhile(error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => error
            .advise("the source has changed while it was copied: copy once more, merging into the target"),
        _ => error,
    }
}

/// The bytes of a record in its canonical form.
fn size(record: &Record) -> Result<u64> {
    struct Counter(u64);

    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let mut counter = Counter(0);
    record.write_lines(&mut counter)?;
    Ok(counter.0)
}
