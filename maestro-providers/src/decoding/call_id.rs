//! Ids for calls to which their provider gave none.

use std::fmt::Write as _;

use compact_str::CompactString;
use sha2::{Digest, Sha256};

/// The id of the `ordinal`th call of an answer: `call_` and 24 hexadecimal digits, which every provider accepts.
///
/// It depends on its arguments alone, so that the same answer gives the same ids however it was cut. It is as unique as
/// `seed` and `response_id` together.
pub(crate) fn made_up(seed: &str, response_id: Option<&str>, ordinal: u32) -> CompactString {
    let mut hash = Sha256::new();
    for field in [seed, response_id.unwrap_or_default()] {
        hash.update(field);
        hash.update([0]);
    }
    hash.update(ordinal.to_be_bytes());
    let mut id = CompactString::const_new("call_");
    for byte in &hash.finalize()[..12] {
        // Writing to a string cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_depends_on_seed_answer_and_place_alone() {
        let id = made_up("s", Some("r"), 0);
        assert_eq!(id, made_up("s", Some("r"), 0));
        assert_eq!(id.len(), 29);
        for other in [made_up("", Some("sr"), 0), made_up("s", Some("r"), 1), made_up("s", None, 0)] {
            assert_ne!(id, other);
        }
    }
}
