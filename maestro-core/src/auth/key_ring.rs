//! Several keys of one vault, as text that a program can keep (requirement M-A5: rotation without downtime).

use std::{fmt, iter, str::FromStr};

use zeroize::Zeroizing;

use super::{KeyId, Vault, VaultKey};
use crate::error::{Error, FieldError, Result};

/// What stands before a key that is to be the active one later.
const NEXT: char = '+';

/// The keys that a program keeps for its vault: an active one, one that may be prepared to follow it, and older ones.
///
/// All of them open; only the active one seals. As text they are separated by commas or white space: the active key
/// first, then the older ones; the one that is to follow has a `+` before it. One key alone is a ring of one.
///
/// ```
/// use maestro_core::auth::{KeyRing, VaultKey};
///
/// let mut ring = KeyRing::new(VaultKey::generate());
/// let first = ring.active();
/// ring.prepare(VaultKey::generate()); // to be handed to all programs before any of them seals with it
/// let kept: KeyRing = ring.to_text().parse()?;
/// assert_eq!(kept.active(), first);
///
/// ring.turn(); // from here on the prepared key seals
/// assert_eq!(ring.older().collect::<Vec<_>>(), [first]);
/// assert!(kept.vault().holds(ring.active()), "a program that knows the ring from before opens what it seals");
/// # Ok::<(), maestro_core::Error>(())
/// ```
pub struct KeyRing {
    active: VaultKey,
    next: Option<VaultKey>,
    older: Vec<VaultKey>,
}

impl KeyRing {
    /// A ring of one key, which is active.
    pub const fn new(active: VaultKey) -> Self {
        Self { active, next: None, older: Vec::new() }
    }

    /// The key that seals.
    pub fn active(&self) -> KeyId {
        self.active.id()
    }

    /// The key that is prepared to be active later.
    pub fn next(&self) -> Option<KeyId> {
        self.next.as_ref().map(VaultKey::id)
    }

    /// The keys that were active before, the latest first.
    pub fn older(&self) -> impl Iterator<Item = KeyId> {
        self.older.iter().map(VaultKey::id)
    }

    /// Whether it holds the key with this id, in whatever role.
    pub fn holds(&self, key: KeyId) -> bool {
        self.keys().any(|held| held.id() == key)
    }

    /// A vault that seals with the active key and opens with all.
    pub fn vault(&self) -> Vault {
        let others = self.next.iter().chain(&self.older);
        others.fold(Vault::new(self.active.again()), |vault, key| vault.with_older(key.again()))
    }

    /// Adds a key that is to be active later. Nothing happens if one is prepared already, or if it is held.
    pub fn prepare(&mut self, key: VaultKey) {
        if self.next.is_none() && !self.holds(key.id()) {
            self.next = Some(key);
        }
    }

    /// Makes the prepared key active, or a new one if none is prepared. The active key becomes an older one.
    pub fn turn(&mut self) {
        let next = self.next.take().unwrap_or_else(VaultKey::generate);
        self.older.insert(0, std::mem::replace(&mut self.active, next));
    }

    /// Adds the keys of another ring as older ones, as far as they are not held.
    pub fn add_older(&mut self, other: Self) {
        for key in iter::once(other.active).chain(other.next).chain(other.older) {
            if !self.holds(key.id()) {
                self.older.push(key);
            }
        }
    }

    /// Forgets the older keys that are not to be kept. What they sealed can never be opened again without another copy
    /// of them.
    pub fn retain_older(&mut self, mut keep: impl FnMut(KeyId) -> bool) {
        self.older.retain(|key| keep(key.id()));
    }

    /// The ring as text, one key a line, to be kept where only its owner can read it.
    pub fn to_text(&self) -> Zeroizing<String> {
        // Room for everything at once: text that grows leaves copies behind which nobody wipes.
        let mut text = Zeroizing::new(String::with_capacity(64 * (2 + self.older.len())));
        for key in iter::once(&self.active).chain(&self.next).chain(&self.older) {
            if !text.is_empty() {
                text.push('\n');
            }
            if self.next.as_ref().is_some_and(|next| next.id() == key.id()) {
                text.push(NEXT);
            }
            text.push_str(&key.to_text());
        }
        text
    }

    fn keys(&self) -> impl Iterator<Item = &VaultKey> {
        iter::once(&self.active).chain(&self.next).chain(&self.older)
    }
}

impl FromStr for KeyRing {
    type Err = Error;

    /// Reads keys that are separated by commas or white space. A key that stands there twice counts once, where it is
    /// first. [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when there is no key, or something else; the text shows
    /// nothing of it.
    fn from_str(text: &str) -> Result<Self> {
        let invalid = |problem: &str| Error::invalid("read vault keys", [FieldError::new("key", problem)]);
        let words = text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        let mut ring: Option<Self> = None;
        let mut next: Option<VaultKey> = None;
        for word in words {
            if let Some(word) = word.strip_prefix(NEXT) {
                if next.replace(word.parse()?).is_some() {
                    return Err(invalid(
                        "must not be more than one with a + before it: the one to be active next",
                    ));
                }
                continue;
            }
            let key: VaultKey = word.parse()?;
            match &mut ring {
                None => ring = Some(Self::new(key)),
                Some(ring) if ring.holds(key.id()) => {}
                Some(ring) => ring.older.push(key),
            }
        }
        let problem =
            if next.is_some() { "is missing: the active one has no + before it" } else { "is missing" };
        let mut ring = ring.ok_or_else(|| invalid(problem))?;
        if let Some(next) = next {
            ring.prepare(next);
        }
        Ok(ring)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { active, next, older } = self;
        f.debug_struct("KeyRing").field("active", active).field("next", next).field("older", older).finish()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::ErrorKind;

    fn ids(ring: &KeyRing) -> (KeyId, Option<KeyId>, Vec<KeyId>) {
        (ring.active(), ring.next(), ring.older().collect())
    }

    #[test]
    fn a_single_key_is_a_ring_of_one() {
        let key = VaultKey::generate();
        let ring: KeyRing = format!("{}\n", key.to_text().as_str()).parse().unwrap();
        assert_eq!(ids(&ring), (key.id(), None, vec![]));
        assert_eq!(ring.to_text(), key.to_text());
    }

    #[test]
    fn a_prepared_key_follows_and_the_one_before_it_still_opens() {
        let mut ring = KeyRing::new(VaultKey::generate());
        let first = ring.active();
        ring.prepare(VaultKey::generate());
        let second = ring.next().unwrap();
        ring.prepare(VaultKey::generate());
        assert_eq!(ring.next(), Some(second), "what was handed out stays the next one");
        ring.turn();
        assert_eq!(ids(&ring), (second, None, vec![first]));
        ring.turn();
        assert_eq!(ring.older().collect::<Vec<_>>(), [second, first]);
        assert_eq!(ring.vault().active(), ring.active());
        assert!(ring.vault().holds(first) && ring.vault().holds(second));
        ring.retain_older(|_| false);
        assert!(!ring.vault().holds(first));
    }

    #[test]
    fn what_is_no_ring_is_refused_and_not_shown() {
        let key = VaultKey::generate().to_text();
        let key = key.as_str();
        for text in [
            "",
            " , \n",
            "canary",
            &format!("+{key}"),
            &format!("{key},canary"),
            &format!("{key} +{key} +{key}"),
        ] {
            let error = text.parse::<KeyRing>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{text}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("canary") && !shown.contains(key), "{shown}");
        }
    }

    #[test]
    fn a_ring_shows_no_key() {
        let mut ring = KeyRing::new(VaultKey::generate());
        ring.turn();
        ring.prepare(VaultKey::generate());
        let shown = format!("{ring:?} {:?}", ring.vault());
        assert!(ring.to_text().lines().all(|line| !shown.contains(line.trim_start_matches(NEXT))));
    }

    proptest! {
        #[test]
        fn a_ring_is_read_back_as_it_was_written(turns in 0..5_usize, prepared: bool, comma: bool) {
            let mut ring = KeyRing::new(VaultKey::generate());
            (0..turns).for_each(|_| ring.turn());
            if prepared {
                ring.prepare(VaultKey::generate());
            }
            let text = if comma { ring.to_text().replace('\n', ",") } else { ring.to_text().to_string() };
            prop_assert_eq!(ids(&text.parse().unwrap()), ids(&ring));
        }
    }
}
