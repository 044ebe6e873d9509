//! A browser, as far as signing in needs one: addresses, redirects, cookies and forms, over plain HTTP on this machine.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use url::{Url, form_urlencoded::Serializer};

/// The most pages and redirects that a sign-in may take.
const MOST: usize = 20;

/// What the user does with the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Signs in as `alice`, and says yes to everything.
    Approves,
    /// Leaves at the first way out.
    Denies,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    location: Option<String>,
    cookies: Vec<(String, String)>,
    pub(crate) body: String,
}

/// Opens an address, as somebody without cookies.
pub(crate) fn get(url: &str) -> Answer {
    ask(&url.parse().unwrap(), &[], None)
}

/// Sends a form, as somebody without cookies.
pub(crate) fn post(url: &str, form: &[(&str, &str)]) -> Answer {
    ask(&url.parse().unwrap(), &[], Some(&encoded(form)))
}

/// Sends a request with one more header.
pub(crate) fn get_as(url: &str, token: &str) -> Answer {
    ask(&url.parse().unwrap(), &[format!("authorization: Bearer {token}")], None)
}

/// Goes through all pages from an address on, and gives the address on which the server lets go of the user; absent when it
/// ends with a page of the server.
pub(crate) fn visit(start: &str, user: User) -> Option<Url> {
    let start: Url = start.parse().unwrap();
    let mut cookies = BTreeMap::new();
    let (mut url, mut form) = (start.clone(), None::<String>);
    let mut has_left = false;
    for _ in 0..MOST {
        let jar: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = ask(&url, &[format!("cookie: {}", jar.join("; "))], form.take().as_deref());
        for (name, value) in answer.cookies {
            if value.is_empty() {
                cookies.remove(&name)
            } else {
                cookies.insert(name, value)
            };
        }
        if let Some(location) = answer.location {
            url = url.join(&location).unwrap();
            if url.port() != start.port() {
                return Some(url);
            }
            continue;
        }
        if has_left {
            return None;
        }
        let page = Page(&answer.body);
        if user == User::Denies
            && let Some(way_out) = page.way_out()
        {
            url = url.join(&way_out).unwrap();
            continue;
        }
        let (action, mut fields) = page.form()?;
        if user == User::Denies && answer.body.contains("name=\"abort\"") {
            fields.push(("abort".to_owned(), "yes".to_owned()));
            has_left = true;
        }
        url = url.join(&action).unwrap();
        form = Some(encoded(&fields));
    }
    panic!("the sign-in does not come to an end");
}

fn encoded(fields: &[(impl AsRef<str>, impl AsRef<str>)]) -> String {
    Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn ask(url: &Url, headers: &[String], form: Option<&str>) -> Answer {
    let port = url.port().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let method = if form.is_some() { "POST" } else { "GET" };
    let mut request =
        format!("{method} {target} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n");
    for header in headers {
        request.push_str(&format!("{header}\r\n"));
    }
    if let Some(form) = form {
        request.push_str(&format!(
            "content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
            form.len()
        ));
    }
    stream.write_all(format!("{request}\r\n{}", form.unwrap_or_default()).as_bytes()).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let lower = |line: &str| {
        line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    let all: Vec<_> = head.lines().skip(1).filter_map(lower).collect();
    assert!(!all.iter().any(|(name, _)| name == "transfer-encoding"), "bodies come in one piece");
    let cookie = |value: &str| {
        let (name, value) = value.split(';').next()?.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('"').to_owned()))
    };
    Answer {
        status: head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap(),
        location: all.iter().find(|(name, _)| name == "location").map(|(_, value)| value.clone()),
        cookies: all
            .iter()
            .filter(|(name, _)| name == "set-cookie")
            .filter_map(|(_, it)| cookie(it))
            .collect(),
        body: body.to_owned(),
    }
}

/// A page of a server, of which the tests know the manner.
struct Page<'a>(&'a str);

impl Page<'_> {
    /// The first form, filled in.
    fn form(&self) -> Option<(String, Vec<(String, String)>)> {
        let form = self.0.split_once("<form")?.1.split_once("</form>")?.0;
        let action = attribute(form.split_once('>')?.0, "action")?;
        let inputs = form.split("<input").skip(1).filter_map(|input| {
            let input = input.split_once('>')?.0;
            let name = attribute(input, "name")?;
            let value = match name.as_str() {
                "login" | "username" => "alice".to_owned(),
                "password" => "wonderland".to_owned(),
                _ => attribute(input, "value").unwrap_or_default(),
            };
            Some((name, value))
        });
        Some((action, inputs.collect()))
    }

    /// The link that cancels.
    fn way_out(&self) -> Option<String> {
        let before = self.0.split_once("[ Cancel ]")?.0;
        attribute(&before[before.rfind("<a ")?..], "href")
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = tag.split_once(&format!("{name}=\""))?.1.split_once('"')?.0;
    Some(value.replace("&amp;", "&").replace("&#39;", "'").replace("&quot;", "\""))
}
