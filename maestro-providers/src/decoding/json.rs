//! Reading JSON from front to back, in place.
//!
//! Most of the time of a stream used to go into JSON of which a delta needs one string. This reader visits every byte
//! once, eight at a time within strings, borrows what has no escapes, and writes into fields that are there already,
//! where a general parser builds each level of an object and moves it out. It accepts what RFC 8259 accepts and nothing
//! else; see the differential test below.

use compact_str::CompactString;

/// How deep values may be nested. No protocol comes near, and the stack must bear it.
const DEEPEST: u8 = 127;

/// The text is not JSON, or not an object where it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A JSON text and how far it has been read.
#[derive(Debug)]
pub(crate) struct Json<'de> {
    text: &'de str,
    at: usize,
    depth: u8,
    /// Whether the string that was read last has escapes.
    escaped: bool,
}

/// A place that a value can be read into. A value of another type than the place is for leaves it as it was.
pub(crate) trait Read<'de> {
    /// Reads the value that comes next, all of it.
    fn read(&mut self, json: &mut Json<'de>) -> Result<(), Malformed>;
}

/// Reads a whole text, which must be one object, into fields. The error tells how many bytes could be read.
#[inline]
pub(crate) fn read<'de, T: Read<'de> + Default>(text: &'de str) -> Result<T, usize> {
    let mut target = T::default();
    read_into(text, &mut target).map(|()| target)
}

/// Reads a whole text, which must be one object, into fields that are there. The error tells how many bytes could be
/// read.
#[inline]
pub(crate) fn read_into<'de, T: Read<'de>>(text: &'de str, target: &mut T) -> Result<(), usize> {
    let mut json = Json::new(text);
    let read = match json.peek() {
        Some(b'{') => target.read(&mut json).and_then(|()| json.end()),
        _ => json.skip().and(Err(Malformed)),
    };
    read.map_err(|Malformed| json.at)
}

/// The elements of a whole text that is a list, each as its text.
pub(crate) fn elements(text: &str) -> Result<Vec<&str>, usize> {
    let mut json = Json::new(text);
    let mut elements = Vec::new();
    let read = match json.peek() {
        Some(b'[') => json.list(|json| {
            elements.push(json.raw()?);
            Ok(())
        }),
        _ => Err(Malformed),
    };
    read.and_then(|()| json.end()).map_err(|Malformed| json.at)?;
    Ok(elements)
}

impl<'de> Json<'de> {
    pub(crate) fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth: 0, escaped: false }
    }

    /// The first byte of what comes next, blanks passed over.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(byte) if *byte > b' ' => return Some(*byte),
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                other => return other.copied(),
            }
        }
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'"') => self.string().map(|_| ()),
            Some(b'{') => self.object(|_, json| json.skip()),
            Some(b'[') => self.list(Self::skip),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            Some(b'n') => self.word(b"null"),
            _ if self.unsigned().is_some() => Ok(()),
            _ => self.number().map(|_| ()),
        }
    }

    /// The text of a value.
    #[inline]
    pub(crate) fn raw(&mut self) -> Result<&'de str, Malformed> {
        self.peek();
        let from = self.at;
        self.skip()?;
        self.text.get(from..self.at).ok_or(Malformed)
    }

    /// Reads an object: calls `field` with each key, which must read the value.
    #[inline]
    pub(crate) fn object(
        &mut self,
        mut field: impl FnMut(&str, &mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.enter()?;
        if self.peek() == Some(b'}') {
            return self.leave();
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(Malformed);
            }
            let key = self.string()?;
            let escaped = self.escaped;
            if self.peek() != Some(b':') {
                return Err(Malformed);
            }
            self.at += 1;
            if escaped {
                field(&unescape(key), self)?;
            } else {
                field(key, self)?;
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => return self.leave(),
                _ => return Err(Malformed),
            }
        }
    }

    /// Reads a list: calls `element` at each, which must read it.
    #[inline]
    pub(crate) fn list(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.enter()?;
        if self.peek() == Some(b']') {
            return self.leave();
        }
        loop {
            element(self)?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => return self.leave(),
                _ => return Err(Malformed),
            }
        }
    }

    /// Reads a string, whose quote comes next, and gives it as it is written. [`Self::said`] is what it says.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<&'de str, Malformed> {
        let bytes = self.text.as_bytes();
        let from = self.at + 1;
        let to = next_special(bytes, from);
        self.escaped = false;
        self.at = to + 1;
        if bytes.get(to) == Some(&b'"') {
            // A quote is never inside a character, so that the slice is there.
            return self.text.get(from..to).ok_or(Malformed);
        }
        self.escaped_string(from, to)
    }

    /// Reads on in a string, after `from`, whose first byte that is not itself is at `at`.
    fn escaped_string(&mut self, from: usize, mut at: usize) -> Result<&'de str, Malformed> {
        let bytes = self.text.as_bytes();
        self.escaped = true;
        while bytes.get(at) == Some(&b'\\') {
            at += match bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
                Some(b'u') if hex(bytes, at + 2).is_some() => 6,
                _ => break,
            };
            at = next_special(bytes, at);
        }
        self.at = at;
        if bytes.get(at) != Some(&b'"') {
            return Err(Malformed);
        }
        self.at += 1;
        self.text.get(from..at).ok_or(Malformed)
    }

    /// Whether the string that was read last says something else than is written.
    #[inline]
    pub(crate) fn is_escaped(&self) -> bool {
        self.escaped
    }

    /// What the string that was read last says. A surrogate without its other half, which servers produce when they cut
    /// an answer between the two, is U+FFFD.
    #[inline]
    pub(crate) fn said(&self, written: &str) -> CompactString {
        if self.escaped { unescape(written) } else { CompactString::from(written) }
    }

    /// Reads a number, and gives its text.
    pub(crate) fn number(&mut self) -> Result<&'de str, Malformed> {
        let bytes = self.text.as_bytes();
        let from = self.at;
        if bytes.get(from) == Some(&b'-') {
            self.at += 1;
        }
        // No number but nought begins with nought.
        if bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.text.get(from..self.at).ok_or(Malformed)
    }

    /// Reads a number that is whole and not negative, if that is what comes next.
    #[inline]
    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        let digits = self.text.as_bytes().get(self.at..)?;
        let (mut value, mut length) = (0_u64, 0);
        while let Some(digit) =
            digits.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|digit| *digit < 10)
        {
            value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
            length += 1;
        }
        let ends = !matches!(digits.get(length), Some(b'.' | b'e' | b'E'));
        let plain = length == 1 || length > 1 && digits[0] != b'0';
        (ends && plain).then(|| {
            self.at += length;
            value
        })
    }

    /// Passes over digits, of which there must be one.
    #[inline]
    fn digits(&mut self) -> Result<(), Malformed> {
        let from = self.at;
        while self.text.as_bytes().get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at > from { Ok(()) } else { Err(Malformed) }
    }

    #[inline]
    fn word<const N: usize>(&mut self, word: &[u8; N]) -> Result<(), Malformed> {
        if self.text.as_bytes().get(self.at..).and_then(<[u8]>::first_chunk) != Some(word) {
            return Err(Malformed);
        }
        self.at += N;
        Ok(())
    }

    #[inline]
    fn enter(&mut self) -> Result<(), Malformed> {
        if self.depth == DEEPEST {
            return Err(Malformed);
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn leave(&mut self) -> Result<(), Malformed> {
        self.depth -= 1;
        self.at += 1;
        Ok(())
    }

    fn end(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(Malformed),
        }
    }
}

/// Where the first quote, backslash or control character from `from` on is; the end if there is none.
#[inline]
fn next_special(bytes: &[u8], from: usize) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = ONES << 7;
    let (words, rest) = bytes.get(from..).unwrap_or_default().as_chunks::<8>();
    let mut at = from;
    for word in words {
        let word = u64::from_le_bytes(*word);
        // A byte that is nought borrows from its high bit; false hits come only above a true one, and the lowest counts.
        let (quote, slash) = (word ^ (ONES * b'"' as u64), word ^ (ONES * b'\\' as u64));
        let found = (quote.wrapping_sub(ONES) & !quote)
            | (slash.wrapping_sub(ONES) & !slash)
            | (word.wrapping_sub(ONES * 0x20) & !word);
        if found & HIGH != 0 {
            return at + ((found & HIGH).trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len())
}

/// The four hexadecimal digits at a place.
fn hex(bytes: &[u8], at: usize) -> Option<u16> {
    let mut value = 0;
    for at in at..at + 4 {
        value = value << 4 | u16::try_from(char::from(*bytes.get(at)?).to_digit(16)?).ok()?;
    }
    Some(value)
}

/// What a valid string with escapes says. It grows on the heap at most once.
fn unescape(raw: &str) -> CompactString {
    let mut text = CompactString::default();
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        push(&mut text, &rest[..at], raw.len());
        let escape = &rest.as_bytes()[at + 1..];
        let (said, length) = match escape.first() {
            Some(b'n') => ('\n', 1),
            Some(b't') => ('\t', 1),
            Some(b'r') => ('\r', 1),
            Some(b'b') => ('\u{8}', 1),
            Some(b'f') => ('\u{c}', 1),
            Some(b'u') => code_point(escape),
            other => (other.map_or('\\', |byte| char::from(*byte)), 1),
        };
        push(&mut text, said.encode_utf8(&mut [0; 4]), raw.len());
        rest = rest.get(at + 1 + length..).unwrap_or_default();
    }
    push(&mut text, rest, raw.len());
    text
}

/// The character of `uXXXX`, or of a pair of them, and the number of bytes that it takes.
fn code_point(escape: &[u8]) -> (char, usize) {
    let Some(first) = hex(escape, 1) else { return (char::REPLACEMENT_CHARACTER, 1) };
    let second = (escape.get(5..7) == Some(b"\\u")).then(|| hex(escape, 7)).flatten();
    match char::decode_utf16([first, second.unwrap_or_default()]).next() {
        Some(Ok(said)) => (said, if said > '\u{ffff}' { 11 } else { 5 }),
        _ => (char::REPLACEMENT_CHARACTER, 5),
    }
}

#[inline]
fn push(text: &mut CompactString, more: &str, most: usize) {
    if !text.is_heap_allocated() && text.len() + more.len() > text.capacity() {
        text.reserve(most - text.len());
    }
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn accepts(text: &str) -> bool {
        let mut json = Json::new(text);
        json.skip().and_then(|()| json.end()).is_ok()
    }

    #[test]
    fn it_accepts_what_the_general_parser_accepts() {
        let texts = [
            "",
            " ",
            "{}",
            "[]",
            "null",
            "nul",
            "true",
            "truee",
            "false",
            "0",
            "-0",
            "01",
            "-",
            "1.",
            "1.5",
            ".5",
            "1e5",
            "1E+5",
            "1e",
            "1e-",
            "\"\"",
            "\"",
            "\"\\\"",
            "\"\\u12\"",
            "\"\\u12aB\"",
            "\"\\x\"",
            "\"\t\"",
            "\"\u{7f}\u{80}é𝄞\"",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":1 \"b\":2}",
            "{,}",
            "{a:1}",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1]]",
            "{}{}",
            " { \"a\" : [ 1 , { } ] , \"b\" : null } ",
            "\u{feff}{}",
            "[\"\\ud800\"]",
            "1 2",
            "\"\u{0}\"",
        ];
        for text in texts {
            assert_eq!(accepts(text), serde_json::from_str::<IgnoredAny>(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn nesting_has_an_end() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = |depth: usize| format!("{}1{}", open.repeat(depth), close.repeat(depth));
            assert!(accepts(&nested(usize::from(DEEPEST))));
            assert!(!accepts(&nested(usize::from(DEEPEST) + 1)));
            assert!(!accepts(&open.repeat(1_000_000)));
        }
    }

    #[test]
    fn a_lone_surrogate_harms_only_itself() {
        let cases = [
            (r"\ud83d\ude00", "😀"),
            (r"a\ud83db", "a\u{fffd}b"),
            (r"\ude00\ud83d", "\u{fffd}\u{fffd}"),
            (r"\ud83d\n", "\u{fffd}\n"),
            (r"\ud83d\ud83d\ude00", "\u{fffd}😀"),
            (r"\u00e9\u0000\/", "é\0/"),
        ];
        for (raw, text) in cases {
            assert_eq!(unescape(raw), text, "{raw}");
        }
    }

    /// Text that is nearly JSON.
    fn nearly_json() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"",
            "\"a\"",
            "\"b\\n\"",
            "\\",
            "\\u00e9",
            "\\ud83d",
            "1",
            "-2.5e3",
            "0",
            ".",
            "e",
            "null",
            "true",
            "false",
            " ",
            "\n",
            "é",
            "\u{1}",
            "\"long enough to be read by words\"",
        ]);
        prop_oneof![
            prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat()),
            json_value().prop_map(|value| value.to_string()),
            json_value().prop_map(|value| serde_json::to_string_pretty(&value).unwrap()),
        ]
    }

    fn json_value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            (-1e9..1e9).prop_map(|number: f64| number.into()),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::hash_map(any::<String>(), inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_accepts_exactly_what_the_general_parser_accepts(text in nearly_json()) {
            prop_assert_eq!(accepts(&text), serde_json::from_str::<IgnoredAny>(&text).is_ok());
        }

        #[test]
        fn it_reads_strings_as_the_general_parser_does(text in any::<String>()) {
            let quoted = serde_json::to_string(&text).unwrap();
            let ascii: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            for quoted in [quoted, format!("\"{ascii}\"")] {
                let mut json = Json::new(&quoted);
                let written = json.string().unwrap();
                prop_assert_eq!(json.said(written), text.as_str());
            }
        }
    }
}
