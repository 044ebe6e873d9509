//! Errors that come in the words of a provider.

use std::time::Duration;

use maestro_core::{Error, ErrorKind, Retry};

/// What attempted operation the errors of all decoders name.
const READING: &str = "read an answer";

/// The longest text of a provider's that an error repeats, in characters.
const LONGEST: usize = 400;

/// An error that a provider reported in the middle of its answer.
#[derive(Debug, Default)]
pub(crate) struct Fault<'a> {
    /// The name of the provider.
    pub(crate) provider: &'static str,
    /// Its code, or type, of the error.
    pub(crate) code: Option<&'a str>,
    /// What it says, for people.
    pub(crate) message: Option<&'a str>,
    /// Its id of the request.
    pub(crate) request_id: Option<&'a str>,
}

impl Fault<'_> {
    /// The error, as `kind`; with `retry` where it differs from what the kind says by itself.
    pub(crate) fn into_error(self, kind: ErrorKind, retry: Option<Retry>) -> Error {
        let mut error = Error::new(kind, READING).with_provider(self.provider);
        if let Some(retry) = retry {
            error = error.with_retry(retry);
        }
        if let Some(code) = self.code {
            error = error.with_code(clean(code));
        }
        if let Some(id) = self.request_id {
            error = error.with_request_id(clean(id));
        }
        match self.message.map(clean).filter(|message| !message.is_empty()) {
            Some(message) => error.because(message),
            None => error,
        }
    }
}

/// An event of the stream is not the JSON object that it should be. Nothing of its content gets into the error.
#[cold]
pub(crate) fn not_json(provider: &'static str, event: &str, at: usize) -> Error {
    let length = event.len();
    Error::new(ErrorKind::Protocol, READING).with_provider(provider).because(format!(
        "an event of the stream is not a JSON object: it goes wrong at byte {at} of {length}"
    ))
}

/// The delay that a message names in words such as "try again in 1.5s" or "retry in 1m30s".
pub(crate) fn wait_from_words(message: &str) -> Option<Duration> {
    let lower = message.to_ascii_lowercase();
    let at = ["try again in", "retry in"].iter().find_map(|words| Some(lower.find(words)? + words.len()))?;
    let mut rest = lower[at..].trim_start();
    let mut total = None;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let Ok(number) = rest[..digits].parse::<f64>() else { break };
        rest = rest[digits..].trim_start();
        let letters = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let seconds = match &rest[..letters] {
            "ms" | "milliseconds" => number / 1000.0,
            "s" | "sec" | "second" | "seconds" => number,
            "m" | "min" | "minute" | "minutes" => number * 60.0,
            "h" | "hour" | "hours" => number * 3600.0,
            _ => break,
        };
        total = Some(total.unwrap_or(0.0) + seconds);
        rest = &rest[letters..];
    }
    total.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

/// The text on one line, cut to a length that can be read, without anything that looks like a key.
fn clean(text: &str) -> String {
    const KEYS: [&str; 5] = ["sk-", "AIza", "ya29.", "eyJ", "gsk_"];
    let mut cleaned = String::new();
    for word in text.split_whitespace() {
        if cleaned.chars().count() + word.chars().count() > LONGEST {
            cleaned.push_str(" …");
            break;
        }
        if !cleaned.is_empty() {
            cleaned.push(' ');
        }
        match KEYS.iter().find_map(|key| word.find(key)) {
            Some(at) => {
                cleaned.push_str(&word[..at]);
                cleaned.push_str("[redacted]");
            }
            None => cleaned.extend(word.chars().filter(|c| !c.is_control())),
        }
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delay_is_read_from_words() {
        let cases = [
            ("Please try again in 1.5s. Visit", 1500),
            ("Please retry in 900ms", 900),
            ("Try again in 1h2m3s", 3_723_000),
            ("try again in 20 seconds", 20_000),
        ];
        for (words, millis) in cases {
            assert_eq!(wait_from_words(words), Some(Duration::from_millis(millis)), "{words}");
        }
        for words in ["try again later", "try again in a while", "retry in 99999999999999999999999s", ""] {
            assert_eq!(wait_from_words(words), None, "{words}");
        }
    }

    #[test]
    fn a_providers_words_lose_their_keys_and_line_breaks_and_are_cut() {
        assert_eq!(clean("Incorrect key:\n sk-inval****-key."), "Incorrect key: [redacted]");
        assert!(clean(&"word ".repeat(1000)).chars().count() <= LONGEST + 2);
    }
}
