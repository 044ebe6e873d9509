//! The form of API keys.

use maestro_core::{Error, FieldError, Result, Secret};

/// The shortest text that is taken for a key.
const MIN_LENGTH: usize = 8;

/// Beginnings by which a key tells whose it is. Longer ones first: `sk-ant-` also begins with `sk-`.
const OWNERS: [(&str, &str); 7] = [
    ("sk-ant-", "anthropic"),
    ("sk-or-", "openrouter"),
    ("sk-proj-", "openai"),
    ("sk-svcacct-", "openai"),
    ("AIza", "gemini"),
    ("gsk_", "groq"),
    ("xai-", "xai"),
];

/// Checks that a text can be a key of `provider`: it is long enough, and does not begin like a key of somebody else.
/// Keys of forms that nobody has seen yet pass. [`Invalid`](maestro_core::ErrorKind::Invalid) says what is wrong.
pub(crate) fn check(provider: &'static str, key: &Secret) -> Result<()> {
    let text = key.reveal();
    let problem = if text.len() < MIN_LENGTH {
        format!("is shorter than {MIN_LENGTH} characters")
    } else if !text.bytes().all(|b| b.is_ascii_graphic()) {
        "holds a character that no header may".to_owned()
    } else {
        match OWNERS.into_iter().find(|(start, _)| text.starts_with(start)) {
            Some((start, owner)) if owner != provider => {
                format!("begins with {start}, as the keys of {owner} do, not those of {provider}")
            }
            _ => return Ok(()),
        }
    };
    Err(Error::invalid("check an API key", [FieldError::new("key", problem)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_be_a_key_is_refused() {
        let check = |provider, key: &str| check(provider, &Secret::new(key).unwrap());
        for provider in ["anthropic", "openai", "gemini"] {
            assert!(check(provider, "sandbox-key").is_ok());
            assert!(check(provider, "a-form-of-tomorrow").is_ok());
            assert!(check(provider, "short").is_err());
        }
        assert!(check("openai", "sk-proj-abcdefgh").is_ok());
        assert!(check("openai", "sk-abcdefgh").is_ok());
        let error = check("openai", "sk-ant-api03-canary").unwrap_err().to_string();
        assert!(error.contains("keys of anthropic") && !error.contains("canary"), "{error}");
        assert!(check("gemini", "sk-ant-api03-canary").is_err());
        assert!(check("anthropic", "AIzaSyD-12345").is_err());
    }
}
