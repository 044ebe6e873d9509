//! A session as a file, to be kept or to be taken into another store.

use std::io::{BufRead, Write};

use maestro_core::{
    Error, ErrorKind, FieldError, Id, Result,
    archive::{
        Archive, ContentHash, ContentHasher, ItemRecord, Record, RecordKey, SessionRecord,
        canonical::{self, RecordReader},
    },
    auth::{AuthName, AuthRef, AuthType, SavedAuthentication},
    conversations::Session,
    provider::ProviderId,
    supplied_context::Item,
};
use serde::{Deserialize, Serialize};

/// The version of the format of files.
pub const FILE_VERSION: u32 = 1;

const READ: &str = "read session file";
const WRITE: &str = "write session file";

/// A session with all that it needs, but for credentials: what a file holds.
///
/// The file is JSON Lines: a header, the reference to the authentication if the session has one, the items that the
/// session uses and the session in their [canonical form](canonical), and a last line with the number of lines before it
/// and the SHA-256 of their bytes. A session is always written to the same bytes. There are no credentials in it, not
/// even sealed ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionFile {
    /// What the authentication of the session is called.
    pub authentication: Option<AuthenticationReference>,
    /// The items that the session uses, each once, in the order of their ids, with all their versions.
    pub items: Vec<ItemRecord>,
    /// The session with everything in it.
    pub session: SessionRecord,
}

/// What a saved authentication is called, without what is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticationReference {
    /// Its id.
    pub id: Id<SavedAuthentication>,
    /// Provider, kind and name.
    pub reference: AuthRef,
}

/// The first field of the lines that a file has beside those of records.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    MaestroSession,
    AuthenticationReference,
    End,
}

/// The first line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    r#type: Type,
    version: u32,
    /// The version of the canonical form.
    form: u32,
    session_id: Id<Session>,
}

/// The second line, if the session has an authentication.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reference {
    r#type: Type,
    id: Id<SavedAuthentication>,
    provider: ProviderId,
    auth_type: AuthType,
    name: AuthName,
}

/// The last line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    r#type: Type,
    lines: u64,
    sha256: String,
}

impl SessionFile {
    /// Reads a session from a store, as it is at one moment, with what it uses.
    ///
    /// [`NotFound`](ErrorKind::NotFound) when there is no such session.
    pub async fn export(store: &dyn Archive, session: Id<Session>) -> Result<Self> {
        let Record::Session(record) = store.record_get(RecordKey::Session(session)).await? else {
            return Err(Error::new(ErrorKind::Internal, WRITE)
                .on(session)
                .because("the store gave another record"));
        };
        let mut items = Vec::new();
        for id in used_items(&record.session) {
            // While the session uses them they cannot be deleted, and their versions never change.
            if let Record::Item(item) = store.record_get(RecordKey::Item(id)).await? {
                items.push(item);
            }
        }
        let authentication = match record.session.auth_id {
            None => None,
            Some(id) => match store.auth_get(id).await {
                Ok(row) => Some(AuthenticationReference { id, reference: row.reference() }),
                // Deleted since: then the session has none any more.
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
        };
        let mut session = *record;
        session.session.auth_id = authentication.as_ref().map(|authentication| authentication.id);
        Ok(Self { authentication, items, session })
    }

    /// Writes the file. [`Unavailable`](ErrorKind::Unavailable) when it cannot be written there.
    pub fn write(&self, out: &mut impl Write) -> Result<()> {
        let mut out = Lines { out, hasher: ContentHasher::new(), lines: 0 };
        out.line(&Header {
            r#type: Type::MaestroSession,
            version: FILE_VERSION,
            form: canonical::FORMAT,
            session_id: self.session.session.id,
        })?;
        if let Some(AuthenticationReference { id, reference }) = self.authentication.clone() {
            let AuthRef { provider, auth_type, name } = reference;
            out.line(&Reference { r#type: Type::AuthenticationReference, id, provider, auth_type, name })?;
        }
        for item in &self.items {
            item.write_lines(&mut out)?;
        }
        self.session.write_lines(&mut out)?;
        let end = End { r#type: Type::End, lines: out.lines, sha256: out.hasher.finish().to_string() };
        out.line(&end)?;
        out.out.flush().map_err(unwritten)
    }

    /// Reads a file to its end, and checks everything in it that can be checked without a store.
    ///
    /// [`Invalid`](ErrorKind::Invalid) when it is no such file, was cut off or changed, or contradicts itself;
    /// [`Unsupported`](ErrorKind::Unsupported) when a newer version of Maestro has written it;
    /// [`Unavailable`](ErrorKind::Unavailable) when it cannot be read.
    pub fn read(mut file: impl BufRead) -> Result<Self> {
        let mut hasher = ContentHasher::new();
        let mut reader = RecordReader::new();
        let mut read = Read::default();
        let mut number: u64 = 0;
        let mut line = String::new();
        loop {
            line.clear();
            let unreadable = |error: std::io::Error| match error.kind() {
                std::io::ErrorKind::InvalidData => wrong(number + 1, "is not UTF-8"),
                _ => Error::new(ErrorKind::Unavailable, READ).caused_by(error),
            };
            if file.read_line(&mut line).map_err(unreadable)? == 0 {
                return Err(cut_off(number));
            }
            number += 1;
            let Some(text) = line.strip_suffix('\n') else { return Err(cut_off(number)) };
            if number == 1 {
                read.header(text)?;
            } else if number == 2 && text.starts_with("{\"type\":\"authentication_reference\"") {
                read.reference(text)?;
            } else if text.starts_with("{\"type\":\"end\"") {
                end(text, number, hasher.finish())?;
                break;
            } else {
                let whole = reader.push(text).map_err(|error| at_line(number, &error))?;
                whole.map_or(Ok(()), |record| read.add(record))?;
            }
            hasher.update(line.as_bytes());
        }
        line.clear();
        let behind = file.read_line(&mut line);
        if behind.map_or(true, |bytes| bytes > 0) {
            return Err(wrong(number + 1, "stands behind the end"));
        }
        if let Some(record) = reader.finish().map_err(|error| at_line(number, &error))? {
            read.add(record)?;
        }
        read.into_file()
    }
}

/// The items that a session uses, each once, in the order of their ids.
pub(super) fn used_items(session: &Session) -> Vec<Id<Item>> {
    let mut items: Vec<_> =
        session.persona.iter().chain(&session.system_prompts).map(|used| used.item_id).collect();
    items.sort();
    items.dedup();
    items
}

/// Counts and hashes the lines that go through it.
struct Lines<'a, W> {
    out: &'a mut W,
    hasher: ContentHasher,
    lines: u64,
}

impl<W: Write> Lines<'_, W> {
    fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_string(line)
            .map_err(|error| Error::new(ErrorKind::Internal, WRITE).caused_by(error))?;
        text.push('\n');
        self.write_all(text.as_bytes()).map_err(unwritten)
    }
}

impl<W: Write> Write for Lines<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        let written_bytes = &bytes[..written];
        self.hasher.update(written_bytes);
        self.lines += written_bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// What has been read so far.
#[derive(Default)]
struct Read {
    session_id: Option<Id<Session>>,
    authentication: Option<AuthenticationReference>,
    items: Vec<ItemRecord>,
    session: Option<SessionRecord>,
}

impl Read {
    fn header(&mut self, text: &str) -> Result<()> {
        #[derive(Deserialize)]
        struct Versions {
            r#type: String,
            version: u32,
            form: u32,
        }
        let no_file = || wrong(1, "is not the first line of a session that Maestro has exported");
        let versions: Versions = serde_json::from_str(text).map_err(|_| no_file())?;
        if versions.r#type != "maestro_session" {
            return Err(no_file());
        }
        if (versions.version, versions.form) != (FILE_VERSION, canonical::FORMAT) {
            return Err(Error::new(ErrorKind::Unsupported, READ)
                .because(format!(
                    "it is of version {}.{}, and this program reads {FILE_VERSION}.{}",
                    versions.version,
                    versions.form,
                    canonical::FORMAT
                ))
                .advise("import it with the version of Maestro that wrote it, or a later one"));
        }
        let header: Header = serde_json::from_str(text).map_err(|_| no_file())?;
        self.session_id = Some(header.session_id);
        Ok(())
    }

    fn reference(&mut self, text: &str) -> Result<()> {
        let Reference { id, provider, auth_type, name, .. } =
            serde_json::from_str(text).map_err(|error| wrong(2, "cannot be read").caused_by(error))?;
        let reference = AuthRef::new(provider, auth_type, name);
        self.authentication = Some(AuthenticationReference { id, reference });
        Ok(())
    }

    fn add(&mut self, record: Record) -> Result<()> {
        record.validate()?;
        match record {
            Record::Item(item) if self.session.is_none() => self.items.push(item),
            Record::Session(session) if self.session.is_none() => self.session = Some(*session),
            Record::Item(_) => return Err(misfit("items", "must stand before the session")),
            Record::Session(_) => return Err(misfit("session", "must be one alone")),
            Record::Authentication(_) => return Err(misfit("authentication", "must not be in such a file")),
        }
        Ok(())
    }

    fn into_file(self) -> Result<SessionFile> {
        let session = self.session.ok_or_else(|| misfit("session", "is missing"))?;
        if self.session_id != Some(session.session.id) {
            return Err(misfit("session_id", "must be that of the session"));
        }
        let items: Vec<_> = self.items.iter().map(|record| record.item.id).collect();
        if items != used_items(&session.session) {
            return Err(misfit("items", "must be those that the session uses, in the order of their ids"));
        }
        for used in session.session.persona.iter().chain(&session.session.system_prompts) {
            let has = |record: &ItemRecord| {
                record.item.id == used.item_id
                    && record.versions.iter().any(|version| version.version == used.version)
            };
            if !self.items.iter().any(has) {
                return Err(misfit("items", "must have the versions that the session uses"));
            }
        }
        if session.session.auth_id != self.authentication.as_ref().map(|authentication| authentication.id) {
            return Err(misfit("authentication_reference", "must be that of the session"));
        }
        Ok(SessionFile { authentication: self.authentication, items: self.items, session })
    }
}

fn end(text: &str, number: u64, found: ContentHash) -> Result<()> {
    let end: End =
        serde_json::from_str(text).map_err(|_| wrong(number, "is not the last line of such a file"))?;
    if end.lines != number - 1 {
        return Err(wrong(number, format!("stands behind {} lines, not {}", number - 1, end.lines)));
    }
    if end.sha256.parse::<ContentHash>()? != found {
        return Err(wrong(
            number,
            "has another hash than the lines before it: the file was damaged or changed",
        )
        .advise("export the session again"));
    }
    Ok(())
}

fn wrong(number: u64, problem: impl Into<String>) -> Error {
    Error::invalid(READ, [FieldError::new(format!("line {number}"), problem)])
}

fn misfit(field: &str, problem: &str) -> Error {
    Error::invalid(READ, [FieldError::new(field, problem)])
}

fn cut_off(number: u64) -> Error {
    Error::invalid(READ, [FieldError::new("file", format!("ends at line {number}, before its last line"))])
        .advise("it was cut off: export the session again")
}

/// The same error of the reader of records, which does not count lines.
fn at_line(number: u64, error: &Error) -> Error {
    let problems = error.fields().iter().map(|field| field.problem.as_str()).collect::<Vec<_>>();
    wrong(number, problems.join(", "))
}

fn unwritten(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, WRITE).caused_by(error)
}
