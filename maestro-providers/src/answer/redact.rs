//! A server's own words, made fit for logs and screens.

/// The most characters of a message that are told.
const MAX_MESSAGE: usize = 300;
/// The most characters of a code or an id that are told.
const MAX_NAME: usize = 100;
/// From this length on a run of letters and digits is taken for a secret.
const LONG_RUN: usize = 32;

const MASK: &str = "[masked]";

/// A server's message on one line, of at most 300 characters, with everything masked that looks like a key or a token.
///
/// Servers do echo keys: OpenAI's refusal of a key quotes half of it.
pub(crate) fn told(message: &str) -> String {
    // A message can be a whole page; there is no need to look through all of it.
    let start: String = message.chars().take(MAX_MESSAGE * 4).collect();
    let mut words: Vec<String> = Vec::new();
    let mut before = "";
    for word in start.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        words.push(mask(word, before, looks_like_a_secret));
        before = word;
    }
    cut(&words.join(" "), MAX_MESSAGE)
}

/// A server's code or id: harmless characters, and not too many, with everything masked that begins like a key or
/// follows the announcement of one. What is merely long and random stays, since ids are.
pub(crate) fn name(text: &str) -> String {
    let start: String = text.chars().take(MAX_NAME * 4).collect();
    let mut clean = String::new();
    let mut before = "";
    for word in start.split(|c: char| !c.is_ascii_graphic()).filter(|word| !word.is_empty()) {
        clean.push_str(&mask(word, before, begins_like_a_secret));
        before = word;
    }
    cut(&clean, MAX_NAME)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Masks the runs within a word that look like secrets, and keeps the punctuation around them.
fn mask(word: &str, before: &str, is_secret: fn(&str) -> bool) -> String {
    let announced = announces_a_secret(before);
    let mut masked = String::with_capacity(word.len());
    let mut run = String::new();
    for c in word.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+' | '/' | '=' | '*' | '~') {
            run.push(c);
            continue;
        }
        if !run.is_empty() {
            let secret = (announced && run.len() >= 8) || is_secret(&run);
            masked.push_str(if secret { MASK } else { &run });
            run.clear();
        }
        if c != '\0' {
            masked.push(c);
        }
    }
    masked
}

/// Whether the word before says that a secret follows.
fn announces_a_secret(word: &str) -> bool {
    let word = word.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    matches!(
        word.as_str(),
        "bearer" | "provided:" | "key:" | "token:" | "secret:" | "x-api-key:" | "authorization:"
    )
}

fn begins_like_a_secret(run: &str) -> bool {
    const PREFIXES: [&str; 14] = [
        "sk-", "sk_", "pk-", "rk-", "AIza", "ya29.", "AQ.", "1//", "gsk_", "xai-", "ghp_", "eyJ", "sess-",
        "Bearer",
    ];
    PREFIXES.iter().any(|prefix| run.starts_with(prefix) && run.len() > prefix.len() + 3)
}

fn looks_like_a_secret(run: &str) -> bool {
    if begins_like_a_secret(run) {
        return true;
    }
    // Names of models are as long, but they are made of short words; what is random is not.
    run.split('.').filter(|piece| piece.len() >= LONG_RUN).any(|piece| {
        let has = |test: fn(&char) -> bool| piece.chars().any(|c| test(&c));
        let mixed =
            has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) && has(char::is_ascii_digit);
        let solid = piece
            .split(['-', '_', '/'])
            .any(|part| part.len() >= 20 && part.bytes().any(|b| b.is_ascii_digit()));
        mixed || solid
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_looks_like_a_secret_is_masked() {
        for secret in [
            "sk-inval**************-key",
            "sk-ant-api03-abcdef",
            "AIzaSyD-1234567890",
            "ya29.a0AfH6SMBx",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln",
            "0123456789abcdef0123456789abcdef",
            "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFiY2RlZg==",
        ] {
            let text = told(&format!("Incorrect API key: '{secret}'. See https://example.com/api-keys."));
            assert!(!text.contains(secret.trim_matches('*')), "{text}");
            assert!(text.contains(MASK) && text.contains("See https://example.com/api-keys."), "{text}");
        }
        assert_eq!(told("Authorization: Bearer canary-12345"), "Authorization: Bearer [masked]");
        assert_eq!(
            told("Incorrect API key provided: my-own-canary."),
            "Incorrect API key provided: [masked]"
        );
    }

    #[test]
    fn plain_words_and_names_of_models_stay() {
        for text in [
            "The requested model 'gpt-4o-mini-nonexistent-rig-test' does not exist.",
            "models/nonexistent-model is not found for API version v1beta",
            "Quota GenerateRequestsPerMinutePerProjectPerModel-FreeTier exceeded",
            "request 1b4e28ba-2fa1-11d2-883f-0016d3cca427",
            "task-based models",
        ] {
            assert_eq!(told(text), text);
        }
    }

    #[test]
    fn keys_are_masked_in_names_and_ids_stay() {
        assert_eq!(name("GET / authorization: Bearer canary-12345"), "GET/authorization:Bearer[masked]");
        assert_eq!(name("sk-canary-12345"), MASK);
        for id in ["req_0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef"] {
            assert_eq!(name(id), id);
        }
    }

    #[test]
    fn a_message_is_one_line_and_short() {
        let text = told(&format!("a\n\r\tb{}", " c".repeat(400)));
        assert!(text.starts_with("a b c c") && text.ends_with('…') && text.chars().count() == 301, "{text}");
        assert_eq!(name("code\n with \u{1b}[31m"), "codewith[31m");
    }
}
