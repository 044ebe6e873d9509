//! `maestro store migrate`.

use maestro::{PostgresStore, SqliteStore};
use serde::Serialize;

use crate::{
    app::App,
    exit::{Exit, Result, invalid},
    store::{PostgresUrl, StoreUrl},
};

#[derive(Serialize)]
#[serde(tag = "type", rename = "migrated")]
struct MigratedLine {
    store: String,
    from: u32,
    to: u32,
}

pub(super) async fn migrate(app: &App, url: &StoreUrl, to: Option<u32>) -> Result<Exit> {
    url.expect_existing()?;
    let (from, to, newest) = match url {
        StoreUrl::Memory => {
            return Err(invalid(
                "migrate store",
                "store",
                "must be one with a schema: sqlite:PATH or postgres://…",
            )
            .into());
        }
        StoreUrl::Sqlite(path) => {
            let wanted = to.unwrap_or(SqliteStore::SCHEMA_VERSION);
            let migrated = SqliteStore::builder(path).migrate_to(wanted).await?;
            (migrated.from, migrated.to, SqliteStore::SCHEMA_VERSION)
        }
        StoreUrl::Postgres(PostgresUrl(url)) => {
            let wanted = to.unwrap_or(PostgresStore::SCHEMA_VERSION);
            let migrated = PostgresStore::builder(url).migrate_to(wanted).await?;
            (migrated.from, migrated.to, PostgresStore::SCHEMA_VERSION)
        }
    };
    if app.output.is_json() {
        app.output.json(&MigratedLine { store: url.to_string(), from, to })?;
    } else if from == to {
        app.output.line(&format!("{url} has version {to} already."))?;
    } else {
        app.output.line(&format!("Brought {url} from version {from} to {to}."))?;
        if to < newest {
            app.output.notice("The next program of this version that opens it brings it up to date again.");
        }
    }
    Ok(Exit::Done)
}
