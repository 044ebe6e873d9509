//! `maestro store copy` and `maestro store verify`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use maestro::{
    archive::{
        self, Archive, Compared, Copied, CopyOptions, CopyProgress, Difference, OntoExisting, RecordKey,
        Verifying,
    },
    core::archive::{ContentHash, RecordKind},
};
use serde::Serialize;

use crate::{
    app::App,
    exit::{Exit, Result, invalid},
    interrupt::{Interrupts, stopped},
    output::Output,
    store::StoreUrl,
};

/// What follows a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Afterwards {
    /// The stores are compared.
    Verify,
    /// Nothing.
    Nothing,
}

/// What `--merge` means.
pub(super) const fn onto(merge: bool) -> OntoExisting {
    if merge { OntoExisting::Merge } else { OntoExisting::Refuse }
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "progress")]
struct ProgressLine {
    kind: &'static str,
    done: u64,
    records: u64,
    bytes: u64,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "copied")]
struct CopiedLine {
    from: String,
    to: String,
    written: u64,
    present: u64,
    vanished: u64,
    bytes: u64,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "difference")]
struct DifferenceLine<'a> {
    kind: &'static str,
    id: String,
    /// `first`, `second`, or `both` when it differs.
    present_in: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    at: &'a [String],
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "verified")]
struct VerifiedLine {
    first: String,
    second: String,
    equal: bool,
    differences: u64,
    kinds: Vec<KindLine>,
}

#[derive(Serialize)]
struct KindLine {
    kind: &'static str,
    first_records: u64,
    second_records: u64,
    first_sha256: String,
    second_sha256: String,
}

pub(super) async fn copy(
    app: &App,
    from: &StoreUrl,
    to: &StoreUrl,
    onto: OntoExisting,
    afterwards: Afterwards,
) -> Result<Exit> {
    if from.is_same(to) {
        return Err(invalid("copy store", "to", format!("must be another store than {from}")).into());
    }
    if *to == StoreUrl::Memory {
        return Err(invalid("copy store", "to", "must be a store that outlives this command").into());
    }
    let source = from.open_existing().await?;
    let target = to.open().await?;
    let mut interrupts = Interrupts::listen()?;
    let options = CopyOptions { onto, ..CopyOptions::default() };
    let bar = progress_bar(app.output);
    let mut told = Ok(());
    let mut progress = |CopyProgress { kind, records, done, bytes }: CopyProgress| {
        bar.set_length(records);
        bar.set_position(done);
        bar.set_message(format!("{kind}s"));
        if app.output.is_json() && told.is_ok() {
            told = app.output.json(&ProgressLine { kind: kind.as_str(), done, records, bytes });
        }
    };
    let copied = tokio::select! {
        copied = archive::copy(&*source, &*target, &options, &mut progress) => Some(copied),
        () = interrupts.next() => None,
    };
    bar.finish_and_clear();
    told?;
    let Some(copied) = copied else {
        return Err(stopped("copy store")
            .because("stopped; what was copied is whole")
            .advise(format!("go on with: maestro store copy {from} {to} --merge"))
            .into());
    };
    let Copied { written, present, vanished, bytes } = copied?;
    if app.output.is_json() {
        let (from, to) = (from.to_string(), to.to_string());
        app.output.json(&CopiedLine { from, to, written, present, vanished, bytes })?;
    } else {
        let there = if present > 0 { format!(", {present} were there already") } else { String::new() };
        app.output.line(&format!("Copied {} to {to} ({}){there}.", records(written), size(bytes)))?;
        if vanished > 0 {
            app.output.notice(&format!("{} were deleted meanwhile.", records(vanished)));
        }
    }
    match afterwards {
        Afterwards::Nothing => Ok(Exit::Done),
        Afterwards::Verify => compare(app, (from, &*source), (to, &*target), &mut interrupts).await,
    }
}

pub(super) async fn verify(app: &App, first: &StoreUrl, second: &StoreUrl) -> Result<Exit> {
    let (one, other) = (first.open_existing().await?, second.open_existing().await?);
    let mut interrupts = Interrupts::listen()?;
    compare(app, (first, &*one), (second, &*other), &mut interrupts).await
}

async fn compare(
    app: &App,
    (first, one): (&StoreUrl, &dyn Archive),
    (second, other): (&StoreUrl, &dyn Archive),
    interrupts: &mut Interrupts,
) -> Result<Exit> {
    let bar = progress_bar(app.output);
    bar.set_message("compared");
    let mut shown = Ok(());
    let mut tell = |told| match told {
        Verifying::Compared(_) => bar.inc(1),
        Verifying::Differs(difference) => {
            // Where nothing can be written any more, the comparison ends all the same, and then tells why.
            if shown.is_ok() {
                shown = bar.suspend(|| show(app.output, &difference));
            }
        }
    };
    let compared = tokio::select! {
        compared = archive::verify(one, other, &mut tell) => Some(compared),
        () = interrupts.next() => None,
    };
    bar.finish_and_clear();
    shown?;
    let Some(compared) = compared else { return Err(stopped("compare stores").into()) };
    conclude(app.output, first, second, &compared?)
}

fn show(output: Output, difference: &Difference) -> Result<()> {
    let (key, present_in, at): (&RecordKey, _, &[String]) = match difference {
        Difference::OnlyInFirst(key) => (key, "first", &[]),
        Difference::OnlyInSecond(key) => (key, "second", &[]),
        Difference::Record { key, at } => (key, "both", at),
    };
    if output.is_json() {
        let (kind, id) = (key.kind().as_str(), key.uuid().to_string());
        output.json(&DifferenceLine { kind, id, present_in, at })?;
    } else if present_in == "both" {
        output.line(&format!("{key} differs"))?;
        for place in at {
            output.line(&format!("  {place}"))?;
        }
    } else {
        output.line(&format!("{key} is only in the {present_in}"))?;
    }
    Ok(())
}

fn conclude(output: Output, first: &StoreUrl, second: &StoreUrl, compared: &Compared) -> Result<Exit> {
    let Compared { kinds, differences } = compared;
    if output.is_json() {
        let kinds = kinds.iter().map(|kind| {
            let (first, second): (ContentHash, ContentHash) = kind.hashes;
            KindLine {
                kind: kind.kind.as_str(),
                first_records: kind.records.0,
                second_records: kind.records.1,
                first_sha256: first.to_string(),
                second_sha256: second.to_string(),
            }
        });
        output.json(&VerifiedLine {
            first: first.to_string(),
            second: second.to_string(),
            equal: compared.is_equal(),
            differences: *differences,
            kinds: kinds.collect(),
        })?;
    } else if compared.is_equal() {
        let count = |wanted: RecordKind| {
            let found = kinds.iter().find(|kind| kind.kind == wanted);
            let count = found.map_or(0, |kind| kind.records.0);
            format!("{count} {wanted}{}", if count == 1 { "" } else { "s" })
        };
        let counts: Vec<_> = RecordKind::ALL.into_iter().map(count).collect();
        output.line(&format!("Both hold the same: {}.", counts.join(", ")))?;
    } else {
        output.line(&format!("{first} and {second} differ in {}.", records(*differences)))?;
    }
    Ok(if compared.is_equal() { Exit::Done } else { Exit::Failed })
}

/// A bar on standard error while somebody looks at it there.
fn progress_bar(output: Output) -> ProgressBar {
    let target =
        if output.is_json() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(10) };
    let bar = ProgressBar::with_draw_target(None, target);
    match ProgressStyle::with_template("{spinner} {pos}/{len} {bar:30} {msg} {elapsed}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn records(count: u64) -> String {
    format!("{count} record{}", if count == 1 { "" } else { "s" })
}

/// Bytes, for people.
pub(super) fn size(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
