//! Which store is used, and opening it.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use directories::ProjectDirs;
use maestro::{Error, ErrorKind, MemoryStore, PostgresStore, SqliteStore, archive::Archive};
use url::Url;

use crate::exit::{Failure, Result, invalid};

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// In this process; gone when it ends.
    Memory,
    /// In a file.
    Sqlite(PathBuf),
    /// In a schema of a Postgres database.
    Postgres(PostgresUrl),
}

/// The URL of a Postgres database, which is never shown with its password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PostgresUrl(pub(crate) String);

impl PostgresUrl {
    /// Server, port and database, whoever connects and however.
    fn place(&self) -> Option<[String; 3]> {
        let url = Url::parse(&self.0).ok()?;
        let of_query =
            |name| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
        let host = of_query("host").or_else(|| url.host_str().map(str::to_lowercase));
        let port = of_query("port").or_else(|| url.port().map(|port| port.to_string()));
        let path = url.path().trim_start_matches('/');
        let database = of_query("dbname").or_else(|| (!path.is_empty()).then(|| path.to_owned()));
        Some([
            host.unwrap_or_default(),
            port.unwrap_or_else(|| "5432".to_owned()),
            database.unwrap_or_default(),
        ])
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(mut url) = Url::parse(&self.0) else { return f.write_str("postgres:") };
        // A password can stand in two places. A URL of this kind can have one taken away.
        let _ = url.set_password(None);
        url.set_query(None);
        url.set_fragment(None);
        url.fmt(f)
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for StoreUrl {
    type Err = Error;

    /// Reads `memory:`, `sqlite:PATH` or `postgres://…`, whose rest is read when it is opened: what is wrong with a URL is
    /// told here with all of it, password included.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => {
                // `sqlite:///var/x` and `sqlite:/var/x` are the same file, as in other programs.
                let path = path.strip_prefix("//").filter(|path| path.starts_with('/')).unwrap_or(path);
                Ok(Self::Sqlite(path.into()))
            }
            Some(("postgres" | "postgresql", rest)) if rest.starts_with("//") => {
                Ok(Self::Postgres(PostgresUrl(text.to_owned())))
            }
            _ => Err(invalid(
                "read the store",
                "store",
                "must be memory:, sqlite:PATH or postgres://USER@HOST/DATABASE",
            )),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

impl StoreUrl {
    /// Opens the store, and makes it if it is not there.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Archive>> {
        match self {
            Self::Memory => Ok(Arc::new(MemoryStore::new())),
            Self::Sqlite(path) => {
                if let Some(directory) = path.parent().filter(|path| !path.as_os_str().is_empty())
                    && !directory.is_dir()
                {
                    return Err(Failure::Store(
                        Error::new(ErrorKind::Unavailable, "open store")
                            .on(self)
                            .because(format!("there is no directory {}", directory.display()))
                            .advise("make the directory, or name another store with --store"),
                    ));
                }
                make_private_file(path);
                let store = SqliteStore::open(path).await.map_err(Failure::Store)?;
                Ok(Arc::new(store))
            }
            Self::Postgres(PostgresUrl(url)) => {
                let store = PostgresStore::connect(url).await.map_err(Failure::Store)?;
                Ok(Arc::new(store))
            }
        }
    }
}

impl StoreUrl {
    /// Opens the store, which must be there.
    pub(crate) async fn open_existing(&self) -> Result<Arc<dyn Archive>> {
        self.expect_existing()?;
        if let Self::Postgres(PostgresUrl(url)) = self
            && PostgresStore::builder(url).schema_version().await.map_err(Failure::Store)? == 0
        {
            return Err(Error::not_found("open store", self)
                .because("there is no schema maestro in this database")
                .advise("name a store that is there, or begin one with `maestro --store URL chat`")
                .into());
        }
        self.open().await
    }

    /// [`ErrorKind::NotFound`] when there is no such file, so that looking at one makes none.
    pub(crate) fn expect_existing(&self) -> Result<()> {
        match self {
            Self::Sqlite(path) if !path.exists() => Err(Error::not_found("open store", self)
                .because("there is no such file")
                .advise("name a store that is there, such as sqlite:PATH")
                .into()),
            Self::Memory | Self::Sqlite(_) | Self::Postgres(_) => Ok(()),
        }
    }

    /// Whether both are the same place, whatever way leads to it.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sqlite(one), Self::Sqlite(other)) => is_same_file(one, other),
            (Self::Postgres(one), Self::Postgres(other)) => one.place() == other.place(),
            // Each opening of a store in memory is a store of its own.
            _ => false,
        }
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // Links of one file have several paths.
        if let (Ok(one), Ok(other)) = (fs::metadata(one), fs::metadata(other)) {
            return (one.dev(), one.ino()) == (other.dev(), other.ino());
        }
    }
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    real(one) == real(other)
}

/// A text without the passwords of the URLs in it.
pub(crate) fn without_passwords(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("://") {
        shown.push_str(before);
        shown.push_str("://");
        let authority = behind.split(|c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"')).next();
        rest = behind;
        if let Some((user, password)) = authority
            .and_then(|authority| authority.rsplit_once('@'))
            .and_then(|(login, _)| login.split_once(':'))
        {
            shown.push_str(user);
            shown.push_str(":…");
            rest = behind.get(user.len() + 1 + password.len()..).unwrap_or_default();
        }
    }
    shown.push_str(rest);
    shown
}

/// The store that is used when none is named: a file in the platform's data directory, which is made.
pub(crate) fn default_store() -> Result<StoreUrl> {
    Ok(StoreUrl::Sqlite(data_directory()?.join("maestro.sqlite")))
}

/// The program's own directory in the platform's data directory, made for its owner alone.
pub(crate) fn data_directory() -> Result<PathBuf> {
    let directories = ProjectDirs::from("", "", "maestro").ok_or_else(|| {
        Failure::Store(
            Error::new(ErrorKind::Unavailable, "find the data directory")
                .because("the system names no home directory")
                .advise("name a store with --store and a key file with --key-file"),
        )
    })?;
    let directory = directories.data_dir().to_owned();
    make_private_directory(&directory).map_err(|error| {
        Failure::Store(
            Error::new(ErrorKind::Unavailable, "make the data directory")
                .on(directory.display())
                .because(error.to_string())
                .advise("name a store with --store and a key file with --key-file"),
        )
    })?;
    Ok(directory)
}

/// Makes a directory, and those above it, for its owner alone. One that exists stays as it is.
fn make_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes an empty file for its owner alone, which SQLite then fills; what it writes beside it takes the same mode. A
/// file that exists stays as it is, and what is wrong with the path is told by opening it.
fn make_private_file(path: &Path) {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_memory_or_a_file_or_a_database() {
        assert_eq!("memory:".parse::<StoreUrl>().unwrap(), StoreUrl::Memory);
        for (text, path) in [
            ("sqlite:a.sqlite", "a.sqlite"),
            ("sqlite:/a", "/a"),
            ("sqlite:///a", "/a"),
            ("sqlite:C:\\a", "C:\\a"),
        ] {
            assert_eq!(text.parse::<StoreUrl>().unwrap(), StoreUrl::Sqlite(path.into()), "{text}");
        }
        for url in ["postgres://h/d", "postgresql:///d?host=/run"] {
            assert_eq!(url.parse::<StoreUrl>().unwrap(), StoreUrl::Postgres(PostgresUrl(url.to_owned())));
        }
        for text in ["", "a.sqlite", "sqlite:", "memory:x", "postgres:", "mysql://h/d"] {
            assert!(text.parse::<StoreUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_database_is_the_same_whoever_connects() {
        let same = |one: &str, other: &str| {
            let [one, other] = [one, other].map(|url| url.parse::<StoreUrl>().unwrap());
            one.is_same(&other)
        };
        assert!(same("postgres://ann:x@Host/d", "postgresql://bob@host:5432/d?sslmode=require"));
        assert!(same("postgres:///d?host=/run", "postgres://x/d?host=/run"));
        assert!(!same("postgres://h/d", "postgres://h/e"));
        assert!(!same("postgres://h:1/d", "postgres://h/d"));
    }

    #[test]
    fn a_database_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://ann:s3cret@h:1/d?sslmode=require", "postgres://ann@h:1/d"),
            ("postgres://h/d?user=ann&password=s3cret", "postgres://h/d"),
            ("postgres://ann:s3cret@h:none/d", "postgres:"),
        ] {
            let url: StoreUrl = url.parse().unwrap();
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("s3cret"), "{url:?}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        for (text, shown) in [
            ("postgres://maestro:s3cret@host:5432/db", "postgres://maestro:…@host:5432/db"),
            ("value 'postgres://u:p@ss:w@h/d' for", "value 'postgres://u:…@h/d' for"),
            ("postgres://u@h/d sqlite:///a:b@c", "postgres://u@h/d sqlite:///a:b@c"),
            ("http://a:b@c and http://d:e@f", "http://a:…@c and http://d:…@f"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }
}
