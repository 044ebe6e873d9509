//! The sandbox in this process: what answers when there is no key.

use maestro::{
    Error, ErrorKind, Result, Secret, Target,
    core::{
        auth::Credentials,
        provider::{Endpoint, ProviderId},
    },
};
use maestro_testkit::sandbox::{Sandbox, SandboxError};

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
    let kind = match &error {
        SandboxError::PortTaken { .. } => ErrorKind::InUse,
        SandboxError::Scenario { .. } => ErrorKind::Invalid,
        SandboxError::Bind { .. } | SandboxError::Thread { .. } => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    };
    Error::new(kind, "start the sandbox").because(error.to_string()).caused_by(error)
}
