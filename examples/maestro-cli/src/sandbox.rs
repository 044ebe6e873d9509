//! The sandbox in this process: what answers when there is no key.

use maestro::{
    Error, ErrorKind, Result, Secret, Target,
    core::{
        auth::Credentials,
        provider::{Endpoint, ProviderId},
    },
};
use maestro_testkit::sandbox::{Sandbox, SandboxError};

use crate::exit::invalid;

/// The name by which the sandbox is asked for outright, as `--provider sandbox`.
pub(crate) const NAME: &str = "sandbox";

/// The model that is asked there when none is named. Its kind of name marks sessions held with the sandbox.
pub(crate) const DEFAULT_MODEL: &str = "sandbox-small";

/// Whether a model of this name is the sandbox's.
pub(crate) fn has_model(name: &str) -> bool {
    name.starts_with("sandbox-")
}

/// Starts a sandbox on a free port. It stops when it is dropped.
pub(crate) async fn start() -> Result<(Sandbox, Target)> {
    let sandbox = Sandbox::start().await.map_err(failed)?;
    let credentials = Credentials::api_key(Secret::new(sandbox.key())?)
        .at(Some(Endpoint::parse_base_url(&sandbox.anthropic_url())?));
    let target = Target::new(ProviderId::new("anthropic")?, Endpoint::with_credentials(credentials));
    Ok((sandbox, target))
}

/// The error of a sandbox that does not start.
pub(crate) fn failed(error: SandboxError) -> Error {
    const OPERATION: &str = "start the sandbox";
    match error {
        SandboxError::PortTaken { port } => Error::new(ErrorKind::InUse, OPERATION)
            .on(format_args!("on 127.0.0.1:{port}"))
            .because("the port is taken")
            .advise("stop the program that listens there, or choose another port; 0 is any that is free"),
        SandboxError::Bind { port, source } => Error::new(ErrorKind::Unavailable, OPERATION)
            .on(format_args!("on 127.0.0.1:{port}"))
            .because(source.to_string()),
        SandboxError::Scenario { index, source } => {
            invalid(OPERATION, "scenario", format!("number {} is not valid: {source}", index + 1))
        }
        other => Error::new(ErrorKind::Internal, OPERATION).because(other.to_string()),
    }
}
