//! What came with a request: a query, a form or JSON, read alike.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::failure::Failure;
use super::script::Grant;

/// Parameters that are secrets, or as good as one; the journal does not keep them.
const SECRET: [&str; 13] = [
    "access_token",
    "assertion",
    "client_secret",
    "code",
    "code_verifier",
    "device_auth_id",
    "device_code",
    "id_token",
    "refresh_token",
    "state",
    "subject_token",
    "token",
    "user_code",
];

/// Prefixes of grant types that have a short name too.
const URN: &str = "urn:ietf:params:oauth:grant-type:";

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

/// Who asks, as the request says it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Caller {
    pub(super) id: Option<String>,
    pub(super) secret: Option<String>,
}

impl Form {
    /// Reads the parameters of a query.
    pub(super) fn query(query: &str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Reads a body, as JSON if that is its type and as a form else.
    pub(super) fn body(headers: &HeaderMap, body: &[u8]) -> Result<Self, Failure> {
        let kind =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.trim_start().to_ascii_lowercase().starts_with("application/json") {
            return Ok(Self(url::form_urlencoded::parse(body).into_owned().collect()));
        }
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else {
            return Err(Failure::invalid_request("The body is not a JSON object"));
        };
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let given = object.into_iter().filter(|(_, value)| !value.is_null());
        Ok(Self(given.map(|(name, value)| (name, text(value))).collect()))
    }

    /// A parameter that is there and not empty (RFC 6749, section 3.1: without a value it counts as left out).
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// A parameter that must be there.
    pub(super) fn need(&self, name: &str) -> Result<&str, Failure> {
        self.get(name).ok_or_else(|| Failure::missing(name))
    }

    /// The words of a parameter, each once.
    pub(super) fn words(&self, name: &str) -> Vec<String> {
        let mut words: Vec<String> = Vec::new();
        for word in self.get(name).unwrap_or_default().split_whitespace() {
            if !words.iter().any(|known| known == word) {
                words.push(word.to_owned());
            }
        }
        words
    }

    /// Refuses a parameter that is there twice (RFC 6749, sections 3.1 and 3.2).
    pub(super) fn once_each(&self) -> Result<(), Failure> {
        // RFC 8693, section 2.1, lets two of its parameters come several times.
        let may = |name: &str| {
            self.grant() == Some(Grant::TokenExchange) && matches!(name, "audience" | "resource")
        };
        let twice = |(place, (name, _)): (usize, &(String, String))| {
            let is_known = self.0[..place].iter().any(|(known, _)| known == name);
            (is_known && !may(name)).then(|| name.clone())
        };
        match self.0.iter().enumerate().find_map(twice) {
            Some(name) => Err(Failure::invalid_request(format!("Parameter given twice: {name}"))),
            None => Ok(()),
        }
    }

    /// All values of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The grant that is asked for.
    pub(super) fn grant(&self) -> Option<Grant> {
        let word = self.get("grant_type")?;
        match word.strip_prefix(URN).unwrap_or(word) {
            "authorization_code" => Some(Grant::AuthorizationCode),
            "refresh_token" => Some(Grant::RefreshToken),
            "device_code" => Some(Grant::DeviceCode),
            "token-exchange" => Some(Grant::TokenExchange),
            _ => None,
        }
    }

    /// The client, from the header or the body but not from both (RFC 6749, section 2.3).
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Failure> {
        let owned = |name: &str| self.get(name).map(str::to_owned);
        let caller = Caller { id: owned("client_id"), secret: owned("client_secret") };
        let Some((id, secret)) = basic(headers) else { return Ok(caller) };
        if caller.secret.is_some() || caller.id.is_some_and(|named| named != id) {
            return Err(Failure::invalid_request("The client is named twice: in the header and in the body"));
        }
        Ok(Caller { id: Some(id), secret: Some(secret) })
    }

    /// The parameters as JSON for the journal, without secrets.
    pub(super) fn recorded(&self) -> Value {
        let shown = |(name, value): &(String, String)| {
            let value = if SECRET.contains(&name.as_str()) { "[redacted]" } else { value.as_str() };
            (name.clone(), Value::from(value))
        };
        Value::Object(self.0.iter().map(shown).collect::<Map<String, Value>>())
    }

    /// All parameters, as they came.
    pub(super) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, pair) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(STANDARD.decode(pair.trim()).ok()?).ok()?;
    let (id, secret) = pair.split_once(':')?;
    // Both halves are form-encoded before they are put together (RFC 6749, section 2.3.1).
    let plain = |half: &str| {
        let escaped = format!("x={half}");
        url::form_urlencoded::parse(escaped.as_bytes()).next().map(|(_, value)| value.into_owned())
    };
    Some((plain(id)?, plain(secret)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_client_may_name_itself_in_the_header_with_escapes() {
        let mut headers = HeaderMap::new();
        let value = format!("Basic {}", STANDARD.encode("a%3Ab:s+e%2Bc"));
        headers.insert(header::AUTHORIZATION, HeaderValue::from_str(&value).unwrap());
        let caller = Form::default().caller(&headers).unwrap();
        assert_eq!((caller.id.as_deref(), caller.secret.as_deref()), (Some("a:b"), Some("s e+c")));
        assert!(Form::query("client_secret=x").caller(&headers).is_err());
    }

    #[test]
    fn a_parameter_given_twice_is_found() {
        assert!(Form::query("a=1&b=2").once_each().is_ok());
        let exchange = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange&audience=a&audience=b";
        assert!(Form::query(exchange).once_each().is_ok());
        assert!(Form::query("audience=a&audience=b").once_each().is_err());
        assert!(Form::query("a=1&b=2&a=1").once_each().unwrap_err().description.ends_with(": a"));
    }
}
