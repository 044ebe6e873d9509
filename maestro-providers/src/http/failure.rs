//! What can go wrong on the way to a server, told so that one knows what to check.

use std::{error::Error as StdError, fmt, io, time::Duration};

use maestro_core::{Error, ErrorKind, FieldError, Result, Retry};
use url::Url;

use super::HttpSettings;

/// Whom a request was sent to: host and port, and nothing else of the address.
#[derive(Debug, Clone)]
pub(super) struct Peer(Box<str>);

impl Peer {
    pub(super) fn of(url: &Url) -> Result<Self> {
        let problem = |problem: &str| Error::invalid("send a request", [FieldError::new("url", problem)]);
        if !matches!(url.scheme(), "http" | "https") {
            return Err(problem("must begin with http:// or https://"));
        }
        let host = url.host_str().ok_or_else(|| problem("has no host"))?;
        Ok(Self(match url.port_or_known_default() {
            Some(port) => format!("{host}:{port}").into(),
            None => host.into(),
        }))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which of the timers ran out.
#[derive(Debug, Clone, Copy)]
pub(super) enum Timer {
    Connect,
    FirstByte,
    Idle,
}

/// A timer ran out.
pub(super) fn timed_out(peer: &Peer, timer: Timer, limit: Duration) -> Error {
    let (problem, advice) = match timer {
        Timer::Connect => {
            ("no connection within", "check the network, the address and any firewall in between")
        }
        Timer::FirstByte => (
            "no first byte of an answer within",
            "the model may need longer: the first-byte timer can be raised",
        ),
        Timer::Idle => (
            "the answer fell silent for",
            "what had come is kept; ask again, or raise the idle timer if the server is slow",
        ),
    };
    let failed = unavailable(peer).because(format!("{problem} {limit:?}")).advise(advice);
    match timer {
        Timer::Connect => failed.never_sent(),
        Timer::FirstByte | Timer::Idle => failed,
    }
}

/// A request was not answered.
pub(super) fn of_request(error: reqwest::Error, peer: &Peer, settings: &HttpSettings) -> Error {
    // The address would bring its query along.
    let error = error.without_url();
    let causes = Causes::of(&error);
    if error.is_timeout() && error.is_connect() {
        return timed_out(peer, Timer::Connect, settings.connect_timeout).caused_by(error);
    }
    let failed = unavailable(peer);
    let failed = if causes.refused {
        failed
            .because("the connection was refused: nothing listens there")
            .advise("check that the server runs and that the base URL names its port")
    } else if causes.dns {
        failed
            .because("the name of the host cannot be found")
            .advise("check the spelling of the base URL and the network connection")
    } else if causes.tls {
        failed
            .because("no secure connection (TLS) could be made")
            .advise("check https:// against http:// in the base URL, and the server's certificate")
            .with_retry(Retry::Never)
    } else if error.is_connect() {
        failed.because("no connection could be made").advise("check the network and any proxy")
    } else {
        failed.because("the connection broke before an answer came")
    };
    let failed = if error.is_connect() { failed.never_sent() } else { failed };
    failed.caused_by(error)
}

/// The body of an answer broke off.
pub(super) fn of_body(error: reqwest::Error, peer: &Peer) -> Error {
    Error::new(ErrorKind::Interrupted, "read an answer")
        .on(format_args!("of {peer}"))
        .because("the connection broke in the middle of the answer")
        .caused_by(error.without_url())
}

fn unavailable(peer: &Peer) -> Error {
    Error::new(ErrorKind::Unavailable, "reach").on(peer)
}

/// What the chain of causes tells. The libraries below keep these types to themselves, so names have to do.
#[derive(Default)]
struct Causes {
    refused: bool,
    dns: bool,
    tls: bool,
}

impl Causes {
    fn of(error: &(dyn StdError + 'static)) -> Self {
        let mut causes = Self::default();
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(io) = error.downcast_ref::<io::Error>() {
                causes.refused |= io.kind() == io::ErrorKind::ConnectionRefused;
            }
            let text = error.to_string();
            causes.dns |= text.contains("dns error") || text.contains("failed to lookup address");
            causes.tls |= ["certificate", "TLS", "tls ", "handshake", "corrupt message"]
                .iter()
                .any(|word| text.contains(word));
            next = error.source();
        }
        causes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Link(&'static str, Option<io::Error>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Link {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            self.1.as_ref().map(|error| error as _)
        }
    }

    #[test]
    fn the_chain_of_causes_is_read_to_its_end() {
        let told = |text, kind, inner: &'static str| {
            let causes = Causes::of(&Link(text, Some(io::Error::new(kind, inner))));
            (causes.refused, causes.dns, causes.tls)
        };
        let other = io::ErrorKind::Other;
        assert_eq!(told("tcp connect error", io::ErrorKind::ConnectionRefused, "x"), (true, false, false));
        assert_eq!(told("dns error", other, "failed to lookup address information"), (false, true, false));
        assert_eq!(told("client error", other, "invalid peer certificate: Expired"), (false, false, true));
        assert_eq!(told("client error", other, "reset"), (false, false, false));
    }
}
