//! The listener among strangers.

use maestro::{
    ErrorKind, LoopbackListener,
    core::provider::{OAuthFlow as _, RedirectStyle},
};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{World, loopback, send, visit};

#[tokio::test]
async fn strangers_are_turned_away_and_the_answer_still_comes() {
    let world = World::new().await;
    let listener = LoopbackListener::bind(&loopback(vec![0])).await.unwrap();
    let uri = listener.redirect_uri().clone();
    let pending = world.oauth.authorize(&uri).unwrap();
    let back = world.authorization().approve(pending.url.as_str()).unwrap();
    let strangers = async {
        // One that connects and says nothing holds nobody up.
        let silent = TcpStream::connect(("127.0.0.1", uri.port().unwrap())).await.unwrap();
        for (request, status) in [
            ("GET /favicon.ico HTTP/1.1\r\n\r\n", "404"),
            ("GET /auth/callback HTTP/1.1\r\n\r\n", "404"),
            ("GET /auth/callback?code=stolen&state=wrong HTTP/1.1\r\n\r\n", "404"),
            ("GET /auth/callback?error=access_denied HTTP/1.1\r\n\r\n", "404"),
            ("POST /auth/callback HTTP/1.1\r\n\r\n", "400"),
            ("nonsense\r\n\r\n", "400"),
        ] {
            let answer = send(&uri, request).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{request:?}: {answer}");
            assert!(!answer.contains("stolen"), "{answer}");
        }
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(9 << 10));
        let answer = send(&uri, &long).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
        visit(back.url()).await;
        drop(silent);
    };
    let (code, ()) = tokio::join!(listener.wait(&pending), strangers);
    assert_eq!(code.unwrap().code.reveal(), back.code().unwrap());
}

#[tokio::test]
async fn the_ports_are_tried_in_order_and_told_when_all_are_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    let listener = LoopbackListener::bind(&loopback(vec![port, 0])).await.unwrap();
    assert_ne!(listener.redirect_uri().port(), Some(port));
    assert_eq!(listener.redirect_uri().host_str(), Some("localhost"));
    let error = LoopbackListener::bind(&loopback(vec![port])).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse);
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    let paste = RedirectStyle::Paste { redirect_uri: "https://example.com/code".parse().unwrap() };
    assert_eq!(LoopbackListener::bind(&paste).await.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn who_stops_waiting_frees_the_port() {
    let world = World::new().await;
    let listener = LoopbackListener::bind(&loopback(vec![0])).await.unwrap();
    let port = listener.redirect_uri().port().unwrap();
    let pending = world.oauth.authorize(listener.redirect_uri()).unwrap();
    tokio::select! {
        biased;
        _ = listener.wait(&pending) => panic!("nobody came"),
        () = tokio::task::yield_now() => {}
    }
    drop(listener);
    LoopbackListener::bind(&loopback(vec![port])).await.unwrap();
}
