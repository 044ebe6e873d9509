use std::{path::Path, thread};

use maestro_core::Id;

use super::*;
use crate::SqliteStore;

const OPERATION: &str = "migrate store";

/// A file at version 1, with an authentication for each of these: provider, kind, name.
fn first_version(file: &Path, rows: &[(&str, &str, Option<&str>)]) -> Connection {
    let connection = Connection::open(file).unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    migrate(&connection, OPERATION, 1).unwrap();
    for ((provider, auth_type, name), inserted_at) in rows.iter().zip(0_i64..) {
        let id = Id::<()>::new();
        connection
            .execute(
                "insert into authentications
                   (id, provider, auth_type, name, credentials, revision, inserted_at, updated_at)
                 values (?1, ?2, ?3, ?4, x'01', 3, ?5, ?5)",
                params![id.as_bytes(), provider, auth_type, name, inserted_at],
            )
            .unwrap();
    }
    connection
}

fn names(connection: &Connection) -> Vec<Option<String>> {
    let mut statement = connection.prepare("select name from authentications order by inserted_at").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The statements that make the schema, as they are kept.
fn schema(connection: &Connection) -> Vec<String> {
    let mut statement =
        connection.prepare("select sql from sqlite_schema where sql is not null order by name").unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn rows_without_a_name_get_the_first_default_name_that_is_free() {
    let directory = tempfile::tempdir().unwrap();
    let long = "p".repeat(50);
    let connection = first_version(
        &directory.path().join("m.db"),
        &[
            ("openai", "oauth", None),
            ("openai", "oauth", Some("default_openai_oauth_2")),
            ("openai", "oauth", None),
            ("openai", "api_key", None),
            ("openai", "api_key", Some("work")),
            (&long, "api_key", None),
            (&long, "api_key", None),
        ],
    );
    assert_eq!(migrate(&connection, OPERATION, 2).unwrap(), Migrated { from: 1, to: 2 });
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
    assert_eq!(names(&connection), expected.map(|name| Some(name.to_owned())));
    let revisions: (i64, i64) = connection
        .query_row("select min(revision), max(revision) from authentications", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(revisions, (3, 3), "a name that is filled in is no change of the credential");
}

#[test]
fn a_step_back_takes_back_the_names_that_it_gave_and_nobody_changed() {
    let directory = tempfile::tempdir().unwrap();
    let rows = [None, None, Some("chosen"), None].map(|name| ("gemini", "api_key", name));
    let connection = first_version(&directory.path().join("m.db"), &rows);
    let (before, schema_before) = (names(&connection), schema(&connection));
    migrate(&connection, OPERATION, 2).unwrap();
    let given = names(&connection);
    assert_eq!(migrate(&connection, OPERATION, 1).unwrap(), Migrated { from: 2, to: 1 });
    assert_eq!((names(&connection), schema(&connection)), (before, schema_before));

    migrate(&connection, OPERATION, 2).unwrap();
    assert_eq!(names(&connection), given, "the same names again");
    connection.execute("update authentications set name = 'mine' where inserted_at = 1", []).unwrap();
    connection.execute("delete from authentications where inserted_at = 3", []).unwrap();
    migrate(&connection, OPERATION, 1).unwrap();
    assert_eq!(names(&connection), [None, Some("mine".to_owned()), Some("chosen".to_owned())]);
}

#[test]
fn a_step_that_fails_leaves_everything_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let rows = [("gemini", "api_key", None), ("openai", "oauth", None)];
    let connection = first_version(&directory.path().join("m.db"), &rows);
    connection
        .execute_batch(
            "create trigger refuse before update on authentications when new.provider = 'openai'
             begin select raise(abort, 'refused'); end",
        )
        .unwrap();
    let before = schema(&connection);
    let error = migrate(&connection, OPERATION, 2).unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
    assert_eq!((names(&connection), schema(&connection)), (vec![None, None], before));
    assert_eq!(version(&connection, OPERATION).unwrap(), 1);
    connection.execute_batch("drop trigger refuse").unwrap();
    assert_eq!(migrate(&connection, OPERATION, 2).unwrap(), Migrated { from: 1, to: 2 });
}

#[tokio::test]
async fn a_file_is_migrated_to_any_version_that_exists_and_to_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let migrate_to = |version| SqliteStore::builder(&file).migrate_to(version);
    for version in [0, VERSION + 1, u32::MAX] {
        let error = migrate_to(version).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert_eq!(error.fields()[0].field, "version");
        assert!(error.to_string().contains(&format!("1 to {VERSION}, not {version}")), "{error}");
    }
    assert_eq!(migrate_to(1).await.unwrap(), Migrated { from: 0, to: 1 });
    assert_eq!(migrate_to(1).await.unwrap(), Migrated { from: 1, to: 1 });
    let store = SqliteStore::open(&file).await.unwrap();
    assert_eq!(store.schema_version().await.unwrap(), SqliteStore::SCHEMA_VERSION);
    migrate_to(1).await.unwrap();
    assert_eq!(store.schema_version().await.unwrap(), 1);
}

#[test]
fn owner_and_version_are_read_at_one_moment() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("m.db");
    let reader = Connection::open(&file).unwrap();
    reader.pragma_update(None, "journal_mode", "wal").unwrap();
    let writer = thread::spawn(move || {
        let writer = Connection::open(&file).unwrap();
        writer.pragma_update(None, "synchronous", "off").unwrap();
        for round in 0..4_000 {
            let (application, version) = if round % 2 == 0 { (APPLICATION_ID, 1) } else { (0, 0) };
            let both = format!("pragma application_id = {application}; pragma user_version = {version};");
            writer.execute_batch(&format!("begin immediate; {both} commit")).unwrap();
        }
    });
    while !writer.is_finished() {
        let read = header(&reader).unwrap();
        assert!(matches!(read, (APPLICATION_ID, 1) | (0, 0)), "{read:x?} is half of each");
    }
    writer.join().unwrap();
}
