//! What makes a scenario make sense, beyond the types of its parts.

use super::scenario::{Dialect, Scenario, ScenarioError};

impl Scenario {
    /// Checks what the types do not.
    ///
    /// # Errors
    /// When a value is out of range or two parts exclude one another.
    pub fn validate(&self) -> Result<(), ScenarioError> {
        let wrong = |field, problem| Err(ScenarioError::Field { field, problem });
        if self.times == Some(0) {
            return wrong("times", "must be at least 1, or be left out for any number of requests");
        }
        if let Some(status) = &self.status {
            if !(200..=599).contains(&status.code) {
                return wrong("status.code", "must be an HTTP status from 200 to 599");
            }
            for (name, value) in &status.headers {
                if http::HeaderName::try_from(name).is_err() || http::HeaderValue::try_from(value).is_err() {
                    return wrong("status.headers", "must hold header names and values that HTTP allows");
                }
            }
        }
        if let Some(raw) = &self.raw {
            if raw.content_type.as_ref().is_some_and(|t| http::HeaderValue::try_from(t).is_err()) {
                return wrong("raw.content_type", "must be a value that HTTP allows in a header");
            }
            if self.reply.is_some() {
                return wrong("raw", "excludes reply: one of them is the body");
            }
        }
        if let Some(reply) = &self.reply {
            if reply.text.is_some() && reply.deltas.is_some() {
                return wrong("reply.text", "excludes deltas: both say what the text is");
            }
            if self.status.as_ref().is_some_and(|s| s.code >= 300) {
                return wrong("reply", "excludes an error status: one of them is the answer");
            }
        }
        let authorization = self.matching.dialect == Some(Dialect::Authorization);
        if self.oauth.is_some() && !authorization {
            return wrong("oauth", "is for scenarios whose match.dialect is authorization");
        }
        if self.matching.grant.is_some() && !authorization {
            return wrong("match.grant", "is for scenarios whose match.dialect is authorization");
        }
        if authorization && self.reply.is_some() {
            return wrong("reply", "is nothing the authorization server gives; use status, raw or oauth");
        }
        if authorization && (self.matching.model.is_some() || self.matching.contains.is_some()) {
            return wrong("match.model", "and match.contains are nothing the authorization server is asked");
        }
        if self.stream.as_ref().is_some_and(|s| s.chunk_bytes == Some(0)) {
            return wrong("stream.chunk_bytes", "must be at least 1");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_make_no_sense_are_refused() {
        for (json, field) in [
            (r#"{"times":0}"#, "times"),
            (r#"{"status":{"code":99}}"#, "status.code"),
            (r#"{"status":{"code":429,"headers":{"bad name":"x"}}}"#, "status.headers"),
            (r#"{"stream":{"chunk_bytes":0}}"#, "stream.chunk_bytes"),
            (r#"{"reply":{"text":"a","deltas":["b"]}}"#, "reply.text"),
            (r#"{"reply":{"text":"a"},"raw":{"body":"b"}}"#, "raw"),
        ] {
            let error = Scenario::parse(json).unwrap_err().to_string();
            assert!(error.starts_with(field), "{json}: {error}");
        }
    }
}
