//! Claims of tokens, read without checking who signed them.
//!
//! They come from the server itself over TLS, and nothing is granted because of them: they tell when a token ends and
//! whose it is.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use maestro_core::{Secret, auth::OAuthTokens, time::Timestamp};
use serde_json::Value;

/// The longest token that is looked into.
const MAX_TOKEN: usize = 256 << 10;
/// The longest value that is kept; ids and plans are far shorter.
const MAX_VALUE: usize = 256;
/// The last second that counts as a time: the end of the year 9999.
const LAST_SECOND: f64 = 253_402_300_799.0;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The claims of a JWT (RFC 7519); absent when the token is none.
pub(crate) fn of(token: &Secret) -> Option<Value> {
    let text = token.reveal();
    let mut pieces = text.split('.');
    let (_, payload, _) = (pieces.next()?, pieces.next()?, pieces.next()?);
    if text.len() > MAX_TOKEN || pieces.next().is_some() {
        return None;
    }
    let claims: Value = serde_json::from_slice(&BASE64.decode(payload).ok()?).ok()?;
    claims.is_object().then_some(claims)
}

/// The claim `exp` of a token.
pub(crate) fn expiry(token: &Secret) -> Option<Timestamp> {
    let seconds =
        of(token)?.get("exp")?.as_f64().filter(|seconds| *seconds > 0.0 && *seconds <= LAST_SECOND)?;
    #[expect(clippy::cast_possible_truncation, reason = "below 2.6e17, as just checked")]
    Some(Timestamp::from_micros((seconds * 1e6) as i64))
}

/// The text at a pointer in the first source that has one. A number is written out; anything else counts as absent.
pub(crate) fn text<'a>(pointer: &str, sources: impl IntoIterator<Item = &'a Value>) -> Option<String> {
    sources.into_iter().find_map(|source| {
        let text = match source.pointer(pointer)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let text = text.trim();
        (!text.is_empty() && text.len() <= MAX_VALUE).then(|| text.to_owned())
    })
}

/// Whether a claim of the id token, or else of the access token, is `true`.
pub(crate) fn is_true(tokens: &OAuthTokens, pointer: &str) -> bool {
    [tokens.id_token.as_ref(), Some(&tokens.access_token)]
        .into_iter()
        .flatten()
        .find_map(|token| of(token)?.pointer(pointer)?.as_bool())
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    fn token(payload: &str) -> Secret {
        Secret::new(format!("h.{}.s", URL_SAFE_NO_PAD.encode(payload))).unwrap()
    }

    #[test]
    fn claims_are_read_with_and_without_padding() {
        let payload = r#"{"exp":1795237200,"a":{"b":"c?>"}}"#;
        for encoded in [URL_SAFE_NO_PAD.encode(payload), URL_SAFE.encode(payload)] {
            let token = Secret::new(format!("h.{encoded}.s")).unwrap();
            assert_eq!(of(&token).unwrap()["a"]["b"], "c?>");
            assert_eq!(expiry(&token).unwrap().to_string(), "2026-11-21T05:00:00.000000Z");
        }
    }

    #[test]
    fn what_is_no_jwt_has_no_claims() {
        for text in ["opaque", "a.b", "a.b.c", "a.e30.c.d", "..", "a.W10.c", "a.bnVsbA.c"] {
            assert!(of(&Secret::new(text).unwrap()).is_none(), "{text}");
        }
    }

    #[test]
    fn an_absurd_expiry_counts_as_none() {
        for exp in ["-1", "0", "1e30", "\"soon\"", "null", "99999999999999"] {
            assert_eq!(expiry(&token(&format!("{{\"exp\":{exp}}}"))), None, "{exp}");
        }
    }

    #[test]
    fn a_text_is_taken_from_the_first_source_that_has_one() {
        let (first, second) = (serde_json::json!({"plan": "", "n": 7}), serde_json::json!({"plan": "pro"}));
        assert_eq!(text("/plan", [&first, &second]).as_deref(), Some("pro"));
        assert_eq!(text("/n", [&first, &second]).as_deref(), Some("7"));
        assert_eq!(text("/none", [&first, &second]), None);
    }

    proptest! {
        #[test]
        fn no_token_makes_the_reader_panic(text in "[!-~]{1,200}") {
            if let Ok(token) = Secret::new(text) {
                let _ = (of(&token), expiry(&token));
            }
        }
    }
}
