//! The listener on loopback that a browser is sent to (RFC 8252, section 7.3).

use std::{io, net::Ipv4Addr, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use maestro_core::{
    Error, ErrorKind, Result,
    provider::{CodePaste, PendingAuthorization, RedirectStyle},
};
use maestro_providers::oauth::Callback;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use url::Url;

use super::page::Page;

/// How long the head of a request may be; an address with a code has some hundred bytes.
const MAX_HEAD: usize = 8 << 10;

/// How long a connection may take. Browsers open some in advance and say nothing on them.
const CONNECTION_TIME: Duration = Duration::from_secs(10);

/// How many connections are read at once; others wait.
const MAX_CONNECTIONS: usize = 32;

/// How long it takes until somebody is listened to again when the system has no connection to give.
const PAUSE: Duration = Duration::from_millis(50);

const OPERATION: &str = "listen for the sign-in";

/// A listener on 127.0.0.1 that waits for the answer to one sign-in. It is closed when it is dropped.
///
/// It reads nothing but the head of a request, 8 KiB at most, in 10 seconds at most, and answers with a small page that
/// repeats nothing of it.
#[derive(Debug)]
pub struct LoopbackListener {
    listener: TcpListener,
    path: String,
    redirect_uri: Url,
}

impl LoopbackListener {
    /// Listens on the first port of a redirect that is free.
    ///
    /// [`ErrorKind::Unsupported`] for a redirect that is not to loopback; [`ErrorKind::InUse`] when every port that the
    /// server accepts is taken, with their numbers; [`ErrorKind::Invalid`] when host and path make no address.
    pub async fn bind(redirect: &RedirectStyle) -> Result<Self> {
        let RedirectStyle::Loopback { host, ports, path } = redirect else {
            return Err(Error::new(ErrorKind::Unsupported, OPERATION)
                .because("the code comes back by hand")
                .advise("paste what the page shows"));
        };
        let mut last = None;
        for port in ports {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).await {
                Ok(listener) => return Self::on(listener, host, path),
                Err(error) => last = Some(error),
            }
        }
        Err(taken(ports, last))
    }

    fn on(listener: TcpListener, host: &str, path: &str) -> Result<Self> {
        let port = listener.local_addr().map_err(|error| taken(&[], Some(error)))?.port();
        let redirect_uri = Url::parse(&format!("http://{host}:{port}{path}")).map_err(|error| {
            let problem = format!("makes no address with this path: {error}");
            Error::invalid(OPERATION, [maestro_core::FieldError::new("host", problem)])
        })?;
        Ok(Self { listener, path: redirect_uri.path().to_owned(), redirect_uri })
    }

    /// Where the browser is to be sent, for [`OAuthFlow::authorize`](maestro_core::provider::OAuthFlow::authorize).
    pub const fn redirect_uri(&self) -> &Url {
        &self.redirect_uri
    }

    /// Waits until the answer to this sign-in comes, for as long as it takes: dropping the future stops it. Requests that
    /// are none, or carry another state, are turned away and change nothing.
    ///
    /// Errors are what the server, or the user, answered: see [`read_paste`](maestro_providers::oauth::read_paste).
    pub async fn wait(&self, pending: &PendingAuthorization) -> Result<CodePaste> {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                    Ok((stream, peer)) if peer.ip().is_loopback() => connections.push(self.serve(stream, pending)),
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(%error, "a connection could not be accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
                Some(Some(answer)) = connections.next(), if !connections.is_empty() => return answer,
            }
        }
    }

    /// Answers one connection; present is what ends the sign-in.
    async fn serve(
        &self,
        mut stream: TcpStream,
        pending: &PendingAuthorization,
    ) -> Option<Result<CodePaste>> {
        let read = timeout(CONNECTION_TIME, read_head(&mut stream)).await.ok()?.ok()?;
        let (page, answer) = match read {
            Head::TooLong => (Page::TooLong, None),
            Head::Whole(head) => match target(&head) {
                None => (Page::Bad, None),
                Some(url) if url.path() != self.path => (Page::Stray, None),
                Some(url) => match Callback::read(pending, &url) {
                    Callback::Stray => (Page::Stray, None),
                    Callback::Refused(error) => (Page::Refused, Some(Err(error))),
                    Callback::Code(code) => (Page::Done, Some(Ok(code))),
                },
            },
        };
        // A browser that has gone takes nothing from what it brought.
        let told = timeout(CONNECTION_TIME, async {
            stream.write_all(page.answer().as_bytes()).await?;
            stream.shutdown().await
        });
        if !matches!(told.await, Ok(Ok(()))) {
            tracing::debug!("the browser did not take the page");
        }
        answer
    }
}

/// The head of a request.
enum Head {
    Whole(Vec<u8>),
    TooLong,
}

async fn read_head(stream: &mut TcpStream) -> io::Result<Head> {
    let mut head = Vec::with_capacity(1024);
    let mut chunk = [0; 1024];
    loop {
        let count = stream.read(&mut chunk).await?;
        head.extend_from_slice(&chunk[..count]);
        if head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(Head::Whole(head));
        }
        if head.len() > MAX_HEAD {
            return Ok(Head::TooLong);
        }
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The address that a head asks for with GET (RFC 9112, section 3). Absent for anything else.
fn target(head: &[u8]) -> Option<Url> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if method != "GET"
        || !target.starts_with('/')
        || !version.starts_with("HTTP/1.")
        || words.next().is_some()
    {
        return None;
    }
    Url::parse(&format!("http://127.0.0.1{target}")).ok()
}

fn taken(ports: &[u16], last: Option<io::Error>) -> Error {
    let all: Vec<_> = ports.iter().map(u16::to_string).collect();
    let error = Error::new(ErrorKind::InUse, OPERATION)
        .because(format!(
            "none of the ports that the server accepts is free on this machine: {}",
            if all.is_empty() { "it accepts none".to_owned() } else { all.join(", ") }
        ))
        .advise("end the program that listens there, or sign in by paste or by device");
    match last {
        Some(cause) => error.caused_by(cause),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_get_of_a_path_is_a_request() {
        let url = |head: &str| target(head.as_bytes()).map(|url| url.to_string());
        assert_eq!(url("GET /a?b=c HTTP/1.1\r\n\r\n").as_deref(), Some("http://127.0.0.1/a?b=c"));
        for head in [
            "",
            "\r\n\r\n",
            "POST /a HTTP/1.1\r\n\r\n",
            "GET a HTTP/1.1\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\n\r\n",
            "GET /a HTTP/2\r\n\r\n",
            "GET /a b HTTP/1.1\r\n\r\n",
            "GET /a\r\n\r\n",
        ] {
            assert_eq!(url(head), None, "{head:?}");
        }
    }
}
