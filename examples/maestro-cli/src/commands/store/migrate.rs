//! `maestro store migrate`.

use maestro::SqliteStore;
use serde::Serialize;

use crate::{
    app::App,
    exit::{Exit, Result, invalid},
    store::StoreUrl,
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
    let migrated = match url {
        StoreUrl::Memory => {
            return Err(
                invalid("migrate store", "store", "must be one with a schema, such as sqlite:PATH").into()
            );
        }
        StoreUrl::Sqlite(path) => {
            let wanted = to.unwrap_or(SqliteStore::SCHEMA_VERSION);
            SqliteStore::builder(path).migrate_to(wanted).await?
        }
    };
    let (from, to) = (migrated.from, migrated.to);
    if app.output.is_json() {
        app.output.json(&MigratedLine { store: url.to_string(), from, to })?;
    } else if from == to {
        app.output.line(&format!("{url} has version {to} already."))?;
    } else {
        app.output.line(&format!("Brought {url} from version {from} to {to}."))?;
        if to < SqliteStore::SCHEMA_VERSION {
            app.output.notice("The next program of this version that opens it brings it up to date again.");
        }
    }
    Ok(Exit::Done)
}
