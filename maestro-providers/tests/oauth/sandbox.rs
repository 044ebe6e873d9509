//! Whole sign-ins against the sandbox's authorization server, over a real connection.

use std::time::Duration;

use futures_util::StreamExt as _;
use maestro_core::{
    ErrorKind,
    auth::{Credentials, OAuthTokens, RefusalReason},
    chat::{ChatRequest, Finish, Message, StreamEvent, TranslationReport},
    http::HttpClient as _,
    provider::{
        ChatProtocol as _, DeviceFlow, DevicePoll, Endpoint, ModelCatalog as _, ModelId, OAuthClient,
        OAuthFlow as _, OAuthProfile,
    },
    stream::parse_stream,
    time::{Clock as _, SystemClock},
};
use maestro_providers::{
    anthropic,
    gemini::{self, CodeAssist, Gemini},
    http::ReqwestClient,
    oauth::{OAuth, ProfileFile, read_paste},
    openai::{self, OpenAi},
};
use maestro_testkit::sandbox::{Authorization, Flavour, Sandbox};

use crate::given::secret;

const REDIRECT: &str = "http://127.0.0.1:9/callback";

struct World {
    sandbox: Sandbox,
    http: ReqwestClient,
}

impl World {
    async fn new() -> Self {
        Self { sandbox: Sandbox::start().await.unwrap(), http: ReqwestClient::default() }
    }

    fn authorization(&self) -> Authorization {
        self.sandbox.authorization()
    }

    fn oauth(&self, profile: OAuthProfile, folder: &str) -> OAuth {
        let base = format!("{}/{folder}", self.sandbox.authorization_url()).parse().unwrap();
        let client_secret = (folder == "google").then(|| secret("sandbox-secret"));
        let profile = profile.rebased(&base);
        OAuth::turned_on(OAuthClient { profile, client_id: "sandbox-client".into(), client_secret }).unwrap()
    }

    fn openai(&self) -> OAuth {
        self.oauth(openai::oauth_profile(), "openai")
    }

    /// All providers' servers.
    fn all(&self) -> [OAuth; 3] {
        [
            self.openai(),
            self.oauth(anthropic::oauth_profile(), "anthropic"),
            self.oauth(gemini::oauth_profile(), "google"),
        ]
    }

    async fn sign_in(&self, oauth: &OAuth) -> OAuthTokens {
        let pending = oauth.authorize(&REDIRECT.parse().unwrap()).unwrap();
        let callback = self.authorization().approve(pending.url.as_str()).unwrap();
        let pasted = read_paste(&callback.pasted().unwrap()).unwrap();
        oauth.exchange(&self.http, &pending, &pasted, SystemClock.now()).await.unwrap()
    }

    async fn refresh(&self, oauth: &OAuth, tokens: &OAuthTokens) -> maestro_core::Result<OAuthTokens> {
        oauth.refresh(&self.http, tokens, SystemClock.now()).await
    }
}

#[tokio::test]
async fn a_sign_in_goes_from_the_address_to_its_end_at_every_provider() {
    let world = World::new().await;
    for oauth in world.all() {
        let name = oauth.client().profile.name.clone();
        let first = world.sign_in(&oauth).await;
        assert!(first.refresh_token.is_some(), "{name}");
        assert!(first.expires_at.unwrap() > SystemClock.now(), "{name}");
        assert!(first.account_id.is_some(), "{name}");
        let second = world.refresh(&oauth, &first).await.unwrap();
        assert_ne!(second.access_token, first.access_token, "{name}");
        assert_eq!(second.account_id, first.account_id, "{name}");
        assert_eq!(second.refresh_token == first.refresh_token, name == "gemini", "{name}");
        oauth.revoke(&world.http, &second).await.unwrap();
        if oauth.client().profile.revocation.is_some() {
            let error = world.refresh(&oauth, &second).await.unwrap_err();
            assert!(oauth.refusal(&error).is_some(), "{name}: {error}");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_that_comes_twice_is_told() {
    let world = World::new().await;
    let oauth = world.openai();
    let first = world.sign_in(&oauth).await;
    world.refresh(&oauth, &first).await.unwrap();
    let error = world.refresh(&oauth, &first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(oauth.refusal(&error), Some(RefusalReason::Reused), "{error}");
}

#[tokio::test]
async fn a_user_who_says_no_is_told_from_the_address() {
    let world = World::new().await;
    let pending = world.openai().authorize(&REDIRECT.parse().unwrap()).unwrap();
    let callback = world.authorization().deny(pending.url.as_str()).unwrap();
    assert_eq!(read_paste(callback.url()).unwrap_err().kind(), ErrorKind::Forbidden);
}

#[tokio::test]
async fn devices_sign_in_in_openais_way_and_in_the_standard_one() {
    let world = World::new().await;
    let mut standard = gemini::oauth_profile();
    standard.device = Some(DeviceFlow::Standard {
        device_authorization_endpoint: world
            .authorization()
            .endpoints(Flavour::Google)
            .device
            .unwrap()
            .parse()
            .unwrap(),
    });
    let google = OAuth::turned_on(OAuthClient {
        profile: OAuthProfile {
            token_endpoint: world.authorization().endpoints(Flavour::Google).token.parse().unwrap(),
            ..standard
        },
        client_id: "sandbox-client".into(),
        client_secret: Some(secret("sandbox-secret")),
    });
    for oauth in [world.openai(), google.unwrap()] {
        let now = SystemClock.now();
        let pending = oauth.device_begin(&world.http, now).await.unwrap();
        let poll = oauth.device_poll(&world.http, &pending, now).await.unwrap();
        assert!(matches!(poll, DevicePoll::Pending));
        world.authorization().approve_device(&pending.user_code).unwrap();
        world.authorization().advance(Duration::from_secs(5));
        let done = oauth.device_poll(&world.http, &pending, now).await.unwrap();
        let DevicePoll::Done(tokens) = done else { panic!("{done:?}") };
        world.refresh(&oauth, &tokens).await.unwrap();
    }
}

#[tokio::test]
async fn an_id_token_buys_a_key_or_the_reason_is_told() {
    let world = World::new().await;
    let oauth = world.openai();
    let tokens = world.sign_in(&oauth).await;
    let key = oauth.extract_api_credentials(&world.http, &tokens, SystemClock.now()).await.unwrap();
    assert!(key.key.reveal().starts_with("sandbox-key-") && key.expires_at.is_none());
    world.authorization().configure(Flavour::Openai, |settings| settings.user.organization = None);
    let tokens = world.sign_in(&oauth).await;
    let error = oauth.extract_api_credentials(&world.http, &tokens, SystemClock.now()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Forbidden, Some("invalid_subject_token")));
}

#[tokio::test]
async fn a_server_of_which_only_the_issuer_is_known_signs_in() {
    let world = World::new().await;
    let issuer = world.authorization().endpoints(Flavour::Standard).issuer;
    let file = format!(
        "issuer = \"{issuer}\"\nclient_id = \"sandbox-client\"\nscopes = [\"openid\", \"offline_access\"]"
    );
    let oauth = ProfileFile::parse(&file).unwrap().oauth(&world.http).await.unwrap();
    let tokens = world.sign_in(&oauth).await;
    assert!(tokens.account_id.is_some());
    let tokens = world.refresh(&oauth, &tokens).await.unwrap();
    oauth.revoke(&world.http, &tokens).await.unwrap();
    assert!(world.refresh(&oauth, &tokens).await.is_err());
}

#[tokio::test]
async fn the_tokens_of_a_sign_in_chat_with_the_backend_of_chatgpt() {
    let world = World::new().await;
    let tokens = world.sign_in(&world.openai()).await;
    let url = world.sandbox.chatgpt_url().parse().unwrap();
    let credentials = Credentials::OAuth { tokens: Box::new(tokens), base_url: Some(url) };
    let endpoint = Endpoint::with_credentials(credentials);
    let provider = OpenAi::default();
    let models = provider.list_models(&world.http, &endpoint).await.unwrap();
    assert!(!models.is_empty());

    let mut request = ChatRequest::new(ModelId::new("sandbox-small").unwrap(), vec![Message::user("hello")]);
    request.max_output_tokens = Some(100);
    request.system = vec!["Be brief.".into()];
    let encoded = provider.encode(&endpoint, &request, &mut TranslationReport::default()).unwrap();
    let response = world.http.send(encoded).await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers().get("content-type").is_none(), "as the real one");
    let events: Vec<_> = parse_stream(response.into_body(), provider.decoder()).collect().await;
    assert!(matches!(events.last(), Some(StreamEvent::Finished { finish: Finish::Stop })), "{events:?}");
    assert!(events.iter().any(|event| matches!(event, StreamEvent::TextDelta { .. })));
}

#[tokio::test]
async fn code_assist_is_asked_where_it_was_turned_on_and_a_sign_in_is_used() {
    let world = World::new().await;
    let oauth = world.oauth(gemini::oauth_profile(), "google");
    let tokens = world.sign_in(&oauth).await;
    let base = world.sandbox.code_assist_url();
    let bearer = tokens.access_token.header_value("Bearer ").unwrap();
    let credentials = Credentials::OAuth { tokens: Box::new(tokens), base_url: Some(base.parse().unwrap()) };
    let endpoint = Endpoint::with_credentials(credentials);
    // The account is set up, which is the part of Google's own programs.
    for (method, path, body) in [
        ("POST", "v1internal:onboardUser", r#"{"tierId":"free-tier","metadata":{"pluginType":"GEMINI"}}"#),
        ("GET", "v1internal/operations/sandbox-onboarding", ""),
    ] {
        let request = http::Request::builder().method(method).uri(format!("{base}/{path}"));
        let request =
            request.header("authorization", bearer.clone()).header("content-type", "application/json");
        let response = world.http.send(request.body(body.into()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
    }

    let provider = Gemini::default().with_code_assist(CodeAssist { project: Some("sandbox-project".into()) });
    let mut request = ChatRequest::new(ModelId::new("sandbox-small").unwrap(), vec![Message::user("hello")]);
    request.cache_key = Some("thread".into());
    let encoded = provider.encode(&endpoint, &request, &mut TranslationReport::default()).unwrap();
    let body: serde_json::Value = serde_json::from_slice(encoded.body()).unwrap();
    assert_eq!((&body["model"], &body["request"]["session_id"]), (&"sandbox-small".into(), &"thread".into()));
    let response = world.http.send(encoded).await.unwrap();
    assert_eq!(response.status(), 200);
    let events: Vec<_> = parse_stream(response.into_body(), provider.decoder()).collect().await;
    assert!(matches!(events.last(), Some(StreamEvent::Finished { finish: Finish::Stop })), "{events:?}");
    assert_eq!(
        provider.list_models(&world.http, &endpoint).await.unwrap_err().kind(),
        ErrorKind::Unsupported
    );

    // A key asks the developer API all the same.
    let key = Endpoint::with_credentials(Credentials::api_key(secret("sandbox-key")));
    let encoded = provider.encode(&key, &request, &mut TranslationReport::default()).unwrap();
    assert_eq!(encoded.uri().host(), Some("generativelanguage.googleapis.com"));
}
