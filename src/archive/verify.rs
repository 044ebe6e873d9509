//! Comparing two stores.

use maestro_core::{
    ErrorKind, Result,
    archive::{Archive, ContentHash, ContentHasher, Record, RecordKey, RecordKind},
};

use super::{difference::differing, keys::Keys};

/// What is told while two stores are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verifying {
    /// This record has been compared.
    Compared(RecordKey),
    /// The stores differ here.
    Differs(Difference),
}

/// Where two stores differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Only the first store has the record.
    OnlyInFirst(RecordKey),
    /// Only the second store has the record.
    OnlyInSecond(RecordKey),
    /// Both have the record, and not the same.
    Record {
        /// The record.
        key: RecordKey,
        /// What differs in it, such as `revision` or `entry 0199…: content.parts`; the first 20 of them.
        at: Vec<String>,
    },
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Of each kind, in the order of [`RecordKind::ALL`].
    pub kinds: Vec<KindCompared>,
    /// How many differences there are.
    pub differences: u64,
}

impl Compared {
    /// Whether both stores hold the same.
    pub const fn is_equal(&self) -> bool {
        self.differences == 0
    }
}

/// What the comparison of a kind came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindCompared {
    /// The kind.
    pub kind: RecordKind,
    /// How many records each store has.
    pub records: (u64, u64),
    /// The hash over the keys and content hashes of all records of each store. They are equal if the stores are.
    pub hashes: (ContentHash, ContentHash),
}

/// Reads all records of two stores side by side and tells where they differ. The memory that it takes is that of one
/// session of each.
///
/// Both stores may be in use; then what changes meanwhile can be told as a difference.
/// [`Internal`](ErrorKind::Internal) when a record cannot be read.
pub async fn verify(
    first: &dyn Archive,
    second: &dyn Archive,
    told: &mut (dyn FnMut(Verifying) + Send),
) -> Result<Compared> {
    let mut compared = Compared { kinds: Vec::new(), differences: 0 };
    for kind in RecordKind::ALL {
        let mut tell = |verifying: Verifying| {
            compared.differences += u64::from(matches!(verifying, Verifying::Differs(_)));
            told(verifying);
        };
        compared.kinds.push(verify_kind(first, second, kind, &mut tell).await?);
    }
    Ok(compared)
}

async fn verify_kind(
    first: &dyn Archive,
    second: &dyn Archive,
    kind: RecordKind,
    told: &mut (dyn FnMut(Verifying) + Send),
) -> Result<KindCompared> {
    let (mut here, mut there) = (Keys::of(first, kind), Keys::of(second, kind));
    let (mut first_total, mut second_total) = (Total::default(), Total::default());
    loop {
        let key = match (here.peek().await?, there.peek().await?) {
            (Some(here), Some(there)) => here.min(there),
            (Some(key), None) | (None, Some(key)) => key,
            (None, None) => break,
        };
        let one = take(&mut here, first, key).await?;
        let other = take(&mut there, second, key).await?;
        let hashes = (first_total.add(key, one.as_ref())?, second_total.add(key, other.as_ref())?);
        let difference = match (one, other) {
            (Some(_), None) => Some(Difference::OnlyInFirst(key)),
            (None, Some(_)) => Some(Difference::OnlyInSecond(key)),
            (Some(one), Some(other)) if hashes.0 != hashes.1 => {
                Some(Difference::Record { key, at: differing(&one, &other)? })
            }
            _ => None,
        };
        if let Some(difference) = difference {
            told(Verifying::Differs(difference));
        }
        told(Verifying::Compared(key));
    }
    Ok(KindCompared {
        kind,
        records: (first_total.records, second_total.records),
        hashes: (first_total.hasher.finish(), second_total.hasher.finish()),
    })
}

/// The record with this key, if it is the next one and has not been deleted since.
async fn take(keys: &mut Keys<'_>, store: &dyn Archive, key: RecordKey) -> Result<Option<Record>> {
    if keys.peek().await? != Some(key) {
        return Ok(None);
    }
    keys.next().await?;
    match store.record_get(key).await {
        Ok(record) => Ok(Some(record)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[derive(Default)]
struct Total {
    records: u64,
    hasher: ContentHasher,
}

impl Total {
    fn add(&mut self, key: RecordKey, record: Option<&Record>) -> Result<Option<ContentHash>> {
        let Some(record) = record else { return Ok(None) };
        let hash = record.content_hash()?;
        self.records += 1;
        self.hasher.update(key.uuid().as_bytes());
        self.hasher.update(hash.as_bytes());
        Ok(Some(hash))
    }
}
