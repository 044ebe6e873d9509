//! Short names for ids: `s1`, `t2`, `e3` instead of UUIDs.

use std::fmt;

use maestro_core::{
    Id,
    auth::{Holder, SavedAuthentication},
    conversations::{ChatEntry, Session, Thread},
    supplied_context::Item,
};
use uuid::Uuid;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident of $entity:ty = $letter:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
            pub(super) struct $name(pub(super) u8);

            impl $name {
                /// The id that it stands for, the same in every program.
                pub(super) fn id(self) -> Id<$entity> {
                    Id::from_uuid(uuid($letter, self.0))
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}{}", $letter, self.0)
                }
            }
        )*

        /// A text with the short names in place of the ids.
        pub(super) fn shorten(text: &str) -> String {
            let mut text = text.to_owned();
            for letter in [$($letter),*] {
                for number in 0..=MOST {
                    text = text.replace(&uuid(letter, number).to_string(), &format!("{letter}{number}"));
                }
            }
            text
        }
    };
}

names! {
    /// A saved authentication.
    A of SavedAuthentication = 'a';
    /// An item.
    I of Item = 'i';
    /// A session.
    S of Session = 's';
    /// A thread.
    T of Thread = 't';
    /// An entry.
    E of ChatEntry = 'e';
    /// A program that holds leases and writes.
    H of Holder = 'h';
}

/// The greatest number that a name has.
pub(super) const MOST: u8 = 40;

/// Ids do not sort by their numbers, so that an order by id and one by creation are never the same by chance.
fn uuid(letter: char, number: u8) -> Uuid {
    let mixed = (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Uuid::from_u64_pair(mixed, u64::from(u32::from(letter)) << 8 | u64::from(number))
}
