//! SSE framing: the WHATWG rules, and the deviations that LLM providers need.
//!
//! The rules are those of the HTML standard, section "Server-sent events": lines end at LF, CR or CRLF; one leading
//! byte-order mark is dropped; a byte that is not UTF-8 becomes U+FFFD and harms nothing else; fields other than `data`
//! and `event` change nothing here. It departs from the standard in three things, each because a provider or a proxy
//! needs it:
//!
//! * An event whose blank line never came is handed on all the same, marked [`unterminated`](SseFrame::unterminated).
//! * A JSON value that stands in the body outside of any field, or in a field named `error`, goes to
//!   [`StreamDecoder::stray`]: Google and llama.cpp report errors in this way in the middle of a stream.
//! * `id` and `retry` are passed over, since none of these APIs resumes by them.
//!
//! Lines are told apart as bytes, with memchr. An event that lies in one chunk is borrowed from it; only what a chunk
//! leaves over is copied, into buffers that are used again, so that no event allocates in the steady state. Every byte
//! is looked at a fixed number of times, whatever the chunks.

use std::borrow::Cow;

use memchr::memchr2;

use super::{Events, StreamDecoder, stray::Stray};
use crate::error::{Error, ErrorKind, Result};

/// One server-sent event, borrowed from the buffer it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseFrame<'a> {
    /// The name of the event, if it has one. Proxies drop it, so that decoders go by the data.
    pub event: Option<&'a str>,
    /// The data, lines joined by line feeds.
    pub data: &'a str,
    /// Whether the body ended before the event's blank line. Such a frame counts only if it is whole.
    pub unterminated: bool,
}

/// How large things may be. Beyond it the stream fails with an error of kind
/// [`Protocol`](crate::ErrorKind::Protocol), wherever the body was cut into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseLimits {
    /// The most bytes of one event's data and name. What is not kept, such as comments, has no limit.
    pub event_bytes: usize,
    /// The most bytes of one JSON value outside of any field.
    pub stray_bytes: usize,
}

impl Default for SseLimits {
    /// 16 MiB an event, since images come in one line; 1 MiB outside of fields, since a whole answer can come there.
    fn default() -> Self {
        Self { event_bytes: 16 << 20, stray_bytes: 1 << 20 }
    }
}

/// Cuts a body into frames and hands each to a decoder, until the decoder has ended the stream.
#[derive(Debug)]
pub struct SseFramer {
    limits: SseLimits,
    /// How many bytes of a leading byte-order mark have come; [`BOM_DONE`] once it is decided.
    bom: u8,
    /// The last byte was a CR: a LF that comes next belongs to it.
    after_cr: bool,
    line: Line,
    name: Vec<u8>,
    data: Vec<u8>,
    /// A line of data lies in `data`; it can be empty.
    has_data: bool,
    stray: Stray,
}

/// What is known of the line that the last chunk was cut in.
#[derive(Debug, Clone, Copy)]
enum Line {
    /// No byte of it has come.
    Start,
    /// Too little to tell the field: these bytes, so many of them.
    Head([u8; 8], u8),
    /// Its value goes into `data` or `name`; `blank` while the one leading space may still come.
    Data {
        blank: bool,
    },
    Name {
        blank: bool,
    },
    /// It goes to the stray JSON.
    Stray,
    /// Nobody wants it.
    Skip,
}

/// What a line is.
#[derive(Clone, Copy)]
enum Field {
    Data,
    Event,
    Stray,
    Skip,
}

/// The event that lies in the chunk that is being read.
#[derive(Default)]
struct Held<'c> {
    name: Option<&'c [u8]>,
    data: Option<&'c [u8]>,
}

const BOM: &[u8] = b"\xEF\xBB\xBF";
const BOM_DONE: u8 = u8::MAX;

const FIELDS: [(&[u8], Field); 6] = [
    (b"data:", Field::Data),
    (b"event:", Field::Event),
    (b":", Field::Skip),
    (b"id:", Field::Skip),
    (b"retry:", Field::Skip),
    (b"error:", Field::Stray),
];

impl SseFramer {
    /// A framer for one body.
    pub fn new(limits: SseLimits) -> Self {
        Self {
            limits,
            bom: 0,
            after_cr: false,
            line: Line::Start,
            name: Vec::new(),
            data: Vec::new(),
            has_data: false,
            stray: Stray::new(limits.stray_bytes),
        }
    }

    /// Takes the next bytes, cut anywhere. Fails where the decoder fails, and of kind
    /// [`Protocol`](crate::ErrorKind::Protocol) beyond a limit; after that it is not to be used further.
    pub fn push(&mut self, bytes: &[u8], decoder: &mut dyn StreamDecoder, out: &mut Events) -> Result<()> {
        let mut rest = bytes;
        if self.bom != BOM_DONE {
            while (self.bom as usize) < BOM.len() {
                match rest.split_first() {
                    None => return Ok(()),
                    Some((byte, after)) if *byte == BOM[self.bom as usize] => {
                        (self.bom, rest) = (self.bom + 1, after);
                    }
                    Some(_) => {
                        // No mark after all: what looked like one is the beginning of a line.
                        let begun = &BOM[..self.bom as usize];
                        self.bom = BOM_DONE;
                        self.lines(begun, decoder, out)?;
                        break;
                    }
                }
            }
            self.bom = BOM_DONE;
        }
        self.lines(rest, decoder, out)
    }

    /// The body has ended: what is still open goes out as unterminated.
    pub fn finish(&mut self, decoder: &mut dyn StreamDecoder, out: &mut Events) -> Result<()> {
        if self.bom != BOM_DONE {
            let begun = &BOM[..self.bom as usize];
            self.bom = BOM_DONE;
            self.lines(begun, decoder, out)?;
        }
        self.end_line(decoder, out)?;
        self.dispatch(&mut Held::default(), true, decoder, out)
    }

    fn lines(&mut self, bytes: &[u8], decoder: &mut dyn StreamDecoder, out: &mut Events) -> Result<()> {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        if !matches!(self.line, Line::Start) {
            let Some(end) = memchr2(b'\n', b'\r', rest) else { return self.extend(rest, decoder, out) };
            self.extend(&rest[..end], decoder, out)?;
            self.end_line(decoder, out)?;
            rest = self.after_line(rest, end);
        }
        let mut held = Held::default();
        while let Some(first) = rest.first() {
            if *first == b'\n' || *first == b'\r' {
                rest = self.after_line(rest, 0);
                self.dispatch(&mut held, false, decoder, out)?;
                if out.is_ended() {
                    return Ok(());
                }
                continue;
            }
            let Some(end) = memchr2(b'\n', b'\r', rest) else {
                self.keep(&mut held)?;
                return self.extend(rest, decoder, out);
            };
            self.whole_line(&rest[..end], &mut held, decoder, out)?;
            rest = self.after_line(rest, end);
        }
        self.keep(&mut held)
    }

    /// The bytes after the line that ends at `end`.
    #[inline]
    fn after_line<'c>(&mut self, bytes: &'c [u8], end: usize) -> &'c [u8] {
        let rest = &bytes[end + 1..];
        if bytes[end] == b'\n' {
            return rest;
        }
        match rest.first() {
            Some(b'\n') => &rest[1..],
            Some(_) => rest,
            None => {
                self.after_cr = true;
                rest
            }
        }
    }

    /// Takes a line that lies wholly in the chunk and is not blank.
    #[inline]
    fn whole_line<'c>(
        &mut self,
        line: &'c [u8],
        held: &mut Held<'c>,
        decoder: &mut dyn StreamDecoder,
        out: &mut Events,
    ) -> Result<()> {
        match field(line) {
            (Field::Data, value) => {
                if self.has_data || held.data.is_some() {
                    self.keep_data(held);
                    self.data.push(b'\n');
                    self.data.extend_from_slice(value);
                } else {
                    held.data = Some(value);
                }
                self.check(held)
            }
            (Field::Event, value) => {
                held.name = Some(value);
                self.check(held)
            }
            (Field::Stray, value) => {
                self.keep(held)?;
                self.stray.feed(value, decoder, out)?;
                self.stray.end_line();
                Ok(())
            }
            (Field::Skip, _) => Ok(()),
        }
    }

    /// Takes more of the line that is cut.
    fn extend(&mut self, bytes: &[u8], decoder: &mut dyn StreamDecoder, out: &mut Events) -> Result<()> {
        let mut rest = bytes;
        while let Some(first) = rest.first() {
            match &mut self.line {
                Line::Start => {
                    match FIELDS.iter().find_map(|(name, field)| Some((rest.strip_prefix(*name)?, *field))) {
                        Some((value, field)) => {
                            self.open(field);
                            rest = value;
                        }
                        None => self.line = Line::Head([0; 8], 0),
                    }
                }
                Line::Head(head, len) => {
                    let at = usize::from(*len);
                    // A head is shorter than the longest field name with its colon, which is 6 bytes.
                    head[at] = *first;
                    *len += 1;
                    rest = &rest[1..];
                    let head = *head;
                    self.begin(&head[..=at], decoder, out)?;
                }
                Line::Data { blank } => {
                    let value = if *blank { rest.strip_prefix(b" ").unwrap_or(rest) } else { rest };
                    *blank = false;
                    self.data.extend_from_slice(value);
                    return self.check(&Held::default());
                }
                Line::Name { blank } => {
                    let value = if *blank { rest.strip_prefix(b" ").unwrap_or(rest) } else { rest };
                    *blank = false;
                    self.name.extend_from_slice(value);
                    return self.check(&Held::default());
                }
                Line::Stray => return self.stray.feed(rest, decoder, out),
                Line::Skip => return Ok(()),
            }
        }
        Ok(())
    }

    /// Decides what a cut line is from its first bytes, if they are enough.
    fn begin(&mut self, head: &[u8], decoder: &mut dyn StreamDecoder, out: &mut Events) -> Result<()> {
        let Some((known, field)) = FIELDS.iter().find(|(name, _)| name.starts_with(head)) else {
            self.line = Line::Stray;
            return self.stray.feed(head, decoder, out);
        };
        if known.len() == head.len() {
            self.open(*field);
        }
        Ok(())
    }

    /// Begins the value of a line that is cut.
    fn open(&mut self, field: Field) {
        self.line = match field {
            Field::Data => {
                self.begin_data();
                Line::Data { blank: true }
            }
            Field::Event => {
                self.name.clear();
                Line::Name { blank: true }
            }
            Field::Stray => Line::Stray,
            Field::Skip => Line::Skip,
        };
    }

    /// The line that was cut has come to its end.
    fn end_line(&mut self, decoder: &mut dyn StreamDecoder, out: &mut Events) -> Result<()> {
        match std::mem::replace(&mut self.line, Line::Start) {
            Line::Head(head, len) => match field(&head[..usize::from(len)]) {
                (Field::Data, _) => {
                    self.begin_data();
                    self.check(&Held::default())?;
                }
                (Field::Event, _) => self.name.clear(),
                (Field::Stray, value) => {
                    self.stray.feed(value, decoder, out)?;
                    self.stray.end_line();
                }
                (Field::Skip, _) => {}
            },
            Line::Stray => self.stray.end_line(),
            Line::Start | Line::Data { .. } | Line::Name { .. } | Line::Skip => {}
        }
        Ok(())
    }

    fn begin_data(&mut self) {
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
    }

    /// Copies what must outlive the chunk.
    fn keep(&mut self, held: &mut Held<'_>) -> Result<()> {
        self.keep_data(held);
        if let Some(name) = held.name.take() {
            self.name.clear();
            self.name.extend_from_slice(name);
        }
        self.check(held)
    }

    fn keep_data(&mut self, held: &mut Held<'_>) {
        if let Some(data) = held.data.take() {
            self.data.extend_from_slice(data);
            self.has_data = true;
        }
    }

    #[inline]
    fn check(&self, held: &Held<'_>) -> Result<()> {
        let name = held.name.map_or(self.name.len(), <[u8]>::len);
        let data = held.data.map_or(self.data.len(), <[u8]>::len);
        if name + data <= self.limits.event_bytes { Ok(()) } else { Err(too_large(self.limits.event_bytes)) }
    }

    /// Hands the event to the decoder if it has data, and begins the next one.
    #[inline]
    fn dispatch(
        &mut self,
        held: &mut Held<'_>,
        unterminated: bool,
        decoder: &mut dyn StreamDecoder,
        out: &mut Events,
    ) -> Result<()> {
        let (name, data) = (held.name.take(), held.data.take());
        if (self.has_data || data.is_some()) && !out.is_ended() {
            let name = text(name.unwrap_or(&self.name));
            let data = text(data.unwrap_or(&self.data));
            let event = (!name.is_empty()).then_some(&*name);
            decoder.push(SseFrame { event, data: &data, unterminated }, out)?;
            self.stray.clear();
            self.has_data = false;
            self.data.clear();
        }
        self.name.clear();
        Ok(())
    }
}

/// What a whole line is, and its value.
#[inline]
fn field(line: &[u8]) -> (Field, &[u8]) {
    for (name, field) in FIELDS {
        if let Some(value) = line.strip_prefix(name) {
            return (field, value.strip_prefix(b" ").unwrap_or(value));
        }
    }
    // Without a colon the whole line is the name of a field with an empty value.
    match line {
        b"data" => (Field::Data, b""),
        b"event" => (Field::Event, b""),
        b"id" | b"retry" => (Field::Skip, b""),
        _ => (Field::Stray, line),
    }
}

#[inline]
fn text(bytes: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

#[cold]
fn too_large(limit: usize) -> Error {
    Error::new(ErrorKind::Protocol, "read an answer")
        .because(format!("an event of the stream is larger than the limit of {limit} bytes"))
}
