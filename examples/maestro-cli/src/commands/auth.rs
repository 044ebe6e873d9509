//! `maestro auth`: keys and sign-ins under names.

use std::io::{self, BufRead as _};

use maestro::{
    Error, ErrorKind, Id, Save, Secret, Target,
    core::{
        auth::{AuthExt as _, AuthName, AuthQuery, AuthRef, AuthType, Credentials, SavedAuthentication},
        provider::{Endpoint, ProviderId},
        time::Timestamp,
    },
};
use serde::Serialize;

use crate::{
    app::{App, blocking},
    commands::{login, rotate_key, sign_ins},
    credentials::saved_under,
    editor::{can_ask, confirm},
    exit::{Exit, Result, invalid},
    interrupt::stopped,
    jobs,
};

/// Save keys and sign-ins under names, sealed: only this machine's vault key opens them
///
/// A key is asked for, or read from standard input or an environment variable; never from an argument, which other
/// programs and the shell's history could read. No command shows a key again.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "\
Examples:
  maestro auth add anthropic work              asks for the key
  pass show openai | maestro auth add openai home --key-stdin --test
  maestro auth add openai_compatible local --base-url http://127.0.0.1:11434/v1 --no-key
  maestro auth list
  maestro auth remove work")]
pub(crate) enum Command {
    Add(Add),
    /// List what is saved
    List {
        /// Of this provider only
        #[arg(long)]
        provider: Option<ProviderId>,
    },
    /// Show all that is known of one, but never the key
    Show(Named),
    /// Ask the provider whether it accepts the key
    Test(Named),
    /// Give one another name; sessions go on with it
    Rename {
        #[command(flatten)]
        named: Named,
        /// The new name
        #[arg(value_name = "NEW")]
        to: AuthName,
    },
    /// Save the same key under another name too
    Clone {
        #[command(flatten)]
        named: Named,
        /// The other name
        #[arg(value_name = "TO")]
        to: AuthName,
    },
    /// Remove one; sessions that used it stay
    Remove {
        #[command(flatten)]
        named: Named,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
    Login(Box<login::Args>),
    Refresh(sign_ins::Refresh),
    Status(sign_ins::Status),
    Logout(sign_ins::Logout),
    RotateKey(rotate_key::Args),
}

/// A saved authentication, as the command line names it.
#[derive(Debug, clap::Args)]
pub(crate) struct Named {
    /// Its name
    name: AuthName,
    /// Its provider, where several have that name
    #[arg(long)]
    provider: Option<ProviderId>,
}

/// Save a key under a name
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    /// The provider: anthropic, openai, gemini or openai_compatible
    provider: ProviderId,
    /// The name: 3 to 50 characters of A-Z a-z 0-9 _ -
    name: AuthName,
    /// The server, if it is not the provider's own
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
    #[command(flatten)]
    source: KeyFrom,
    /// Put it in the place of one that has the name
    #[arg(long)]
    replace: bool,
    /// Ask the provider whether it accepts the key, and save it only then
    #[arg(long)]
    test: bool,
    /// A key that was given as an argument, which is refused without being repeated.
    #[arg(hide = true, num_args = 0..)]
    refused: Vec<String>,
    /// The same, as an option.
    #[arg(hide = true, long = "key", alias = "api-key")]
    refused_option: Option<String>,
}

/// Where a key comes from.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct KeyFrom {
    /// Take the key from this environment variable
    #[arg(long, value_name = "VAR")]
    key_env: Option<String>,
    /// Take the key from standard input
    #[arg(long)]
    key_stdin: bool,
    /// The server wants no key
    #[arg(long)]
    no_key: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "auth")]
struct AuthLine<'a> {
    id: Id<SavedAuthentication>,
    provider: &'a ProviderId,
    auth_type: AuthType,
    name: &'a AuthName,
    expires_at: Option<Timestamp>,
    revision: u64,
    key_id: String,
    inserted_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<Option<String>>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "tested")]
struct TestedLine<'a> {
    provider: &'a ProviderId,
    name: &'a AuthName,
    models_seen: usize,
    request_id: Option<String>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "removed")]
struct RemovedLine<'a> {
    name: &'a AuthName,
    removed: bool,
}

/// Runs the command.
pub(crate) async fn run(app: &App, command: Command) -> Result<Exit> {
    match command {
        Command::Add(args) => add(app, args).await,
        Command::List { provider } => list(app, provider).await,
        Command::Show(named) => show(app, &named).await,
        Command::Test(named) => test(app, &named).await,
        Command::Rename { named, to } => {
            let from = find(app, &named).await?.reference();
            let renamed = app.maestro().await?.rename_authentication(&from, to).await?;
            said(app, &renamed, &format!("Renamed {from} to \"{}\".", renamed.name))
        }
        Command::Clone { named, to } => {
            let from = find(app, &named).await?.reference();
            let cloned = app.maestro_with_key().await?.clone_authentication(&from, to).await?;
            said(app, &cloned, &format!("Saved the key of {from} as \"{}\" too.", cloned.name))
        }
        Command::Remove { named, yes } => remove(app, &named, yes).await,
        Command::Login(args) => Box::pin(login::run(app, *args)).await,
        Command::Refresh(args) => Box::pin(sign_ins::refresh(app, args)).await,
        Command::Status(args) => sign_ins::status(app, args).await,
        Command::Logout(args) => Box::pin(sign_ins::logout(app, args)).await,
        Command::RotateKey(args) => Box::pin(rotate_key::run(app, args)).await,
    }
}

async fn add(app: &App, args: Add) -> Result<Exit> {
    let Add { provider, name, base_url, source, replace, test, refused, refused_option } = args;
    if !refused.is_empty() || refused_option.is_some() {
        return Err(invalid("save authentication", "key", "is never taken from an argument: other programs and the shell's history could read it")
            .advise("give it at the prompt, with --key-stdin or with --key-env VAR; and change the key that was just shown")
            .into());
    }
    // What is wrong is told before anybody types a key.
    let key_is_optional = app.registry.api_key(&provider)?.key_is_optional();
    let base_url = base_url.as_deref().map(Endpoint::parse_base_url).transpose()?;
    let reference = AuthRef::new(provider, AuthType::ApiKey, name);
    let taken = app.store().await?.auth_find_optional(&reference).await?.is_some();
    if taken && !replace {
        return Err(Error::new(ErrorKind::Conflict, "save authentication")
            .on(&reference)
            .because("the name is taken")
            .advise("choose another name, or put the new key in its place with --replace")
            .into());
    }
    let key = read_key(source, &reference, key_is_optional).await?;
    let credentials = Credentials::ApiKey { key, base_url };
    let maestro = app.maestro_with_key().await?;
    if test {
        let target = Target::new(reference.provider.clone(), Endpoint::with_credentials(credentials.clone()));
        maestro.test_connection(&target).await?;
    }
    let save = if replace { Save::Replace } else { Save::Create };
    let saved = maestro.save_credentials(&reference, &credentials, save).await?;
    said(app, &saved, &format!("Saved {reference}. Use it with `maestro chat --auth {}`.", saved.name))
}

async fn list(app: &App, provider: Option<ProviderId>) -> Result<Exit> {
    if let Some(provider) = &provider {
        app.registry.provider(provider)?;
    }
    let query = AuthQuery { provider, ..AuthQuery::default() };
    let rows = app.store().await?.auth_list_all(&query).await?;
    if app.output.is_json() {
        for row in &rows {
            app.output.json(&line(row, None))?;
        }
    } else if rows.is_empty() {
        app.output.notice("Nothing is saved. `maestro auth add PROVIDER NAME` saves a key.");
    } else {
        let cells = |row: &SavedAuthentication| {
            let updated = row.updated_at.to_string();
            vec![
                row.name.to_string(),
                row.provider.to_string(),
                row.auth_type.to_string(),
                updated.get(..19).unwrap_or(&updated).replace('T', " "),
            ]
        };
        let cells: Vec<_> = rows.iter().map(cells).collect();
        app.output.table(&["NAME", "PROVIDER", "TYPE", "WRITTEN (UTC)"], &cells)?;
    }
    Ok(Exit::Done)
}

async fn show(app: &App, named: &Named) -> Result<Exit> {
    let row = find(app, named).await?;
    // The address is sealed with the key, so it takes the vault to show it.
    let target = app.maestro_with_key().await?.target(&row)?;
    let base_url = target.endpoint.base_url.map(|url| url.to_string());
    if app.output.is_json() {
        app.output.json(&line(&row, Some(base_url)))?;
        return Ok(Exit::Done);
    }
    let rows = [
        ("name", row.name.to_string()),
        ("provider", row.provider.to_string()),
        ("type", row.auth_type.to_string()),
        ("base URL", base_url.unwrap_or_else(|| "the provider's own".to_owned())),
        ("expires", row.expires_at.map_or_else(|| "not known".to_owned(), |time| time.to_string())),
        ("revision", row.revision.to_string()),
        ("sealed with", format!("key {}", row.credentials.key_id())),
        ("created", row.inserted_at.to_string()),
        ("written", row.updated_at.to_string()),
        ("id", row.id.to_string()),
    ];
    for (label, value) in rows {
        app.output.line(&format!("{label:<12} {value}"))?;
    }
    Ok(Exit::Done)
}

async fn test(app: &App, named: &Named) -> Result<Exit> {
    let row = find(app, named).await?;
    let maestro = app.maestro_with_key().await?;
    let connection = maestro.test_connection(&maestro.target(&row)?).await?;
    if app.output.is_json() {
        app.output.json(&TestedLine {
            provider: &row.provider,
            name: &row.name,
            models_seen: connection.models_seen,
            request_id: connection.request_id,
        })?;
    } else {
        app.output.line(&format!("{} is accepted.", row.reference()))?;
    }
    Ok(Exit::Done)
}

async fn remove(app: &App, named: &Named, yes: bool) -> Result<Exit> {
    let found = match find(app, named).await {
        Ok(found) => Some(found),
        Err(crate::exit::Failure::Error(error)) if error.kind() == ErrorKind::NotFound => {
            if let Some(provider) = &named.provider {
                app.registry.provider(provider)?;
            }
            None
        }
        Err(error) => return Err(error),
    };
    if let Some(row) = &found {
        let question = format!("Remove {}?", row.reference());
        if !yes && can_ask() && !blocking("ask", move || confirm(&question)).await?? {
            app.output.notice("Nothing was removed.");
            return Ok(Exit::Done);
        }
        match app.store().await?.auth_delete(row.id).await {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => jobs::take_back(app, row).await?,
        }
    }
    if app.output.is_json() {
        app.output.json(&RemovedLine { name: &named.name, removed: found.is_some() })?;
    } else {
        app.output.line(&match found {
            Some(row) => format!("Removed {}.", row.reference()),
            None => format!("There is no \"{}\"; nothing to remove.", named.name),
        })?;
    }
    Ok(Exit::Done)
}

async fn find(app: &App, named: &Named) -> Result<SavedAuthentication> {
    saved_under(app, &named.name, named.provider.as_ref()).await
}

/// Tells of one that was written.
pub(crate) fn said(app: &App, row: &SavedAuthentication, text: &str) -> Result<Exit> {
    if app.output.is_json() {
        app.output.json(&line(row, None))?;
    } else {
        app.output.line(text)?;
    }
    Ok(Exit::Done)
}

/// The line of one; `base_url` is only known where it was opened.
fn line(row: &SavedAuthentication, base_url: Option<Option<String>>) -> AuthLine<'_> {
    AuthLine {
        id: row.id,
        provider: &row.provider,
        auth_type: row.auth_type,
        name: &row.name,
        expires_at: row.expires_at,
        revision: row.revision.get(),
        key_id: row.credentials.key_id().to_string(),
        inserted_at: row.inserted_at,
        updated_at: row.updated_at,
        base_url,
    }
}

async fn read_key(from: KeyFrom, reference: &AuthRef, key_is_optional: bool) -> Result<Option<Secret>> {
    let missing = |problem: &str| {
        invalid("save authentication", "key", problem)
            .advise("give it at a prompt, with --key-stdin or with --key-env VAR")
    };
    if from.no_key {
        return Ok(None);
    }
    if let Some(variable) = from.key_env {
        if !is_variable(&variable) {
            return Err(missing("is missing: --key-env takes the name of a variable, not a key").into());
        }
        return match std::env::var(&variable) {
            Ok(text) => Ok(Some(Secret::new(text)?)),
            Err(_) => Err(missing(&format!("is missing: {variable} is not set")).into()),
        };
    }
    if from.key_stdin {
        let mut text = String::new();
        io::stdin().lock().read_line(&mut text).map_err(|_| missing("cannot be read from standard input"))?;
        return Ok(Some(Secret::new(text)?));
    }
    if !can_ask() {
        return if key_is_optional {
            Ok(None)
        } else {
            Err(missing("is missing, and there is no terminal to ask at").into())
        };
    }
    let question = format!("Key for {reference}{}:", if key_is_optional { ", if it wants one" } else { "" });
    let text = blocking("ask for the key", move || {
        inquire::Password::new(&question).without_confirmation().prompt()
    });
    match text.await? {
        Ok(text) if text.trim().is_empty() && key_is_optional => Ok(None),
        Ok(text) => Ok(Some(Secret::new(text)?)),
        Err(inquire::InquireError::OperationCanceled | inquire::InquireError::OperationInterrupted) => {
            Err(stopped("save authentication").into())
        }
        Err(error) => Err(Error::new(ErrorKind::Internal, "ask for the key").caused_by(error).into()),
    }
}

/// Whether a word can name an environment variable as they are usually named. What cannot may well be a key, and is not
/// repeated.
fn is_variable(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}
