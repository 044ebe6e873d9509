//! The client against small servers on loopback that say exactly what a test tells them to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

use std::{future::poll_fn, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use maestro_core::{
    Error, ErrorKind, Result, Retry,
    http::{BodyStream, HttpClient as _},
};
use maestro_providers::http::{ClientFactory, HttpSettings, ReqwestClient, read_body};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A timer that is short enough to be waited for.
const SHORT: Duration = Duration::from_millis(150);
/// A timer that must not run out in a test.
const LONG: Duration = Duration::from_secs(60);

fn client(settings: HttpSettings) -> ReqwestClient {
    ClientFactory::new(settings).client()
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).header("x-api-key", "canary").body(Bytes::new()).unwrap()
}

/// Reads one request up to the end of its head.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte).await.unwrap() == 0 {
            break;
        }
        head.extend(byte);
    }
    String::from_utf8(head).unwrap()
}

/// A server that takes one connection, writes the pieces and then holds the connection open for as long as the handle
/// lives. It gives the request's head back once all is written.
async fn server(pieces: Vec<&'static str>, then: Then) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/models?secret=canary", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = head(&mut stream).await;
        for piece in pieces {
            stream.write_all(piece.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
        if then == Then::Hang {
            // Until the client goes away.
            let _ = stream.read(&mut [0]).await;
        }
        head
    });
    (url, served)
}

#[derive(PartialEq)]
enum Then {
    Hang,
    Close,
}

async fn next(body: &mut BodyStream) -> Option<Result<Bytes>> {
    poll_fn(|context| body.as_mut().poll_next(context)).await
}

async fn rest(response: Response<BodyStream>) -> (Vec<u8>, Option<Error>) {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    loop {
        match next(&mut body).await {
            Some(Ok(chunk)) => bytes.extend(chunk),
            Some(Err(error)) => {
                assert!(next(&mut body).await.is_none(), "an error ends the body");
                return (bytes, Some(error));
            }
            None => return (bytes, None),
        }
    }
}

fn shows_no_secret(error: &Error) {
    let text = format!("{error} {error:?}");
    assert!(!text.contains("canary"), "{text}");
}

async fn fails(settings: HttpSettings, url: &str) -> Error {
    client(settings).send(get(url)).await.err().expect("no answer")
}

const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

#[tokio::test]
async fn an_answer_arrives_as_it_is_sent_and_the_client_says_who_it_is() {
    let (url, served) = server(vec![CHUNKED, "3\r\nabc\r\n", "2\r\nde\r\n", "0\r\n\r\n"], Then::Close).await;
    let response = client(HttpSettings::default()).send(get(&url)).await.unwrap();
    assert_eq!(response.status(), 200);
    let (bytes, error) = rest(response).await;
    assert_eq!(bytes, b"abcde");
    assert!(error.is_none());
    let head = served.await.unwrap().to_ascii_lowercase();
    assert!(head.contains(&format!("user-agent: maestro/{}", env!("CARGO_PKG_VERSION"))), "{head}");
    assert!(!head.contains("accept-encoding"), "{head}");
}

#[tokio::test]
async fn any_status_is_an_answer_and_no_redirect_is_followed() {
    let answer = "HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let (url, _served) = server(vec![answer], Then::Close).await;
    let response = client(HttpSettings::default()).send(get(&url)).await.unwrap();
    assert_eq!(response.status(), 307);
    assert_eq!(response.headers()["location"], "http://127.0.0.1:1/");
}

#[tokio::test]
async fn a_refused_connection_names_host_and_port() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = fails(HttpSettings::default(), &format!("http://{free}/?canary")).await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Backoff));
    let text = error.to_string();
    assert!(
        text.contains(&free.to_string()) && text.contains("refused") && text.contains("base URL"),
        "{text}"
    );
    shows_no_secret(&error);
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_one_that_is_away() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/?canary", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
    });
    let error = fails(HttpSettings::default(), &url).await;
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Never));
    assert!(error.to_string().contains("TLS"), "{error}");
    shows_no_secret(&error);
}

#[tokio::test]
async fn silence_before_the_first_byte_has_a_timer() {
    let (url, _served) = server(Vec::new(), Then::Hang).await;
    let settings = HttpSettings { first_byte_timeout: SHORT, idle_timeout: LONG, ..HttpSettings::default() };
    let error = fails(settings, &url).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("no first byte"), "{error}");
    shows_no_secret(&error);
}

#[tokio::test]
async fn headers_alone_are_no_first_byte() {
    let (url, _served) = server(vec![CHUNKED], Then::Hang).await;
    let settings = HttpSettings { first_byte_timeout: SHORT, idle_timeout: LONG, ..HttpSettings::default() };
    let (bytes, error) = rest(client(settings).send(get(&url)).await.unwrap()).await;
    assert!(bytes.is_empty() && error.unwrap().to_string().contains("no first byte"));
}

#[tokio::test]
async fn silence_within_an_answer_has_a_timer_of_its_own() {
    let (url, _served) = server(vec![CHUNKED, "3\r\nabc\r\n"], Then::Hang).await;
    let settings = HttpSettings { first_byte_timeout: LONG, idle_timeout: SHORT, ..HttpSettings::default() };
    let (bytes, error) = rest(client(settings).send(get(&url)).await.unwrap()).await;
    assert_eq!(bytes, b"abc");
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("fell silent for 150ms"), "{error}");
}

#[tokio::test]
async fn a_slow_reader_is_no_silent_server() {
    let (url, served) = server(vec![CHUNKED, "3\r\nabc\r\n", "0\r\n\r\n"], Then::Close).await;
    let settings = HttpSettings { idle_timeout: SHORT, ..HttpSettings::default() };
    let response = client(settings).send(get(&url)).await.unwrap();
    served.await.unwrap();
    tokio::time::sleep(SHORT * 2).await;
    assert_eq!(rest(response).await.0, b"abc");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_interrupted() {
    let (url, _served) = server(vec![CHUNKED, "3\r\nabc\r\n"], Then::Close).await;
    let (bytes, error) = rest(client(HttpSettings::default()).send(get(&url)).await.unwrap()).await;
    assert_eq!(bytes, b"abc");
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    shows_no_secret(&error);
}

#[tokio::test]
async fn one_connection_serves_one_request_after_the_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..3 {
            head(&mut stream).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        }
    });
    let client = client(HttpSettings::default());
    for _ in 0..3 {
        let answer = read_body(client.send(get(&url)).await.unwrap(), 10).await.unwrap();
        assert_eq!(answer.body().as_ref(), b"ok");
    }
    served.await.unwrap();
}

#[tokio::test]
async fn an_answer_longer_than_its_limit_is_refused() {
    let (url, _served) = server(vec!["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlong"], Then::Close).await;
    let answer = client(HttpSettings::default()).send(get(&url)).await.unwrap();
    let error = read_body(answer, 3).await.expect_err("too long");
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn only_http_and_https_are_spoken() {
    let error = fails(HttpSettings::default(), "ftp://127.0.0.1/canary").await;
    assert_eq!(error.kind(), ErrorKind::Invalid);
    shows_no_secret(&error);
}
