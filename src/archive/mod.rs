//! Moving data between stores: copying a store, comparing two, and sessions as files.
//!
//! All of it works over [`Archive`], so any two stores will do.
//!
//! ```
//! use maestro::{MemoryStore, archive::{CopyOptions, copy, verify}, prelude::*};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> maestro::Result<()> {
//! let (from, to) = (MemoryStore::new(), MemoryStore::new());
//! from.session_create(NewSession::new(SessionName::new("talk")?, maestro::core::time::Timestamp::from_micros(0))).await?;
//!
//! let copied = copy(&from, &to, &CopyOptions::default(), &mut |_| ()).await?;
//! assert_eq!(copied.written, 1);
//! assert!(verify(&from, &to, &mut |_| ()).await?.is_equal());
//! # Ok(())
//! # }
//! ```
//!
//! `docs/moving-data.md` shows the same on the command line, and the format of files.

mod copy;
mod difference;
mod import;
mod keys;
mod session_file;
mod verify;

pub use maestro_core::archive::{Archive, ContentHash, RecordKey, RecordKind, StoreStats, Violation};

pub use self::{
    copy::{Copied, CopyOptions, CopyProgress, OntoExisting, copy},
    import::{ImportIds, ImportNotice, Imported},
    session_file::{AuthenticationReference, FILE_VERSION, SessionFile},
    verify::{Compared, Difference, KindCompared, Verifying, verify},
};
