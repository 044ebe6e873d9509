//! Where a database is: a URL that has been checked, and that never shows its password.

use std::fmt;

use maestro_core::{Error, ErrorKind, FieldError, Result};
use sqlx::{ConnectOptions as _, postgres::PgConnectOptions};
use url::Url;

/// What may stand behind the `?` of a URL.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// A database: how it is connected, and how it is called in texts.
#[derive(Clone)]
pub(crate) struct Target {
    options: PgConnectOptions,
    shown: String,
}

impl Target {
    /// Reads a URL in the form of libpq. What it does not say is taken from `PGHOST`, `PGUSER`, `PGPASSWORD`, `PGPASSFILE`
    /// and their like, as libpq does it.
    pub(crate) fn parse(operation: &'static str, url: &str) -> Result<Self> {
        let wrong = |problem: String| Error::invalid(operation, [FieldError::new("url", problem)]);
        let form = "must be of the form postgres://user:password@host:port/database?sslmode=require";
        let parsed = Url::parse(url).map_err(|_| wrong(form.to_owned()))?;
        if !matches!(parsed.scheme(), "postgres" | "postgresql") {
            return Err(wrong(form.to_owned()));
        }
        let unknown = parsed.query_pairs().map(|(name, _)| name.into_owned());
        if let Some(name) = unknown.into_iter().find(|name| !PARAMETERS.contains(&name.as_str())) {
            return Err(wrong(format!(
                "must not hold the parameter {name:?}; known are {}",
                PARAMETERS.join(", ")
            )));
        }
        let Ok(options) = PgConnectOptions::from_url(&parsed) else {
            return Err(wrong("names a value for host, port or sslmode that is none".to_owned()));
        };
        let options = options.extra_float_digits(None).disable_statement_logging();
        let host = match options.get_socket() {
            Some(directory) => directory.display().to_string(),
            None => options.get_host().to_owned(),
        };
        let database = options.get_database().unwrap_or(options.get_username());
        let shown = format!("postgres://{}@{host}:{}/{database}", options.get_username(), options.get_port());
        Ok(Self { options, shown })
    }

    pub(crate) const fn options(&self) -> &PgConnectOptions {
        &self.options
    }

    /// Says of an error of the database, which has no other entity, which database it is.
    pub(crate) fn named(&self, error: Error) -> Error {
        let is_ours = matches!(
            error.kind(),
            ErrorKind::Unavailable
                | ErrorKind::Unauthenticated
                | ErrorKind::Forbidden
                | ErrorKind::NotFound
                | ErrorKind::Unsupported
                | ErrorKind::Protocol
                | ErrorKind::Internal
        );
        if is_ours && error.entity().is_none() { error.on(self) } else { error }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_shows_everything_but_the_password() {
        let target = |url| Target::parse("open store", url).unwrap();
        let shown = "postgres://ann@db.example:5433/work";
        for url in [
            "postgres://ann:s3cret@db.example:5433/work",
            "postgresql://ann@db.example:5433/work?password=s3cret&sslmode=disable",
        ] {
            let target = target(url);
            assert_eq!((target.to_string().as_str(), format!("{target:?}").as_str()), (shown, shown));
        }
        let socket = target("postgres://ann:s3cret@localhost/work?host=/run/pg");
        assert_eq!(socket.to_string(), "postgres://ann@/run/pg:5432/work");
    }

    #[test]
    fn a_url_that_is_none_is_refused_without_its_secret() {
        for url in [
            "",
            "s3cret",
            "mysql://ann:s3cret@db/work",
            "postgres://ann:s3cret@db/work?sslmode=s3cret",
            "postgres://ann:s3cret@db/work?passwort=s3cret",
            "postgres://ann:s3cret@db:port/work",
        ] {
            let error = Target::parse("open store", url).unwrap_err();
            assert_eq!(error.fields()[0].field, "url", "{url}");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
        let error = Target::parse("open store", "postgres://db/work?target=x").unwrap_err();
        assert!(error.to_string().contains("\"target\"; known are sslmode"), "{error}");
    }
}
