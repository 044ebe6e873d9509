//! Finding the error in a body.

use serde_json::Value;

/// The deepest nesting of errors that are quoted as text within errors.
const MAX_NESTING: usize = 10;

/// What a body is, as far as one can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Empty,
    Html,
    Text,
    Json,
}

/// What the body of an answer said. The envelopes that are understood: `{"error":{…}}`, `{"error":"…"}`, the same in an
/// array, `{"detail":…}`, bare `{"code","message","type"}`, and any of them as a JSON text within the message.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) form: Form,
    pub(crate) message: Option<String>,
    /// `type` of the error.
    pub(crate) kind: Option<String>,
    /// `code` of the error; a number is written out.
    pub(crate) code: Option<String>,
    /// `status` of the error, in Google's words.
    pub(crate) status: Option<String>,
    /// The field that the error is about.
    pub(crate) param: Option<String>,
    /// The id of the request, where the body tells it.
    pub(crate) request_id: Option<String>,
    /// The error object as a whole, for what only one provider says.
    pub(crate) error: Value,
}

impl Said {
    pub(crate) fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches('\u{feff}').trim();
        let form = match text.as_bytes().first() {
            None => Form::Empty,
            Some(b'<') => Form::Html,
            Some(_) => Form::Text,
        };
        match serde_json::from_str::<Value>(text) {
            Ok(value) if value.is_object() || value.is_array() => Self::of_json(value),
            _ => {
                let message = (form == Form::Text).then(|| text.to_owned());
                Self { message, ..Self::nothing(form) }
            }
        }
    }

    /// The best name of the error: its code, else its status, else its type. Numbers are no names: they repeat the
    /// HTTP status.
    pub(crate) fn name(&self) -> Option<&str> {
        let code = self.code.as_deref().filter(|code| code.parse::<f64>().is_err());
        code.or(self.status.as_deref()).or(self.kind.as_deref()).filter(|name| !name.is_empty())
    }

    /// Whether the code or the type is one of these.
    pub(crate) fn is(&self, names: &[&str]) -> bool {
        [&self.code, &self.kind]
            .into_iter()
            .flatten()
            .any(|name| names.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    /// Whether the message holds one of these phrases, whatever the case.
    pub(crate) fn mentions(&self, phrases: &[&str]) -> bool {
        self.message.as_ref().is_some_and(|message| {
            let message = message.to_ascii_lowercase();
            phrases.iter().any(|phrase| message.contains(phrase))
        })
    }

    const fn nothing(form: Form) -> Self {
        Self {
            form,
            message: None,
            kind: None,
            code: None,
            status: None,
            param: None,
            request_id: None,
            error: Value::Null,
        }
    }

    fn of_json(mut value: Value) -> Self {
        let mut said = Self::nothing(Form::Json);
        for _ in 0..MAX_NESTING {
            if let Value::Array(items) = &mut value {
                value = if items.is_empty() { Value::Null } else { items.swap_remove(0) };
            }
            said.take(&value);
            // Some gateways quote the real error as a JSON text.
            let inner = said.message.as_deref().map(str::trim).filter(|text| text.starts_with(['{', '[']));
            match inner.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
                Some(inner) => value = inner,
                None => break,
            }
        }
        said
    }

    /// Reads one envelope; what it does not say stays as it was.
    fn take(&mut self, value: &Value) {
        let envelope = value;
        let error = match envelope.get("error") {
            Some(error @ (Value::Object(_) | Value::String(_))) => error,
            _ => envelope,
        };
        let text = |value: &Value, name: &str| match value.get(name) {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        };
        let message = match error {
            Value::String(text) => Some(text.clone()),
            _ => text(error, "message")
                .or_else(|| text(envelope, "error_description"))
                .or_else(|| text(envelope, "message"))
                .or_else(|| envelope.get("detail").and_then(detail)),
        };
        self.message = message.or_else(|| self.message.take());
        let either = |name: &str| text(error, name).or_else(|| text(envelope, name));
        self.code = either("code").or_else(|| self.code.take());
        self.kind = text(error, "type").or_else(|| self.kind.take());
        if self.kind.is_none() {
            // Anthropic's envelope has the type `error` itself, which says nothing.
            self.kind = text(envelope, "type").filter(|kind| kind != "error");
        }
        self.status =
            text(error, "status").filter(|name| name.parse::<f64>().is_err()).or_else(|| self.status.take());
        self.param = text(error, "param").or_else(|| self.param.take());
        self.request_id = text(envelope, "request_id").or_else(|| self.request_id.take());
        self.error = error.clone();
    }
}

/// `detail` is a text, an object with a message, or a list of either.
fn detail(detail: &Value) -> Option<String> {
    match detail {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.first().and_then(self::detail),
        Value::Object(object) => ["message", "msg", "detail"]
            .iter()
            .find_map(|name| object.get(*name)?.as_str().map(str::to_owned)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_in_every_envelope() {
        for (body, message) in [
            (r#"{"error":{"message":"m","type":"t","code":null}}"#, "m"),
            (r#"{"error":"m","code":"c"}"#, "m"),
            (r#"{"type":"error","error":{"type":"t","message":"m"}}"#, "m"),
            (r#"[{"error":{"code":429,"message":"m"}}]"#, "m"),
            (r#"{"detail":"m"}"#, "m"),
            (r#"{"detail":{"message":"m"}}"#, "m"),
            (r#"{"detail":[{"loc":["body"],"msg":"m"}]}"#, "m"),
            (r#"{"code":400,"message":"m","type":"Bad Request"}"#, "m"),
            (r#"{"error":"invalid_grant","error_description":"d"}"#, "invalid_grant"),
            (r#"{"error":{"message":"{\"error\":{\"message\":\"m\",\"code\":7}}"}}"#, "m"),
            ("\u{feff} {\"message\":\"m\"}", "m"),
            ("m", "m"),
        ] {
            assert_eq!(Said::read(body.as_bytes()).message.as_deref(), Some(message), "{body}");
        }
        assert_eq!(Said::read(b"<html>x</html>").form, Form::Html);
        assert_eq!(Said::read(b" ").form, Form::Empty);
        assert_eq!(Said::read(b"{}").form, Form::Json);
    }
}
