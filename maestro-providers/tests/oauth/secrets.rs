//! No secret leaves memory, whatever a server does with what it was sent.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use maestro_core::{
    Error, Result,
    http::{BodyStream, HttpClient},
    provider::{CodePaste, DeviceFlow, OAuthClient, OAuthFlow as _, PendingAuthorization, PendingDevice},
};
use maestro_providers::{
    gemini,
    oauth::{OAuth, read_paste},
    openai,
};
use maestro_testkit::replay::ReplayClient;

use crate::given::{answer, client, now, pairs, secret, tokens};

/// A server that repeats what it was sent: as it was sent, and as it was meant. Words such as `canary/code` look like no
/// key, so that only comparing with what was sent can find them.
#[derive(Debug)]
struct Echo {
    status: u16,
    shape: fn(&str) -> String,
}

#[async_trait]
impl HttpClient for Echo {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<BodyStream>> {
        let sent = std::str::from_utf8(request.body()).unwrap();
        let mut meant: Vec<String> = pairs(sent).into_iter().map(|(_, value)| value).collect();
        if let Ok(fields) = serde_json::from_str::<BTreeMap<String, String>>(sent) {
            meant = fields.into_values().collect();
        }
        let told = format!("{sent} {}", meant.join(" "));
        let http = ReplayClient::new([answer(self.status, (self.shape)(&told))
            .header("x-request-id", told)
            .header("content-type", "text/html")]);
        http.send(request).await
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn oauths() -> Vec<OAuth> {
    let mut device = gemini::oauth_profile();
    device.device = Some(DeviceFlow::Standard {
        device_authorization_endpoint: "https://a.example/device".parse().unwrap(),
    });
    let mut with_state = device.clone();
    with_state.code_request.state = maestro_core::provider::SendState::Send;
    with_state.client_authentication = maestro_core::provider::ClientAuthentication::Basic;
    [openai::oauth_profile(), device, with_state]
        .into_iter()
        .map(|profile| {
            OAuth::turned_on(OAuthClient { client_secret: Some(secret("canary&secret")), ..client(profile) })
                .unwrap()
        })
        .collect()
}

/// Everything that can fail, against such a server.
async fn failures(http: &Echo) -> Vec<Error> {
    let pending = PendingAuthorization {
        url: "https://a.example/?state=canary-state".parse().unwrap(),
        redirect_uri: "http://127.0.0.1/cb".parse().unwrap(),
        state: secret("canary-state"),
        verifier: secret("canary+verifier"),
    };
    let device = PendingDevice {
        device_code: secret("canary-device"),
        user_code: "canary-user".into(),
        verification_uri: "https://a.example".parse().unwrap(),
        verification_uri_complete: Some("https://a.example/?c=canary-user".parse().unwrap()),
        interval: std::time::Duration::ZERO,
        expires_at: now().saturating_add(std::time::Duration::from_secs(1)),
    };
    let mut signed_in = tokens();
    signed_in.access_token = secret("canary-access");
    signed_in.refresh_token = Some(secret("canary-refresh"));
    signed_in.id_token = Some(secret("canary-id"));
    let paste = CodePaste { code: secret("canary/code"), state: None };
    let told = format!("{pending:?} {device:?} {signed_in:?} {paste:?} {:?}", oauths());
    assert!(!told.contains("canary"), "{told}");

    let mut errors = Vec::new();
    for oauth in oauths() {
        errors.extend(oauth.exchange(http, &pending, &paste, now()).await.err());
        errors.extend(oauth.refresh(http, &signed_in, now()).await.err());
        errors.extend(oauth.revoke(http, &signed_in).await.err());
        errors.extend(oauth.extract_api_credentials(http, &signed_in, now()).await.err());
        errors.extend(oauth.device_begin(http, now()).await.err());
        errors.extend(oauth.device_poll(http, &device, now()).await.err());
    }
    errors
}

#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_server_that_repeats_what_it_was_sent_tells_nobody() {
    let logged = Logged::default();
    let writer = logged.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let shapes: [fn(&str) -> String; 9] = [
        str::to_owned,
        |told| format!("<html>{told}</html>"),
        |told| format!(r#"{{"error":"invalid_grant","error_description":{}}}"#, quoted(told)),
        |told| format!(r#"{{"error":{{"code":{0},"type":{0},"message":{0},"param":{0}}}}}"#, quoted(told)),
        |told| {
            format!(
                r#"{{"type":"error","error":{{"type":"x","message":{0}}},"request_id":{0}}}"#,
                quoted(told)
            )
        },
        |told| format!(r#"{{"detail":{0},"code":{0}}}"#, quoted(told)),
        |told| format!(r#"{{"access_token":{0},"expires_in":{0},"token_type":"bearer"}}"#, quoted(told)),
        |told| format!(r#"{{"access_token":"a","token_type":{}}}"#, quoted(told)),
        |told| format!(r#"{{"user_code":{}}}"#, quoted(told)),
    ];
    let mut seen = 0;
    for shape in shapes {
        for status in [200, 302, 400, 401, 403, 404, 418, 429, 500] {
            for error in failures(&Echo { status, shape }).await {
                seen += 1;
                let told = format!("{error} {error:?} {:?} {:?}", error.code(), error.request_id());
                assert!(!told.contains("canary"), "{status}: {told}");
            }
        }
    }
    assert!(seen > 500, "{seen}");
    let logged = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    assert!(!logged.contains("canary"), "{logged}");
}

#[test]
fn a_paste_is_not_repeated() {
    for text in ["canary code", "https://canary.example/?error=x&code=canary", "canary://\u{7f}"] {
        if let Err(error) = read_paste(text) {
            assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        }
    }
}
