//! `maestro auth rotate-key`: another vault key, while other programs work.

use std::{collections::BTreeMap, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};
use maestro::{
    Error, ErrorKind, Maestro, Rotation, RotationProgress,
    core::auth::{AuthName, AuthRef, AuthType, KeyId, KeyRing, VaultKey},
    core::provider::ProviderId,
};
use serde::Serialize;

use crate::{
    app::{App, blocking},
    editor::{can_ask, confirm},
    exit::{Exit, Result},
    key::{Change, KeySource, Keys, Place},
};

/// Make another vault key, and seal everything that is saved with it
///
/// The new key is kept before the first saved key is sealed with it, and the old one goes on opening. Other programs may
/// work meanwhile. Whatever stops this, run it again: it goes on where it was.
///
/// A program that was started before, or on another machine, opens what was sealed anew only if it holds the new key. So,
/// where several work on one store: --prepare, hand the new keys to all of them and start them again, rotate, and in the
/// end --drop-old.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  maestro auth rotate-key                      on one machine, where nothing else runs
  maestro auth rotate-key --prepare            first step where other programs run
  maestro auth rotate-key --drop-old           last step, when nobody needs the old key")]
pub(crate) struct Args {
    /// Make the new key, and only open with it for now
    #[arg(long, conflicts_with = "drop_old")]
    prepare: bool,
    /// Forget the older keys, once nothing in the store is sealed with them
    #[arg(long)]
    drop_old: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// How many seconds to wait for what other programs are refreshing
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    wait: u64,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "progress")]
struct ProgressLine {
    seen: u64,
    total: u64,
    resealed: u64,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "key_ring")]
struct RingLine {
    active: String,
    next: Option<String>,
    older: Vec<String>,
    dropped: Vec<String>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "rotated")]
struct RotatedLine<'a> {
    resealed: u64,
    sealed_with_active: u64,
    busy: Vec<Named<'a>>,
    missing_keys: BTreeMap<String, Vec<Named<'a>>>,
    unreadable: Vec<Named<'a>>,
}

#[derive(Serialize)]
struct Named<'a> {
    provider: &'a ProviderId,
    auth_type: AuthType,
    name: &'a AuthName,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit> {
    let source = app.key_source()?;
    if args.prepare {
        return tell_ring(app, &change(&source, prepare).await?, &[]);
    }
    let (maestro, keys) = if args.drop_old {
        let keys = change(&source, |_, _| Change::Nothing).await?;
        (app.maestro_of(keys.ring.vault()).await?, keys)
    } else {
        let in_use = app.maestro().await?.keys_in_use().await?;
        let keys = change(&source, move |ring, place| turn(ring, place, &in_use)).await?;
        (app.maestro_of(keys.ring.vault()).await?, keys)
    };
    let rotation = reseal(app, &maestro, Duration::from_secs(args.wait)).await?;
    tell_rotation(app, &rotation, keys.ring.active())?;
    if !args.drop_old {
        tell_ring(app, &keys, &[])?;
    } else if let Some((keys, dropped)) = drop_older(app, &source, &maestro, keys, args.yes).await? {
        tell_ring(app, &keys, &dropped)?;
    }
    complete(&rotation)?;
    Ok(Exit::Done)
}

/// Adds a key that is to be active later.
fn prepare(ring: &mut KeyRing, _place: &Place) -> Change {
    if ring.next().is_some() {
        return Change::Nothing;
    }
    ring.prepare(VaultKey::generate());
    Change::Keep
}

/// Makes the next key active, unless a rotation that was not finished is to be taken up.
fn turn(ring: &mut KeyRing, place: &Place, in_use: &BTreeMap<KeyId, u64>) -> Change {
    let is_unfinished = ring.next().is_none() && ring.older().any(|key| in_use.contains_key(&key));
    // Whoever has put several keys there has turned the ring.
    let was_turned = *place == Place::Environment && ring.older().next().is_some();
    if is_unfinished || was_turned {
        return Change::Nothing;
    }
    ring.turn();
    Change::Keep
}

/// Seals everything with the active key, and shows how far it has come.
async fn reseal(app: &App, maestro: &Maestro, patience: Duration) -> Result<Rotation> {
    let output = app.output;
    // Drawn on standard error, and only if that is a terminal.
    let bar = if output.is_json() { ProgressBar::hidden() } else { ProgressBar::new(0) };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} looked at, {msg}") {
        bar.set_style(style);
    }
    let rotation = maestro
        .rotate_key(patience, |RotationProgress { seen, total, resealed }| {
            bar.set_length(total);
            bar.set_position(seen);
            bar.set_message(format!("{resealed} sealed anew"));
            if output.is_json() {
                // A reader that has gone stops nothing that is half done.
                let _ = output.json(&ProgressLine { seen, total, resealed });
            }
        })
        .await;
    bar.finish_and_clear();
    Ok(rotation?)
}

/// Forgets the older keys that nothing in the store is sealed with. Absent when nothing was forgotten.
async fn drop_older(
    app: &App,
    source: &KeySource,
    maestro: &Maestro,
    keys: Keys,
    yes: bool,
) -> Result<Option<(Keys, Vec<KeyId>)>> {
    let in_use = maestro.keys_in_use().await?;
    let older: Vec<_> = keys.ring.older().collect();
    if let Some(needed) = older.iter().find(|key| in_use.contains_key(key)) {
        app.output.warn(&format!("Nothing was forgotten: key {needed} is still needed."));
        return Ok(None);
    }
    if older.is_empty() {
        return Ok(Some((keys, older)));
    }
    if keys.place == Place::Environment {
        app.output.notice("Nothing needs the older keys any more: set MAESTRO_KEY to its first one alone.");
        return Ok(None);
    }
    let question =
        format!("Forget {}? Other stores and backups sealed with it cannot be opened then.", listed(&older));
    if !yes && can_ask() && !blocking("ask", move || confirm(&question)).await?? {
        app.output.notice("Nothing was forgotten.");
        return Ok(None);
    }
    // Only those that were looked for: others may have turned the ring meanwhile.
    let dropped = older.clone();
    let left = change(source, move |ring, _| {
        ring.retain_older(|key| !dropped.contains(&key));
        Change::KeepNoOthers
    });
    let left = left.await?;
    // A program that knew the older key alone may have saved something since it was looked for.
    let in_use = maestro.keys_in_use().await?;
    if older.iter().any(|key| in_use.contains_key(key)) {
        change(source, move |ring, _| {
            ring.add_older(keys.ring);
            Change::Keep
        })
        .await?;
        return Err(Error::new(ErrorKind::InUse, "forget the older vault keys")
            .because("another program has just sealed with one of them; they are kept")
            .advise("start that program again with the new keys, then try again")
            .into());
    }
    Ok(Some((left, older)))
}

/// Changes the keys, beside the runtime.
async fn change(
    source: &KeySource,
    change: impl FnOnce(&mut KeyRing, &Place) -> Change + Send + 'static,
) -> Result<Keys> {
    let source = source.clone();
    let keys = blocking("change the vault keys", move || source.change(change)).await??;
    keys.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "change the vault keys")
            .because("there is none")
            .advise("one is made when the first key is saved: `maestro auth add PROVIDER NAME`")
            .into()
    })
}

fn tell_rotation(app: &App, rotation: &Rotation, active: KeyId) -> Result<()> {
    if !app.output.is_json() {
        let Rotation { resealed, sealed_with_active, .. } = rotation;
        app.output.line(&format!("Sealed anew: {resealed}. With key {active} now: {sealed_with_active}."))?;
        return Ok(());
    }
    let missing = rotation.missing_keys.iter();
    app.output.json(&RotatedLine {
        resealed: rotation.resealed,
        sealed_with_active: rotation.sealed_with_active,
        busy: rotation.busy.iter().map(Named::of).collect(),
        missing_keys: missing
            .map(|(key, of)| (key.to_string(), of.iter().map(Named::of).collect()))
            .collect(),
        unreadable: rotation.unreadable.iter().map(|(of, _)| Named::of(of)).collect(),
    })?;
    Ok(())
}

fn tell_ring(app: &App, keys: &Keys, dropped: &[KeyId]) -> Result<Exit> {
    let older: Vec<_> = keys.ring.older().collect();
    if app.output.is_json() {
        let texts = |keys: &[KeyId]| keys.iter().map(KeyId::to_string).collect();
        app.output.json(&RingLine {
            active: keys.ring.active().to_string(),
            next: keys.ring.next().map(|key| key.to_string()),
            older: texts(&older),
            dropped: texts(dropped),
        })?;
        return Ok(Exit::Done);
    }
    if let Some(next) = keys.ring.next() {
        app.output.line(&format!(
            "Prepared {}. Hand the keys to every program on this store, start them again, then: maestro auth rotate-key",
            listed(&[next])
        ))?;
    }
    if !dropped.is_empty() {
        app.output.line(&format!("Forgot {}.", listed(dropped)))?;
    }
    if !older.is_empty() {
        app.output.line(&format!(
            "Still opening: {}. When no program needs it any more: maestro auth rotate-key --drop-old",
            listed(&older)
        ))?;
    }
    Ok(Exit::Done)
}

/// Fails if something is left that is not sealed with the active key, and says what.
fn complete(rotation: &Rotation) -> Result<()> {
    let error = |kind, of: Vec<&AuthRef>, problem: String| {
        let names: Vec<_> = of.into_iter().map(ToString::to_string).collect();
        Error::new(kind, "rotate the vault key").on(names.join(", ")).because(problem)
    };
    if let Some((key, of)) = rotation.missing_keys.first_key_value() {
        let problem = format!("sealed with key {key}, which is not here, and left as it was");
        return Err(error(ErrorKind::Unauthenticated, of.iter().collect(), problem)
            .advise(
                "rotate where that key is held, or save those keys again with `maestro auth add --replace`",
            )
            .into());
    }
    if let Some((_, reason)) = rotation.unreadable.first() {
        let of = rotation.unreadable.iter().map(|(of, _)| of).collect();
        return Err(error(ErrorKind::Internal, of, format!("left as it was: {}", reason.problem()))
            .advise("save those keys again with `maestro auth add --replace`, or remove them")
            .into());
    }
    if !rotation.busy.is_empty() {
        let problem = "still being refreshed by another program".to_owned();
        return Err(error(ErrorKind::InUse, rotation.busy.iter().collect(), problem)
            .advise("run this again later; it goes on where it was")
            .into());
    }
    Ok(())
}

fn listed(keys: &[KeyId]) -> String {
    let ids: Vec<_> = keys.iter().map(|key| format!("key {key}")).collect();
    ids.join(", ")
}

impl<'a> Named<'a> {
    fn of(reference: &'a AuthRef) -> Self {
        Self { provider: &reference.provider, auth_type: reference.auth_type, name: &reference.name }
    }
}
