//! What all names of one line have in common.

use crate::error::{Error, FieldError, Result};

/// Cuts white space off and checks that 1 to `most` characters are left, none of them a control character.
pub(crate) fn one_line(operation: &'static str, field: &str, text: &str, most: usize) -> Result<String> {
    let text = text.trim();
    let length = text.chars().count();
    let problem = if !(1..=most).contains(&length) {
        format!("must be 1 to {most} characters long, not {length}")
    } else if text.chars().any(char::is_control) {
        "must be on one line, without control characters".to_owned()
    } else {
        return Ok(text.to_owned());
    };
    Err(Error::invalid(operation, [FieldError::new(field, problem)]))
}

/// The conversions of a checked text, for types with `new` and `as_str`.
macro_rules! text_traits {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = crate::error::Error;
            fn try_from(text: String) -> crate::error::Result<Self> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }
        impl std::str::FromStr for $name {
            type Err = crate::error::Error;
            fn from_str(text: &str) -> crate::error::Result<Self> {
                Self::new(text)
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(crate) use text_traits;
