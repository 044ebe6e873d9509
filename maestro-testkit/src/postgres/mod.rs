//! A real Postgres for tests, without any setup.
//!
//! ```no_run
//! use maestro_testkit::postgres::Postgres;
//!
//! # fn main() -> Result<(), maestro_testkit::postgres::Unavailable> {
//! let postgres = Postgres::for_tests()?; // one server for all tests, whichever process they are in
//! let (url, schema) = (postgres.url(), postgres.fresh_schema()); // the schema is yours to make
//! # Ok(()) }
//! ```
//!
//! A test says *ignored* where there is no server. That is decided when it is compiled, by a build script of the crate,
//! `build.rs`, which is these two lines and what they ask for:
//!
//! ```text
//! #[path = "../maestro-testkit/src/postgres/build_script.rs"]
//! mod postgres;
//! fn main() { postgres::tell_cargo() }
//! ```
//!
//! and by the macros: `store_suite!(fresh, needs = postgres)` for the suite, and around any other tests
//! [`needs_postgres!`](crate::needs_postgres) or [`needs_private_postgres!`](crate::needs_private_postgres). In them
//! `for_tests` may be unwrapped: a server that was found and does not come up is a failure. With
//! `MAESTRO_REQUIRE_POSTGRES=1`, as in CI, nothing is ignored: without a server these tests fail.
//!
//! | what is used | when |
//! |---|---|
//! | `DATABASE_URL` | it is set, and names a Postgres database |
//! | a server of our own | `initdb`, `pg_ctl` and `postgres` are in `PG_BIN`, `PATH`, or where systems install them |
//!
//! A server of our own listens on a Unix socket that only its user can reach, and does not wait for the disk. It is
//! started by the first test that asks, and lives in a directory `maestro-postgres-…` under the temporary directory.
//! A keeper, a small shell script, stops it and removes the directory ten seconds (`MAESTRO_POSTGRES_LINGER`) after its last
//! user has gone, however that user ended. What a killed keeper has left is cleared away by the next run.

mod find;

#[cfg(unix)]
mod account;
#[cfg(unix)]
mod directory;
#[cfg(unix)]
mod server;

use std::sync::OnceLock;

use uuid::Uuid;

#[cfg(unix)]
use server::Server;

/// A database that tests may do anything in.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    #[cfg(unix)]
    own: Option<Server>,
}

/// Why there is no Postgres for tests, and how to get one.
#[derive(Debug, Clone, thiserror::Error)]
#[error("no Postgres for tests: {reason}")]
pub struct Unavailable {
    reason: String,
}

impl Unavailable {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }

    fn not_found() -> Self {
        Self::new("`apt-get install postgresql`, name the folder of `initdb` in PG_BIN, or set DATABASE_URL")
    }
}

impl Postgres {
    /// The Postgres that all tests of a run share, over threads and processes; started if it is not there.
    ///
    /// It stays for as long as this process lives. Waits up to a minute, without yielding to other tasks.
    pub fn for_tests() -> Result<&'static Self, Unavailable> {
        static SHARED: OnceLock<Result<Postgres, Unavailable>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| match find::given_url() {
            Some(url) => Ok(Self::given(url)),
            None => Self::shared(),
        });
        shared.as_ref().map_err(Clone::clone)
    }

    /// A Postgres of one's own, which a test may stop and start again. It is gone soon after it is dropped.
    ///
    /// `DATABASE_URL` does not help here: the programs of a server must be on the machine.
    pub fn private() -> Result<Self, Unavailable> {
        Self::private_with(&[])
    }

    /// Like [`private`](Self::private), with settings of `postgresql.conf`, such as `("max_connections", "5")`.
    pub fn private_with(settings: &[(&str, &str)]) -> Result<Self, Unavailable> {
        #[cfg(unix)]
        return Server::private(settings).map(Self::own);
        #[cfg(not(unix))]
        return Err(Unavailable::new(format!("a private one needs Unix, for {} settings", settings.len())));
    }

    /// Where the database is, in the form that libpq and sqlx take. Its user may make schemas, roles and databases,
    /// unless it was given by `DATABASE_URL` and may not.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of a schema that nobody else uses: `test_` and 32 hexadecimal digits. It is not made yet.
    pub fn fresh_schema(&self) -> String {
        format!("test_{}", Uuid::now_v7().simple())
    }

    fn given(url: String) -> Self {
        Self {
            url,
            #[cfg(unix)]
            own: None,
        }
    }
}

#[cfg(unix)]
impl Postgres {
    /// Stops the server in order: connections are ended, and what was committed is kept.
    ///
    /// # Errors
    /// If it does not stop within a minute, or is not [private](Self::private).
    pub fn stop(&self) -> Result<(), Unavailable> {
        self.private_server()?.stop(server::Stop::InOrder)
    }

    /// Stops the server as a crash of it would: it recovers when it is started again.
    ///
    /// # Errors
    /// As for [`stop`](Self::stop).
    pub fn crash(&self) -> Result<(), Unavailable> {
        self.private_server()?.stop(server::Stop::AtOnce)
    }

    /// Starts the server that was stopped, and returns once it takes connections. The URL stays the same.
    ///
    /// # Errors
    /// If it does not start within a minute, runs already, or is not [private](Self::private).
    pub fn start(&self) -> Result<(), Unavailable> {
        self.private_server()?.start()
    }

    /// [`stop`](Self::stop), then [`start`](Self::start).
    ///
    /// # Errors
    /// As for those.
    pub fn restart(&self) -> Result<(), Unavailable> {
        self.stop()?;
        self.start()
    }

    fn private_server(&self) -> Result<&Server, Unavailable> {
        let server = self.own.as_ref().filter(|server| server.is_private());
        server.ok_or_else(|| {
            Unavailable::new("others use this server: only a private one is stopped and started")
        })
    }

    fn shared() -> Result<Self, Unavailable> {
        Server::shared().map(Self::own)
    }

    fn own(server: Server) -> Self {
        Self { url: server.url(), own: Some(server) }
    }
}

#[cfg(not(unix))]
impl Postgres {
    fn shared() -> Result<Self, Unavailable> {
        Err(Unavailable::not_found())
    }
}

/// Puts *ignored*, with the reason, on each of the tests inside where there is no Postgres.
///
/// The crate's build script must be the one that [`postgres`](crate::postgres) describes.
///
/// ```text
/// maestro_testkit::needs_postgres! {
///     #[test]
///     fn a_schema_is_made() {
///         let postgres = Postgres::for_tests().unwrap();
///         …
///     }
/// }
/// ```
#[macro_export]
macro_rules! needs_postgres {
    ($($test:item)*) => {
        $(
            #[cfg_attr(not(postgres_for_tests), ignore = "no Postgres was found when this was built: apt-get install postgresql, or set DATABASE_URL")]
            $test
        )*
    };
}

/// [`needs_postgres!`](crate::needs_postgres) for tests that start a
/// [private](crate::postgres::Postgres::private) one.
#[macro_export]
macro_rules! needs_private_postgres {
    ($($test:item)*) => {
        $(
            #[cfg_attr(not(private_postgres_for_tests), ignore = "no programs of a Postgres server were found when this was built: apt-get install postgresql, or set PG_BIN")]
            $test
        )*
    };
}
