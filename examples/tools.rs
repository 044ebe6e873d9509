//! A tool: offered, called by the model, run here, and answered. A call is run only when its arguments are whole.
//!
//! `cargo run --example tools`

use std::io::Write as _;

use maestro::{
    core::chat::{RawJson, Strictness, ToolCall, ToolDefinition, ToolName, ToolResult},
    prelude::*,
};
use maestro_testkit::sandbox::Sandbox;

fn weather() -> Result<ToolDefinition> {
    Ok(ToolDefinition {
        name: ToolName::new("weather")?,
        description: "The weather in a city.".to_owned(),
        parameters: RawJson::parse(
            r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}"#,
        )?,
        strictness: Strictness::Lenient,
    })
}

fn run(call: &ToolCall) -> Part {
    let result = match call.args().and_then(|args| args["city"].as_str().map(str::to_owned)) {
        Some(city) => ToolResult::text(call, format!("18 °C in {city}")),
        None => ToolResult::error(call, "the arguments hold no city"),
    };
    Part::new(PartKind::ToolResult(result))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let maestro =
        Maestro::builder().store(MemoryStore::new()).vault(Vault::new(VaultKey::generate())).build()?;
    let credentials =
        Credentials::api_key(Secret::new(sandbox.key())?).at(Some(sandbox.openai_url().parse()?));
    let target = Target::new("openai".parse()?, Endpoint::with_credentials(credentials));
    let session =
        maestro.store().session_create(NewSession::new(SessionName::new("weather")?, maestro.now())).await?;

    let (model, tools) = (ModelId::new("sandbox-small")?, [weather()?]);
    let ask = || maestro.turn(session.id).target(target.clone()).model(model.clone()).tools(tools.clone());
    let mut outcome = ask().user("Please call weather for me.").start().await?.finish().await?;
    let mut out = std::io::stdout();
    // The model may call, see results, and call again.
    while outcome.entry.content.finish == Some(Finish::ToolUse) {
        let calls = outcome.entry.content.parts.iter().filter_map(|part| match &part.kind {
            PartKind::ToolCall(call) => Some(call),
            _ => None,
        });
        let mut results = Vec::new();
        for call in calls {
            writeln!(out, "the model calls {}({})", call.name, call.args_raw)?;
            results.push(run(call));
        }
        outcome = ask().tool_results(results).start().await?.finish().await?;
    }
    writeln!(out, "{}", outcome.entry.to_message().text())?;
    Ok(())
}
