//! Ctrl-C and SIGTERM, as something that can be awaited.

use maestro::{Error, ErrorKind, Result};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Waits for the user, or the system, to ask for an end. From its making on, signals no longer kill the program.
#[derive(Debug)]
pub(crate) struct Interrupts {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Option<Signal>,
}

impl Interrupts {
    /// Begins to listen.
    #[cfg(unix)]
    pub(crate) fn listen() -> Result<Self> {
        let terminate = Some(listen_to(SignalKind::terminate())?);
        Ok(Self { terminate, ..Self::listen_to_ctrl_c()? })
    }

    /// Begins to listen to Ctrl-C alone: SIGTERM goes on to kill, as it must while a prompt waits.
    #[cfg(unix)]
    pub(crate) fn listen_to_ctrl_c() -> Result<Self> {
        Ok(Self { interrupt: listen_to(SignalKind::interrupt())?, terminate: None })
    }

    /// Begins to listen.
    #[cfg(not(unix))]
    pub(crate) fn listen() -> Result<Self> {
        Ok(Self {})
    }

    /// Begins to listen to Ctrl-C.
    #[cfg(not(unix))]
    pub(crate) fn listen_to_ctrl_c() -> Result<Self> {
        Self::listen()
    }

    /// The next signal, also one that came since the last call.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        let Self { interrupt, terminate } = self;
        let terminated = async {
            match terminate {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminated => {}
        }
    }

    /// The next Ctrl-C.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(unix)]
fn listen_to(kind: SignalKind) -> Result<Signal> {
    signal(kind).map_err(|error| Error::new(ErrorKind::Internal, "listen for signals").caused_by(error))
}

/// That the user stopped what was being done.
pub(crate) fn stopped(operation: &'static str) -> Error {
    Error::new(ErrorKind::Cancelled, operation).because("stopped")
}
