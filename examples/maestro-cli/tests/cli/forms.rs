//! A word in all the forms in which it could leave a program.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

/// A word, and where it must not be.
pub(crate) struct Forms(Vec<String>);

impl Forms {
    /// In clear, in hexadecimal, percent-encoded, in base64 wherever it begins there, and that in hexadecimal again, as
    /// a database shows bytes.
    pub(crate) fn of(word: &str) -> Self {
        let mut forms = vec![word.to_owned(), word.bytes().map(|byte| format!("%{byte:02x}")).collect()];
        for before in 0..3 {
            for base64 in [&STANDARD, &URL_SAFE] {
                forms.push(within_base64(word, before, |bytes| base64.encode(bytes)));
            }
        }
        let hex: Vec<_> = forms.iter().map(|form| hex(form)).collect();
        forms.extend(hex.iter().map(|form| form.to_uppercase()));
        forms.extend(hex);
        forms.sort();
        forms.dedup();
        Self(forms)
    }

    /// The form in which the word is in these bytes, if it is.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> Option<&str> {
        let is_in = |form: &&String| bytes.windows(form.len()).any(|window| window == form.as_bytes());
        self.0.iter().find(is_in).map(String::as_str)
    }
}

/// What of a word's base64 is the same whatever stands around it, with so many bytes before it.
fn within_base64(word: &str, before: usize, encode: impl Fn(Vec<u8>) -> String) -> String {
    let encoded = encode([vec![0; before], word.as_bytes().to_vec()].concat());
    let first = (before * 8).div_ceil(6);
    let end = (before + word.len()) * 8 / 6;
    encoded[first..end].to_owned()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_word_is_found_in_every_form() {
    let forms = Forms::of("canary-in-a-mine");
    assert_eq!(forms.found_in(b"nothing of canary-in-a-mime"), None);
    let shown = "<canary-in-a-mine>";
    assert!(forms.found_in(shown.as_bytes()).is_some());
    assert!(forms.found_in(hex(shown).as_bytes()).is_some());
    assert!(forms.found_in(hex(shown).to_uppercase().as_bytes()).is_some());
    for before in 0..6 {
        let text = format!("{}canary-in-a-mine?>~", "x".repeat(before));
        for encoded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
            assert!(forms.found_in(encoded.as_bytes()).is_some(), "{encoded}");
            assert!(forms.found_in(hex(&encoded).as_bytes()).is_some(), "{encoded}");
        }
    }
}
