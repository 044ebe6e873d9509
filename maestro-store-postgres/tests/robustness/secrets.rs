//! The password of a URL is never shown.

use std::time::Duration;

use maestro_core::{ErrorKind, Id, conversations::Conversations as _};
use maestro_store_postgres::PostgresStore;
use maestro_testkit::{needs_private_postgres, postgres::Postgres};

use crate::given::{ask, refused, texts};

const SECRET: &str = "hunter2-correct-horse";

fn hides(shown: &str) {
    assert!(!shown.contains(SECRET), "{shown}");
}

/// Whatever there is to an error, its causes included.
fn everything_of(error: &maestro_core::Error) -> String {
    let mut shown = format!("{error} {error:?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        shown.push_str(&format!(" {error} {error:?}"));
        source = error.source();
    }
    shown
}

#[tokio::test]
async fn a_url_that_leads_nowhere_is_told_without_its_password() {
    let directory = std::env::temp_dir().join("maestro-no-server-there");
    for url in [
        format!("postgres://ann:{SECRET}@127.0.0.1:1/work"),
        format!("postgres://ann@127.0.0.1:1/work?password={SECRET}"),
        format!("postgres://ann:{SECRET}@localhost/work?host={}", directory.display()),
        format!("postgres://ann:{SECRET}@127.0.0.1:1/work?sslrootcert=/{SECRET}&sslmode=verify-full"),
        format!("postgres://ann:{SECRET}@127.0.0.1:1/work?passwort={SECRET}"),
        format!("mysql://ann:{SECRET}@127.0.0.1:1/work"),
    ] {
        let builder = PostgresStore::builder(&url).acquire_timeout(Duration::from_secs(1));
        hides(&format!("{builder:?}"));
        hides(&everything_of(&builder.open().await.unwrap_err()));
    }
}

needs_private_postgres! {

#[tokio::test]
async fn a_password_that_is_wrong_is_refused_and_not_shown() {
    let postgres = Postgres::private().unwrap();
    ask(postgres.url(), format!("create role ann login superuser password '{SECRET}'")).await;
    let rules = texts(postgres.url(), "select current_setting('hba_file')").await.remove(0).unwrap();
    let others = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("local all ann scram-sha-256\n{others}")).unwrap();
    ask(postgres.url(), "select pg_reload_conf()").await;
    let url = |password: &str| format!("{}&password={password}", postgres.url().replace("user=postgres", "user=ann"));

    let error = refused(PostgresStore::connect(&url(&format!("{SECRET}-not"))).await, ErrorKind::Unauthenticated);
    hides(&everything_of(&error));
    assert!(error.to_string().contains("does not accept the user or its password"), "{error}");

    let store = PostgresStore::connect(&url(SECRET)).await.unwrap();
    hides(&format!("{store:?}"));
    hides(&everything_of(&store.session_get(Id::new()).await.unwrap_err()));
    postgres.stop().unwrap();
    hides(&everything_of(&store.session_get(Id::new()).await.unwrap_err()));
}

}
