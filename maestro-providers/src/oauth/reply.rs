//! Replies of a token endpoint: from JSON to tokens.
//!
//! A reply may carry the only copy of a new refresh token, with the old one dead already. So what merely decorates it (a
//! lifetime that cannot be, claims that are not there) is passed over with a warning, and only what makes the tokens
//! unusable is an error.

use std::time::Duration;

use maestro_core::{
    Error, ErrorKind, Result, Secret,
    auth::{BoughtKey, OAuthTokens},
    provider::{OAuthProfile, TokenField},
    time::Timestamp,
};
use serde_json::{Map, Value};

use super::{
    ask::Reply,
    claims,
    refusal::{self, Asked},
};

/// The longest lifetime that is believed.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);
/// The most scopes that are kept.
const MAX_SCOPES: usize = 256;

/// Reads the reply to a code or a refresh. What it leaves out is taken from `before`.
pub(super) fn tokens(
    reply: &Reply,
    asked: Asked,
    profile: &OAuthProfile,
    required: &[TokenField],
    before: Option<&OAuthTokens>,
    now: Timestamp,
) -> Result<OAuthTokens> {
    if !reply.status.is_success() {
        return Err(refusal::error(reply, asked));
    }
    let object = reply.object()?;
    if object.contains_key("error") && !object.contains_key("access_token") {
        return Err(refusal::error(reply, asked));
    }
    check_type(reply, &object)?;
    let access = token(reply, &object, TokenField::AccessToken, required)?;
    let refresh = token(reply, &object, TokenField::RefreshToken, required)?;
    let id = token(reply, &object, TokenField::IdToken, required)?;
    if access.is_none() && refresh.is_none() && id.is_none() {
        return Err(reply.error(ErrorKind::Unavailable).because("its answer holds no token"));
    }

    let mut tokens = match (before, access.clone()) {
        (Some(before), access) => {
            let access = access.unwrap_or_else(|| before.access_token.clone());
            OAuthTokens { access_token: access, refused: None, asked: None, ..before.clone() }
        }
        (None, Some(access)) => OAuthTokens::new(access),
        (None, None) => return Err(missing(reply, TokenField::AccessToken)),
    };
    if access.is_some() {
        tokens.expires_at = expiry(&object, profile, &tokens.access_token, now);
        tokens.obtained_at = Some(now);
    }
    tokens.refresh_token = refresh.or(tokens.refresh_token);
    tokens.id_token = id.or(tokens.id_token);
    match object.get("scope").and_then(Value::as_str) {
        Some(scope) => {
            tokens.scopes = scope.split_ascii_whitespace().take(MAX_SCOPES).map(str::to_owned).collect();
        }
        // Left out where all that was asked for is granted (RFC 6749, section 5.1).
        None if before.is_none() => tokens.scopes = profile.scopes.clone(),
        None => {}
    }
    warn_of_less(profile, &tokens.scopes);
    take_claims(&mut tokens, profile, object);
    Ok(tokens)
}

/// Users can grant less than was asked for, and find out when a request is refused. The two scopes that servers give back
/// under other names are passed over.
fn warn_of_less(profile: &OAuthProfile, granted: &[String]) {
    let renamed = ["email", "profile"];
    let missing = |scope: &&String| !renamed.contains(&scope.as_str()) && !granted.contains(scope);
    let missing: Vec<_> = profile.scopes.iter().filter(missing).map(String::as_str).collect();
    if !missing.is_empty() {
        tracing::warn!(
            provider = profile.name,
            missing = missing.join(" "),
            "less was granted than was asked for"
        );
    }
}

/// The key that tokens bought: it stands where an access token stands.
pub(super) fn key(reply: &Reply) -> Result<Secret> {
    if !reply.status.is_success() {
        return Err(refusal::error(reply, Asked::Key));
    }
    let object = reply.object()?;
    token(reply, &object, TokenField::AccessToken, &[TokenField::AccessToken])?
        .ok_or_else(|| missing(reply, TokenField::AccessToken))
}

/// The token that a token exchange by RFC 8693 gave (section 2.2.1). What the reply must say is not guessed: a token of another
/// type than the one that was asked for, or one that cannot be sent as a bearer token, is an error.
pub(super) fn exchanged(
    reply: &Reply,
    wanted: Option<&str>,
    provider: &str,
    now: Timestamp,
) -> Result<BoughtKey> {
    let key = key(reply)?;
    let object = reply.object()?;
    let broken = |problem: String| reply.error(ErrorKind::Protocol).because(problem);
    let text = |name: &str| match object.get(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.trim()),
        _ => Err(broken(format!("its answer has no {name}, which a token exchange must have"))),
    };
    let (issued, kind) = (text("issued_token_type")?, text("token_type")?);
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(broken("the token that it gave is not a bearer token, and no other can be used".into())
            .advise("check requested_token_type in the sign-in profile"));
    }
    if wanted.is_some_and(|wanted| wanted != issued) {
        return Err(broken("the token that it gave is not of the type that was asked for".into())
            .advise("check requested_token_type in the sign-in profile"));
    }
    let expires_at = told_end(&object, provider, now).or_else(|| claims::expiry(&key));
    Ok(BoughtKey { key, expires_at })
}

fn name(field: TokenField) -> &'static str {
    match field {
        TokenField::AccessToken => "access_token",
        TokenField::RefreshToken => "refresh_token",
        TokenField::IdToken => "id_token",
    }
}

fn missing(reply: &Reply, field: TokenField) -> Error {
    reply.error(ErrorKind::Protocol).because(format!("its answer has no {}", name(field)))
}

/// One token. An empty one counts as left out.
fn token(
    reply: &Reply,
    object: &Map<String, Value>,
    field: TokenField,
    required: &[TokenField],
) -> Result<Option<Secret>> {
    match object.get(name(field)) {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if text.trim().is_empty() => {}
        Some(Value::String(text)) => {
            // The parser's error names a field of its own, so it is put anew.
            return Secret::new(text.as_str()).map(Some).map_err(|_| {
                reply.error(ErrorKind::Protocol).because(format!("its {} holds white space", name(field)))
            });
        }
        Some(_) => {
            return Err(reply
                .error(ErrorKind::Protocol)
                .because(format!("its {} is not a text", name(field))));
        }
    }
    if required.contains(&field) { Err(missing(reply, field)) } else { Ok(None) }
}

/// A token of a type that is not known must not be used (RFC 6749, section 7.1). A reply that says none means `Bearer`.
fn check_type(reply: &Reply, object: &Map<String, Value>) -> Result<()> {
    match object.get("token_type") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(kind)) if kind.trim().eq_ignore_ascii_case("bearer") => Ok(()),
        Some(_) => Err(reply
            .error(ErrorKind::Protocol)
            .because("its tokens are not bearer tokens, and no others can be used")),
    }
}

/// When the access token stops working: as the reply says, else as the token itself says, else as the profile says.
fn expiry(
    object: &Map<String, Value>,
    profile: &OAuthProfile,
    access: &Secret,
    now: Timestamp,
) -> Option<Timestamp> {
    told_end(object, &profile.name, now)
        .or_else(|| claims::expiry(access))
        .or_else(|| profile.default_lifetime.map(|lifetime| now.saturating_add(lifetime)))
}

/// The end that `expires_in` tells. A lifetime that cannot be is passed over, with a warning.
fn told_end(object: &Map<String, Value>, provider: &str, now: Timestamp) -> Option<Timestamp> {
    let said = object.get("expires_in").filter(|value| !value.is_null())?;
    let lifetime = seconds(said).filter(|lifetime| !lifetime.is_zero() && *lifetime <= LONGEST);
    if lifetime.is_none() {
        tracing::warn!(provider, "passed over a lifetime of tokens that cannot be");
    }
    lifetime.map(|lifetime| now.saturating_add(lifetime))
}

/// A number of seconds, written as a number or as a text of digits. Absent when it is below zero or none at all.
pub(super) fn seconds(value: &Value) -> Option<Duration> {
    let count = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    Duration::try_from_secs_f64(count).ok()
}

/// Whose the tokens are. What is not told stays as it was.
fn take_claims(tokens: &mut OAuthTokens, profile: &OAuthProfile, reply: Map<String, Value>) {
    let of_id = tokens.id_token.as_ref().and_then(claims::of);
    let of_access = claims::of(&tokens.access_token);
    let reply = Value::Object(reply);
    let sources = || of_id.iter().chain(&of_access).chain([&reply]);
    let names = &profile.claims;
    if let Some(account) = names.account_id.as_deref().and_then(|pointer| claims::text(pointer, sources())) {
        tokens.account_id = Some(account);
    }
    if let Some(plan) = names.plan.as_deref().and_then(|pointer| claims::text(pointer, sources())) {
        tokens.plan = Some(plan.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn seconds_are_a_number_or_a_text_and_never_negative() {
        for (value, expected) in [
            (json!(3600), Some(3600.0)),
            (json!("3599"), Some(3599.0)),
            (json!(" 5 "), Some(5.0)),
            (json!(0.5), Some(0.5)),
            (json!(-1), None),
            (json!("soon"), None),
            (json!("NaN"), None),
            (json!(1e300), None),
            (json!([]), None),
        ] {
            assert_eq!(seconds(&value).map(|delay| delay.as_secs_f64()), expected, "{value}");
        }
    }
}
