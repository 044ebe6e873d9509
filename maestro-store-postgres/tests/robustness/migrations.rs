//! The steps of the schema, there and back (requirement M-A4).

use maestro_core::{ErrorKind, Id};
use maestro_store_postgres::{Migrated, PostgresStore};
use maestro_testkit::needs_postgres;

use crate::{
    fresh::Fresh,
    given::{ask, refused, texts},
};

/// The form of sealed credentials: version 1, eight bytes of the key's id, 24 of a nonce, no ciphertext.
const SEALED: &str = "010000000000000000000000000000000000000000000000000000000000000000";

/// A schema at version 1, with an authentication for each of these: provider, kind, name.
async fn first_version(rows: &[(&str, &str, Option<&str>)]) -> Fresh {
    let fresh = Fresh::schema();
    fresh.builder().migrate_to(1).await.unwrap();
    for ((provider, auth_type, name), inserted_at) in rows.iter().zip(0..) {
        let name = name.map_or("null".to_owned(), |name| format!("'{name}'"));
        let insert = format!(
            "insert into {}.authentications
               (id, provider, auth_type, name, credentials, revision, inserted_at, updated_at)
             values ('{}', '{provider}', '{auth_type}', {name}, '\\x{SEALED}', 3, {inserted_at}, {inserted_at})",
            fresh.name,
            Id::<()>::new(),
        );
        ask(&fresh.url, insert).await;
    }
    fresh
}

async fn names(fresh: &Fresh) -> Vec<Option<String>> {
    texts(&fresh.url, format!("select name from {}.authentications order by inserted_at", fresh.name)).await
}

/// Tables, columns and whether these may be null.
async fn columns(fresh: &Fresh) -> Vec<Option<String>> {
    let columns = format!(
        "select table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
         from information_schema.columns
         where table_schema = '{}'
         order by 1",
        fresh.name
    );
    texts(&fresh.url, columns).await
}

async fn to(fresh: &Fresh, version: u32) -> Migrated {
    fresh.builder().migrate_to(version).await.unwrap()
}

needs_postgres! {

#[tokio::test]
async fn rows_without_a_name_get_the_first_default_name_that_is_free() {
    let long = "p".repeat(50);
    let fresh = first_version(&[
        ("openai", "oauth", None),
        ("openai", "oauth", Some("default_openai_oauth_2")),
        ("openai", "oauth", None),
        ("openai", "api_key", None),
        ("openai", "api_key", Some("work")),
        (&long, "api_key", None),
        (&long, "api_key", None),
    ])
    .await;
    assert_eq!(to(&fresh, 2).await, Migrated { from: 1, to: 2 });
    let short = "p".repeat(32);
    let expected = [
        "default_openai_oauth",
        "default_openai_oauth_2",
        "default_openai_oauth_3",
        "default_openai_api_key",
        "work",
        &format!("default_{short}pp_api_key"),
        &format!("default_{short}_api_key_2"),
    ];
    assert_eq!(names(&fresh).await, expected.map(|name| Some(name.to_owned())));
    let revisions = format!("select distinct revision::text from {}.authentications", fresh.name);
    assert_eq!(
        texts(&fresh.url, revisions).await,
        [Some("3".to_owned())],
        "a name that is filled in is no change of the credential"
    );
    assert!(columns(&fresh).await.contains(&Some("authentications.name text NO".to_owned())));
}

#[tokio::test]
async fn a_step_back_takes_back_the_names_that_it_gave_and_nobody_changed() {
    let fresh = first_version(&[None, None, Some("chosen"), None].map(|name| ("gemini", "api_key", name))).await;
    let before = (names(&fresh).await, columns(&fresh).await);
    to(&fresh, 2).await;
    let given = names(&fresh).await;
    assert_eq!(to(&fresh, 1).await, Migrated { from: 2, to: 1 });
    assert_eq!((names(&fresh).await, columns(&fresh).await), before);

    to(&fresh, 2).await;
    assert_eq!(names(&fresh).await, given, "the same names again");
    ask(&fresh.url, format!("update {}.authentications set name = 'mine' where inserted_at = 1", fresh.name)).await;
    ask(&fresh.url, format!("delete from {}.authentications where inserted_at = 3", fresh.name)).await;
    to(&fresh, 1).await;
    assert_eq!(names(&fresh).await, [None, Some("mine".to_owned()), Some("chosen".to_owned())]);
}

#[tokio::test]
async fn a_step_that_fails_leaves_everything_as_it_was() {
    let fresh = first_version(&[("gemini", "api_key", None), ("openai", "oauth", None)]).await;
    let refuse = format!(
        "alter table {}.authentications add constraint refuse check (provider <> 'openai' or name is null)",
        fresh.name
    );
    ask(&fresh.url, refuse).await;
    let before = columns(&fresh).await;
    let error = refused(fresh.builder().migrate_to(2).await, ErrorKind::Internal);
    assert!(error.to_string().contains("refuse"), "{error}");
    assert_eq!((names(&fresh).await, columns(&fresh).await), (vec![None, None], before));
    ask(&fresh.url, format!("alter table {}.authentications drop constraint refuse", fresh.name)).await;
    assert_eq!(to(&fresh, 2).await, Migrated { from: 1, to: 2 });
}

#[tokio::test]
async fn a_schema_is_migrated_to_any_version_that_exists_and_to_no_other() {
    let fresh = Fresh::schema();
    let last = PostgresStore::SCHEMA_VERSION;
    for version in [0, last + 1, u32::MAX] {
        let error = refused(fresh.builder().migrate_to(version).await, ErrorKind::Invalid);
        assert_eq!(error.fields()[0].field, "version");
        assert!(error.to_string().contains(&format!("1 to {last}, not {version}")), "{error}");
    }
    assert_eq!(to(&fresh, 1).await, Migrated { from: 0, to: 1 });
    assert_eq!(to(&fresh, 1).await, Migrated { from: 1, to: 1 });
    let store = fresh.builder().open().await.unwrap();
    assert_eq!(store.schema_version().await.unwrap(), last);
    to(&fresh, 1).await;
    assert_eq!(store.schema_version().await.unwrap(), 1);
}

}
