//! The keys of a profile file: each is taken out as what it should be, and what is wrong is gathered.

use std::time::Duration;

use maestro_core::{
    Error, FieldError, Result, Secret,
    provider::{FlowAccess, RedirectStyle, UsePolicy},
};
use toml::{Table, Value};
use url::{Host, Url};

use super::{MAX_FILE, OPERATION};
use crate::oauth::ask::check_address;

/// The longest time that a key may give.
const LONGEST: i64 = 10 * 366 * 24 * 3600;

/// A file whose keys are taken out one after the other.
pub(super) struct Keys {
    table: Table,
    /// The keys that were asked for, which are the ones there are.
    known: Vec<&'static str>,
    problems: Vec<FieldError>,
}

impl Keys {
    /// The parser's own error would quote the line, which may hold the secret.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let bad = |problem: String| Error::invalid(OPERATION, [FieldError::new("file", problem)]);
        if text.len() > MAX_FILE {
            return Err(bad(format!("is longer than {MAX_FILE} bytes")));
        }
        let table = text.parse::<Table>().map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            bad(format!("is not TOML at line {line}: each line is key = \"value\", and no key stands twice"))
        })?;
        Ok(Self { table, known: Vec::new(), problems: Vec::new() })
    }

    pub(super) fn problem(&mut self, key: &str, problem: impl Into<String>) {
        self.problems.push(FieldError::new(key, problem));
    }

    pub(super) fn has_problem(&self, key: &str) -> bool {
        self.problems.iter().any(|problem| problem.field == key)
    }

    /// Names what is left, and fails if anything was wrong.
    pub(super) fn finish(mut self) -> Result<()> {
        self.name_what_is_left("a profile");
        if self.problems.is_empty() { Ok(()) } else { Err(Error::invalid(OPERATION, self.problems)) }
    }

    /// Takes a table out, whose keys are taken out in turn. Problems in it are problems here, under both names.
    pub(super) fn within<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Keys) -> Option<T>,
    ) -> Option<T> {
        let table = self.read(key, &format!("a table [{key}]"), |value| value.as_table().cloned())?;
        let mut inner = Self { table, known: Vec::new(), problems: Vec::new() };
        let found = read(&mut inner);
        inner.name_what_is_left(key);
        let is_good = inner.problems.is_empty();
        self.problems.extend(inner.problems.into_iter().map(|mut problem| {
            problem.field = format!("{key}.{}", problem.field);
            problem
        }));
        found.filter(|_| is_good)
    }

    fn name_what_is_left(&mut self, of: &str) {
        self.known.sort_unstable();
        let known = self.known.join(", ");
        for key in self.table.keys() {
            let problem = format!("is not a key of {of}; keys are {known}");
            self.problems.push(FieldError::new(shown(key), problem));
        }
    }

    /// Whether a key is given that has not been taken out yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.read(key, "a text in quotes", |value| match value {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            _ => None,
        })
    }

    pub(super) fn secret(&mut self, key: &'static str) -> Option<Secret> {
        self.read(key, "a text in quotes without white space", |value| Secret::new(value.as_str()?).ok())
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.read(key, "true or false", |value| value.as_bool())
    }

    pub(super) fn seconds(&mut self, key: &'static str) -> Option<Duration> {
        self.read(key, "a whole number of seconds, from 0 to ten years", |value| {
            let seconds = value.as_integer().filter(|seconds| (0..=LONGEST).contains(seconds))?;
            u64::try_from(seconds).ok().map(Duration::from_secs)
        })
    }

    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.read(key, "a list of texts without white space, such as [\"openid\", \"email\"]", |value| {
            let texts = value.as_array()?.iter().map(|text| {
                let text = text.as_str()?;
                (!text.is_empty() && !text.contains(char::is_whitespace)).then(|| text.to_owned())
            });
            texts.collect()
        })
    }

    /// A Cloud project, which goes into a header.
    pub(super) fn project(&mut self, key: &'static str) -> Option<String> {
        self.read(key, "the id of a Cloud project, such as \"my-project-1\"", |value| {
            let is_word = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
            value.as_str().filter(is_word).map(str::to_owned)
        })
    }

    /// A text without white space, or a list of them.
    pub(super) fn one_or_more(&mut self, key: &'static str) -> Option<Vec<String>> {
        self.read(key, "a text without white space, or a list of such texts", one_or_more)
    }

    /// A name that is a URI, as types of tokens are.
    pub(super) fn uri(&mut self, key: &'static str) -> Option<String> {
        let wanted = "a URI, such as \"urn:ietf:params:oauth:token-type:access_token\"";
        self.read(key, wanted, |value| {
            let text = value.as_str()?;
            Url::parse(text).is_ok().then(|| text.to_owned())
        })
    }

    /// Addresses that name something, and that nothing is sent to (RFC 8707): any scheme, and no fragment.
    pub(super) fn resources(&mut self, key: &'static str) -> Option<Vec<Url>> {
        self.read(key, "an address without a fragment, or a list of such addresses", |value| {
            let urls = one_or_more(value)?
                .into_iter()
                .map(|text| Url::parse(&text).ok().filter(|url| url.fragment().is_none()));
            urls.collect()
        })
    }

    pub(super) fn pairs(&mut self, key: &'static str) -> Option<Vec<(String, String)>> {
        self.read(key, "a table of texts, such as { name = \"value\" }", |value| {
            let pairs = value.as_table()?.iter();
            pairs.map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
        })
    }

    pub(super) fn one_of<T: Copy>(&mut self, key: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let names: Vec<_> = choices.iter().map(|(name, _)| format!("\"{name}\"")).collect();
        self.read(key, &names.join(" or "), |value| {
            let text = value.as_str()?;
            choices.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice)
        })
    }

    /// A JSON pointer (RFC 6901).
    pub(super) fn pointer(&mut self, key: &'static str) -> Option<String> {
        self.read(key, "a JSON pointer, such as \"/sub\"", |value| {
            value.as_str().filter(|pointer| pointer.starts_with('/')).map(str::to_owned)
        })
    }

    pub(super) fn url(&mut self, key: &'static str) -> Option<Url> {
        self.read(key, "an https:// address, or an http:// one of this machine", |value| {
            let url = Url::parse(value.as_str()?).ok()?;
            (check_address(OPERATION, key, &url).is_ok() && url.fragment().is_none()).then_some(url)
        })
    }

    /// An address of this machine is one to listen on, with its port, or any that is free where it has none; an `https`
    /// address is a page that shows a code. Ports of one address go together.
    pub(super) fn redirects(&mut self, key: &'static str) -> Option<Vec<RedirectStyle>> {
        let wanted = "a list of addresses: http:// on localhost or 127.0.0.1 to listen on, https:// for a page that shows a \
                      code";
        self.read(key, wanted, |value| {
            let mut found: Vec<RedirectStyle> = Vec::new();
            for address in value.as_array().filter(|list| !list.is_empty())? {
                let url = Url::parse(address.as_str()?).ok().filter(|url| url.fragment().is_none())?;
                add(&mut found, &url)?;
            }
            Some(found)
        })
    }

    pub(super) fn policy(&mut self, key: &'static str) -> Option<UsePolicy> {
        let wanted = "a table with text, source, and access = \"open\" or \"restricted\"";
        self.read(key, wanted, |value| {
            let mut table = value.as_table()?.clone();
            let mut take = |name: &str| match table.remove(name) {
                Some(Value::String(text)) if !text.trim().is_empty() => Some(text.trim().to_owned()),
                _ => None,
            };
            let (text, source, access) = (take("text")?, take("source")?, take("access")?);
            let access = match access.as_str() {
                "open" => FlowAccess::Open,
                "restricted" => FlowAccess::Restricted,
                _ => return None,
            };
            table.is_empty().then_some(UsePolicy { text, source, access })
        })
    }

    /// Takes a key out. What is there and cannot be read is a problem that says what was wanted.
    fn read<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<T> {
        self.known.push(key);
        let value = self.table.remove(key)?;
        let found = read(&value);
        if found.is_none() {
            self.problem(key, format!("must be {wanted}"));
        }
        found
    }
}

/// A key as the file spells it. A long one, or one with other characters, may be a value that was put in the wrong place.
fn shown(key: &str) -> String {
    let is_word = key.len() <= 40 && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if is_word { key.to_owned() } else { "a key".to_owned() }
}

fn one_or_more(value: &Value) -> Option<Vec<String>> {
    let is_word = |text: &&str| !text.is_empty() && !text.contains(char::is_whitespace);
    let word = |value: &Value| value.as_str().filter(is_word).map(str::to_owned);
    match value {
        Value::Array(list) => list.iter().map(word).collect(),
        value => word(value).map(|word| vec![word]),
    }
}

fn add(found: &mut Vec<RedirectStyle>, url: &Url) -> Option<()> {
    if url.scheme() == "https" {
        found.push(RedirectStyle::Paste { redirect_uri: url.clone() });
        return Some(());
    }
    let is_v4 = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(_) => false,
    };
    if url.scheme() != "http" || !is_v4 || url.query().is_some() {
        return None;
    }
    let (host, port) = (url.host_str()?, url.port().unwrap_or(0));
    match found.last_mut() {
        Some(RedirectStyle::Loopback { host: last, ports, path }) if last == host && path == url.path() => {
            ports.push(port);
        }
        _ => found.push(RedirectStyle::Loopback {
            host: host.to_owned(),
            ports: vec![port],
            path: url.path().to_owned(),
        }),
    }
    Some(())
}
