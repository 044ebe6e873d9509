//! What the interface itself costs: a call with a transport that answers at once, a named lookup, the registry.
//!
//! `cargo bench -p maestro --bench interface`

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a bench that cannot run stops")]

use async_trait::async_trait;
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use maestro::{
    core::http::{BodyStream, HttpClient},
    prelude::*,
};

/// Answers at once with the shortest stream there is.
#[derive(Debug)]
struct AtOnce;

#[async_trait]
impl HttpClient for AtOnce {
    async fn send(&self, _request: Request<Bytes>) -> Result<Response<BodyStream>> {
        const BODY: &[u8] = b"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ok\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        let body: BodyStream = Box::pin(stream::iter([Ok(Bytes::from_static(BODY))]));
        Ok(Response::builder().header("content-type", "text/event-stream").body(body).expect("a response"))
    }
}

fn interface(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let maestro = runtime.block_on(async {
        Maestro::builder()
            .store(SqliteStore::open(folder.path().join("bench.sqlite")).await.expect("a store"))
            .vault(Vault::new(VaultKey::generate()))
            .http(AtOnce)
            .build()
            .expect("store and vault are given")
    });
    let reference = AuthRef::new(
        "openai_compatible".parse().expect("a name"),
        AuthType::ApiKey,
        "bench".parse().expect("a name"),
    );
    let credentials = Credentials::api_key(Secret::new("sandbox-key").expect("a key"))
        .at(Some("http://127.0.0.1:1/v1".parse().expect("a URL")));
    let auth = runtime
        .block_on(maestro.save_credentials(&reference, &credentials, Save::Create))
        .expect("a saved authentication");
    let target = maestro.target(&auth).expect("credentials that open");

    criterion.bench_function("interface/call with a mock transport", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let request = ChatRequest::new("m".parse().expect("a name"), vec![Message::user("hi")]);
                let mut stream = maestro.stream_chat(&target, request).await.expect("an answer");
                while stream.next().await.is_some() {}
            });
        });
    });
    criterion.bench_function("interface/named lookup on SQLite, opened", |bencher| {
        bencher.iter(|| {
            let found = runtime.block_on(maestro.store().auth_find(&reference)).expect("found");
            maestro.target(&found).expect("credentials that open")
        });
    });
    criterion.bench_function("interface/registry", |bencher| {
        bencher.iter(|| maestro::providers::builtin().capabilities())
    });
}

criterion_group!(benches, interface);
criterion_main!(benches);
