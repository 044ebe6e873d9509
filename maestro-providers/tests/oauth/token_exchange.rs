//! Keys that tokens buy by RFC 8693.

use maestro_core::{
    ErrorKind,
    auth::OAuthTokens,
    provider::{
        ClientAuthentication, ExchangeDialect, FlowAccess, KeyExchange, OAuthClient, OAuthFlow as _,
        OAuthProfile, OtherPlans, PlanRule, SubjectToken, TokenExchange, UsePolicy,
    },
};
use maestro_providers::oauth::{ModeChoice, OAuth, ProfileFile, SignInMode, decide_mode};
use maestro_testkit::replay::ReplayClient;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::given::{answers, form, header, jwt, now, only, owned, secret, tokens};

const ACCESS: &str = "urn:ietf:params:oauth:token-type:access_token";
const GOOD: &str = r#"{"access_token":"bought","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":60}"#;

fn exchange() -> TokenExchange {
    TokenExchange {
        subject_token: SubjectToken::AccessToken,
        requested_token_type: None,
        audience: Vec::new(),
        resource: Vec::new(),
        scope: Vec::new(),
    }
}

fn profile(exchange: TokenExchange) -> OAuthProfile {
    let url = |path: &str| format!("https://auth.example.com/{path}").parse().unwrap();
    let policy = UsePolicy { text: "t".into(), source: "s".into(), access: FlowAccess::Open };
    OAuthProfile {
        key_exchange: Some(KeyExchange {
            dialect: ExchangeDialect::Standard(exchange),
            plans: PlanRule { others: OtherPlans::UseTokens, ..PlanRule::default() },
        }),
        ..OAuthProfile::new("example", url("authorize"), url("token"), policy)
    }
}

fn engine(profile: OAuthProfile) -> OAuth {
    OAuth::new(OAuthClient { profile, client_id: "my client".into(), client_secret: Some(secret("s3:cret")) })
        .unwrap()
}

fn plain() -> OAuth {
    engine(profile(exchange()))
}

#[tokio::test]
async fn an_access_token_buys_a_key_with_an_end() {
    let http = answers(200, GOOD);
    let key = plain().extract_api_credentials(&http, &tokens(), now()).await.unwrap();
    assert_eq!(key.key.reveal(), "bought");
    assert_eq!(key.expires_at.unwrap().to_string(), "2026-11-21T05:01:00.000000Z");
    let request = only(&http);
    assert_eq!(request.uri(), "https://auth.example.com/token");
    assert_eq!(
        form(&request),
        owned(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", "my client"),
            ("client_secret", "s3:cret"),
            ("subject_token", "old-access"),
            ("subject_token_type", ACCESS),
        ])
    );
}

#[tokio::test]
async fn all_that_the_profile_says_is_asked_for() {
    let wanted = TokenExchange {
        subject_token: SubjectToken::IdToken,
        requested_token_type: Some(ACCESS.into()),
        audience: vec!["first".into(), "second one".into()],
        resource: vec!["https://api.example.com/v1".parse().unwrap()],
        scope: vec!["chat".into(), "models".into()],
    };
    let http = answers(200, GOOD);
    let profile = OAuthProfile { client_authentication: ClientAuthentication::Basic, ..profile(wanted) };
    engine(profile).extract_api_credentials(&http, &tokens(), now()).await.unwrap();
    let request = only(&http);
    // base64("my%20client:s3%3Acret")
    assert_eq!(header(&request, "authorization"), Some("Basic bXklMjBjbGllbnQ6czMlM0FjcmV0"));
    assert_eq!(
        form(&request),
        owned(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", "old-id"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("requested_token_type", ACCESS),
            ("audience", "first"),
            ("audience", "second one"),
            ("resource", "https://api.example.com/v1"),
            ("scope", "chat models"),
        ])
    );
}

#[tokio::test]
async fn without_an_id_token_nothing_is_sent() {
    let oauth = engine(profile(TokenExchange { subject_token: SubjectToken::IdToken, ..exchange() }));
    let nobody = ReplayClient::new([]);
    let error =
        oauth.extract_api_credentials(&nobody, &OAuthTokens::new(secret("a")), now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(nobody.requests().is_empty());
}

#[tokio::test]
async fn what_a_reply_must_say_is_not_guessed() {
    let oauth = engine(profile(TokenExchange { requested_token_type: Some(ACCESS.into()), ..exchange() }));
    let good: Value = serde_json::from_str(GOOD).unwrap();
    for (key, value, problem) in [
        ("access_token", Value::Null, "no access_token"),
        ("access_token", json!("two words"), "white space"),
        ("access_token", json!(7), "not a text"),
        ("issued_token_type", Value::Null, "no issued_token_type"),
        ("issued_token_type", json!(""), "no issued_token_type"),
        ("issued_token_type", json!("urn:ietf:params:oauth:token-type:refresh_token"), "not of the type"),
        ("token_type", Value::Null, "no token_type"),
        ("token_type", json!("N_A"), "not a bearer token"),
        ("token_type", json!("DPoP"), "not a bearer token"),
    ] {
        let mut body = good.clone();
        body[key] = value.clone();
        let http = answers(200, body.to_string());
        let error = oauth.extract_api_credentials(&http, &tokens(), now()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{key} {value}: {error}");
        assert!(error.to_string().contains(problem), "{key} {value}: {error}");
    }
}

#[tokio::test]
async fn an_end_is_taken_from_the_reply_else_from_the_token_else_there_is_none() {
    let claims = jwt(&json!({"exp": 1_795_237_260}));
    for (token, expires_in, end) in [
        ("opaque", json!(30), Some("2026-11-21T05:00:30.000000Z")),
        ("opaque", json!("30"), Some("2026-11-21T05:00:30.000000Z")),
        ("opaque", Value::Null, None),
        ("opaque", json!(-1), None),
        ("opaque", json!(0), None),
        ("opaque", json!(1e30), None),
        (&claims, json!(30), Some("2026-11-21T05:00:30.000000Z")),
        (&claims, Value::Null, Some("2026-11-21T05:01:00.000000Z")),
    ] {
        let mut body: Value = serde_json::from_str(GOOD).unwrap();
        (body["access_token"], body["expires_in"]) = (json!(token), expires_in.clone());
        let http = answers(200, body.to_string());
        let key = plain().extract_api_credentials(&http, &tokens(), now()).await.unwrap();
        assert_eq!(key.expires_at.map(|end| end.to_string()).as_deref(), end, "{expires_in}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_to_look_at() {
    for (status, code, kind, advice) in [
        (400, "invalid_target", ErrorKind::Forbidden, "audience"),
        (400, "invalid_scope", ErrorKind::Forbidden, "scope"),
        (400, "unsupported_grant_type", ErrorKind::Forbidden, "trades no tokens"),
        (400, "unauthorized_client", ErrorKind::Forbidden, "trades no tokens"),
        (400, "invalid_request", ErrorKind::Forbidden, "use the tokens themselves"),
        (400, "invalid_grant", ErrorKind::Forbidden, "use the tokens themselves"),
        (401, "invalid_client", ErrorKind::Unauthenticated, "client secret"),
    ] {
        let body = json!({"error": code, "error_description": "no: old-access"}).to_string();
        let oauth = plain();
        let error =
            oauth.extract_api_credentials(&answers(status, body), &tokens(), now()).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, Some(code)), "{error}");
        assert!(error.to_string().contains(advice), "{code}: {error}");
        assert!(!error.to_string().contains("old-access"), "{error}");
    }
    let error = plain().extract_api_credentials(&answers(503, ""), &tokens(), now()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

/// A file for the server of an issuer, with this at its end.
fn file(rest: &str) -> maestro_core::Result<ProfileFile> {
    ProfileFile::parse(&format!(
        "authorization_endpoint = \"https://a.example/authorize\"\ntoken_endpoint = \"https://a.example/token\"\n\
         client_id = \"mine\"\n{rest}"
    ))
}

async fn exchange_of(rest: &str) -> KeyExchange {
    file(rest).unwrap().client(&ReplayClient::new([])).await.unwrap().profile.key_exchange.unwrap()
}

#[tokio::test]
async fn a_file_names_an_exchange_in_either_dialect() {
    let found = exchange_of(
        r#"[token_exchange]
        requested_token_type = "urn:ietf:params:oauth:token-type:access_token"
        subject_token = "id_token"
        audience = "gateway"
        resource = ["https://api.example.com/v1", "urn:example:other"]
        scope = ["chat"]
        plans_with_tokens = ["free"]
        plans_with_key = ["business"]"#,
    )
    .await;
    let ExchangeDialect::Standard(said) = found.dialect else { panic!("{found:?}") };
    assert_eq!(said.subject_token, SubjectToken::IdToken);
    assert_eq!(said.requested_token_type.as_deref(), Some(ACCESS));
    assert_eq!((said.audience, said.scope), (vec!["gateway".to_owned()], vec!["chat".to_owned()]));
    assert_eq!(said.resource.len(), 2);
    assert_eq!(found.plans.others, OtherPlans::BuyKey);

    let found = exchange_of("[token_exchange]\nrequested_token = \"a-key\"").await;
    assert_eq!(found.dialect, ExchangeDialect::OpenAi { requested_token: "a-key".into() });
    let found = exchange_of("[token_exchange]").await;
    assert_eq!(found.dialect, ExchangeDialect::Standard(exchange()));
}

#[tokio::test]
async fn a_file_says_which_plans_want_a_key() {
    use SignInMode::{Key, Tokens};
    for (lists, expected) in [
        // Nothing is said: only who asks for a key gets one.
        ("", [(Some("free"), Tokens, false), (Some("new"), Tokens, false), (None, Tokens, false)]),
        (
            "plans_with_key = [\"business\"]",
            [(Some("Business"), Key, false), (Some("new"), Tokens, false), (None, Tokens, false)],
        ),
        (
            "plans_with_tokens = [\"free\"]",
            [(Some("free"), Tokens, false), (Some("new"), Key, true), (None, Key, true)],
        ),
        (
            "plans_with_tokens = [\"free\"]\nplans_with_key = [\"business\"]",
            [(Some("free"), Tokens, false), (Some("business"), Key, false), (Some("new"), Key, true)],
        ),
    ] {
        let client =
            file(&format!("[token_exchange]\n{lists}")).unwrap().client(&ReplayClient::new([])).await;
        let profile = client.unwrap().profile;
        for (plan, mode, warns) in expected {
            let decision = decide_mode(&profile, plan, ModeChoice::ByPlan);
            assert_eq!((decision.mode, decision.warning.is_some()), (mode, warns), "{lists} {plan:?}");
            let asked = decide_mode(&profile, plan, ModeChoice::Always(Key));
            assert_eq!((asked.mode, asked.warning), (Key, None));
        }
    }
}

#[test]
fn a_key_of_an_exchange_that_is_wrong_is_named() {
    for (rest, wanted) in [
        ("token_exchange = 7", "token_exchange must be a table"),
        (
            "[token_exchange]\nsubject_tokn = \"id_token\"",
            "token_exchange.subject_tokn is not a key of token_exchange; keys are audience, plans_with_key, plans_with_tokens, requested_token, requested_token_type, resource, scope, subject_token",
        ),
        (
            "[token_exchange]\nsubject_token = \"refresh_token\"",
            "token_exchange.subject_token must be \"access_token\" or \"id_token\"",
        ),
        (
            "[token_exchange]\nrequested_token_type = \"access token\"",
            "token_exchange.requested_token_type must be a URI",
        ),
        ("[token_exchange]\naudience = [\"a b\"]", "token_exchange.audience must be"),
        ("[token_exchange]\nresource = \"https://a.example/#x\"", "token_exchange.resource must be"),
        ("[token_exchange]\nscope = \"chat\"", "token_exchange.scope must be a list"),
        ("[token_exchange]\nrequested_token = \"k\"\naudience = \"a\"", "does not go with audience"),
    ] {
        let error = file(rest).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(wanted), "{rest}: {error}");
    }
}

#[test]
fn a_written_profile_is_read_again_in_either_dialect_and_as_it_was_before_there_were_two() {
    let plans = PlanRule::default();
    for dialect in
        [ExchangeDialect::OpenAi { requested_token: "k".into() }, ExchangeDialect::Standard(exchange())]
    {
        let written = KeyExchange { dialect, plans: plans.clone() };
        let text = serde_json::to_string(&written).unwrap();
        assert_eq!(serde_json::from_str::<KeyExchange>(&text).unwrap(), written);
    }
    let before = r#"{"requested_token":"openai-api-key","plans":{"tokens":["free"],"key":[]}}"#;
    let read: KeyExchange = serde_json::from_str(before).unwrap();
    assert_eq!(read.dialect, ExchangeDialect::OpenAi { requested_token: "openai-api-key".into() });
    assert_eq!(read.plans.others, OtherPlans::BuyKey);
}

fn any_field() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!(ACCESS)),
        Just(json!("Bearer")),
        Just(json!("bEaReR")),
        Just(json!(60)),
        any::<f64>().prop_map(|number| json!(number)),
        "[ -~]{0,20}".prop_map(Value::from),
        Just(json!(["Bearer"])),
    ]
}

proptest! {
    #[test]
    fn a_key_is_only_taken_from_a_reply_that_says_all_it_must(
        token in any_field(), issued in any_field(), kind in any_field(), end in any_field()
    ) {
        let body = json!({"access_token": token, "issued_token_type": issued, "token_type": kind, "expires_in": end});
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let http = answers(200, body.to_string());
        let result = runtime.block_on(plain().extract_api_credentials(&http, &tokens(), now()));
        let is_bearer = kind.as_str().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("bearer"));
        let has_token = token.as_str().is_some_and(|token| {
            !token.is_empty() && !token.contains(char::is_whitespace)
        });
        let says_type = issued.as_str().is_some_and(|issued| !issued.trim().is_empty());
        match result {
            Ok(key) => {
                prop_assert!(has_token && is_bearer && says_type);
                prop_assert_eq!(Some(key.key.reveal()), token.as_str());
                prop_assert!(key.expires_at.is_none_or(|end| end > now()));
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Protocol);
                prop_assert!(!(has_token && is_bearer && says_type));
            }
        }
    }
}
