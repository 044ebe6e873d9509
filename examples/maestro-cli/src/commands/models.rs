//! `maestro models`: the models that a key can use.

use maestro::core::{provider::ModelInfo, time::Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    app::App,
    credentials::{self, Before, Whom},
    exit::{Exit, Result},
    output::printable,
};

/// List the models that a key can use
///
/// Whom to ask is found as for `maestro chat`: the authentication or provider that is named, else the only saved one,
/// else a key in the environment, else the built-in sandbox.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  maestro models --auth work
  maestro models --base-url http://127.0.0.1:11434/v1
  maestro --json models --provider openai | jq -r .id")]
pub(crate) struct Args {
    #[command(flatten)]
    whom: Whom,
}

#[derive(Serialize)]
#[serde(tag = "type", rename = "model")]
struct ModelLine<'a> {
    provider: &'a str,
    id: &'a str,
    display_name: Option<&'a str>,
    created_at: Option<Timestamp>,
    max_input_tokens: Option<u64>,
    max_output_tokens: Option<u64>,
    reasoning: Option<bool>,
    native: Box<RawValue>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<Exit> {
    let found = credentials::find(app, &args.whom, &Before::default()).await?;
    let models = app.maestro().await?.list_models(&found.target).await?;
    if app.output.is_json() {
        for model in &models {
            app.output.json(&line(found.target.provider.as_str(), model))?;
        }
        return Ok(Exit::Done);
    }
    let tokens = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let rows: Vec<_> = models
        .iter()
        .map(|model| {
            vec![
                printable(model.id.as_str()),
                printable(model.display_name.as_deref().unwrap_or("-")),
                tokens(model.max_input_tokens),
                tokens(model.max_output_tokens),
            ]
        })
        .collect();
    app.output.table(&["MODEL", "NAME", "READS", "WRITES"], &rows)?;
    Ok(Exit::Done)
}

fn line<'a>(provider: &'a str, model: &'a ModelInfo) -> ModelLine<'a> {
    ModelLine {
        provider,
        id: model.id.as_str(),
        display_name: model.display_name.as_deref(),
        created_at: model.created_at,
        max_input_tokens: model.max_input_tokens,
        max_output_tokens: model.max_output_tokens,
        reasoning: model.reasoning,
        native: model.native.to_raw_value(),
    }
}
