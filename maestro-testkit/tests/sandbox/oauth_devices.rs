//! Device flows, and tokens for API keys.

use std::time::Duration;

use maestro_testkit::sandbox::{Consent, Flavour, KeyExchange, VisitError};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::oauth::{Program, error_of, form_body};

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const TYPE: &str = "urn:ietf:params:oauth:token-type:";

/// Moves on by as much as a device has to wait between polls.
fn wait(program: &Program) {
    program.authorization().advance(Duration::from_secs(5));
}

async fn begin(program: &Program) -> Value {
    let form = program.form(json!({"scope": "openid email"}), &[]);
    let answer = program.post(&program.endpoints().device.unwrap(), &form).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()
}

async fn poll(program: &Program, begun: &Value) -> Answer {
    let form = json!({"grant_type": DEVICE, "device_code": begun["device_code"]});
    program.exchange(&program.form(form, &[])).await
}

#[tokio::test]
async fn a_device_waits_until_the_user_approves() {
    for (flavour, pending, page) in
        [(Flavour::Standard, 400, "verification_uri"), (Flavour::Google, 428, "verification_url")]
    {
        let program = Program::start(flavour).await;
        let begun = begin(&program).await;
        assert_eq!(begun[page], program.endpoints().device_page.unwrap());
        assert_eq!((&begun["interval"], &begun["expires_in"]), (&json!(5), &json!(900)));
        let waiting = poll(&program, &begun).await;
        assert_eq!((waiting.status, error_of(&waiting).as_str()), (pending, "authorization_pending"));

        let code = begun["user_code"].as_str().unwrap().to_lowercase().replace('-', "");
        program.authorization().approve_device(&code).unwrap();
        wait(&program);
        let answer = poll(&program, &begun).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert!(answer.json()["access_token"].is_string() && answer.json()["refresh_token"].is_string());

        wait(&program);
        assert_eq!(error_of(&poll(&program, &begun).await), "invalid_grant");
        let counters = program.authorization().counters();
        assert_eq!((counters.device_starts, counters.device_polls), (1, 2));
        assert_eq!(program.authorization().families()[0].counters.device_polls, 2);
    }
}

#[tokio::test]
async fn a_device_that_polls_too_fast_is_slowed_down_for_good() {
    let program = Program::start(Flavour::Standard).await;
    let begun = begin(&program).await;
    poll(&program, &begun).await;
    let fast = poll(&program, &begun).await;
    assert_eq!((fast.status, error_of(&fast).as_str()), (400, "slow_down"));
    // Five seconds were enough before; now it is ten.
    wait(&program);
    assert_eq!(error_of(&poll(&program, &begun).await), "slow_down");
    program.authorization().advance(Duration::from_secs(15));
    assert_eq!(error_of(&poll(&program, &begun).await), "authorization_pending");
}

#[tokio::test]
async fn a_device_may_be_denied_or_come_too_late() {
    let program = Program::start(Flavour::Standard).await;
    let begun = begin(&program).await;
    let code = begun["user_code"].as_str().unwrap();
    program.authorization().deny_device(code).unwrap();
    assert_eq!(error_of(&poll(&program, &begun).await), "access_denied");
    // What is decided stays so.
    assert!(matches!(program.authorization().approve_device(code), Err(VisitError::NoDevice { .. })));

    let late = begin(&program).await;
    program.authorization().advance(Duration::from_secs(900));
    let code = late["user_code"].as_str().unwrap();
    assert!(program.authorization().approve_device(code).is_err());
    assert_eq!(error_of(&poll(&program, &late).await), "expired_token");
    assert_eq!(error_of(&poll(&program, &json!({"device_code": "made-up"})).await), "invalid_grant");
}

#[tokio::test]
async fn the_device_page_takes_the_code_from_a_user() {
    let program = Program::start(Flavour::Standard).await;
    let begun = begin(&program).await;
    let page = program.endpoints().device_page.unwrap();
    let complete = begun["verification_uri_complete"].as_str().unwrap();
    let shown = program.client.send(program.client.http.get(complete)).await;
    assert!(shown.text.contains(begun["user_code"].as_str().unwrap()));
    let typed = |code: &str| json!({"user_code": code, "decision": "approve"});
    assert_eq!(program.post(&page, &typed("BBBB-BBBB")).await.status, 400);
    assert_eq!(program.post(&page, &typed(begun["user_code"].as_str().unwrap())).await.status, 200);
    assert_eq!(poll(&program, &begun).await.status, 200);
}

#[tokio::test]
async fn openais_device_flow_ends_in_a_code_with_a_verifier_of_the_server() {
    let program = Program::start(Flavour::Openai).await;
    let json = async |url: &str, body: Value| {
        let request = program.client.http.post(url).header("content-type", "application/json");
        program.client.send(request.body(body.to_string())).await
    };
    let start = program.endpoints().device.unwrap();
    let begun = json(&start, json!({"client_id": "sandbox-client"})).await.json();
    assert_eq!(begun["interval"], "5");
    let url = program.endpoints().device_poll.unwrap();
    let asked = json!({"device_auth_id": begun["device_auth_id"], "user_code": begun["user_code"]});
    assert_eq!(json(&url, asked.clone()).await.status, 403);
    program.authorization().approve_device(begun["user_code"].as_str().unwrap()).unwrap();
    wait(&program);
    let found = json(&url, asked).await;
    assert_eq!(found.status, 200, "{}", found.text);
    let found = found.json();

    let callback = program.endpoints().device_redirect.unwrap();
    let form = program.code_form(
        found["authorization_code"].as_str().unwrap(),
        &[
            ("redirect_uri", &callback),
            ("code_verifier", found["code_verifier"].as_str().unwrap()),
            ("state", ""),
        ],
    );
    let tokens = program.exchange(&form).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
    assert!(tokens.json()["refresh_token"].is_string() && tokens.json()["id_token"].is_string());

    program.authorization().configure(Flavour::Openai, |settings| settings.consent = Consent::Deny);
    let begun = json(&start, json!({"client_id": "sandbox-client"})).await.json();
    let asked = json!({"device_auth_id": begun["device_auth_id"], "user_code": begun["user_code"]});
    assert_eq!(json(&url, asked).await.status, 400);
    assert_eq!(json(&url, json!({"device_auth_id": "x", "user_code": "y"})).await.status, 404);
}

#[tokio::test]
async fn openais_exchange_gives_an_api_key_that_its_dialect_accepts() {
    let program = Program::start(Flavour::Openai).await;
    let tokens = program.sign_in().await;
    let form = json!({"grant_type": EXCHANGE, "requested_token": "openai-api-key",
        "subject_token": tokens["id_token"], "subject_token_type": format!("{TYPE}id_token")});
    let answer = program.exchange(&program.form(form.clone(), &[])).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.json().as_object().unwrap().len(), 1);
    let key = answer.json()["access_token"].as_str().unwrap().to_owned();
    assert!(key.starts_with("sandbox-key-"));
    let models = program.client.http.get(format!("{}/models", program.client.sandbox.openai_url()));
    assert_eq!(program.client.send(models.bearer_auth(key)).await.status, 200);
    assert_eq!(program.authorization().counters().exchanges, 1);

    for (change, error) in [
        (("requested_token", ""), "invalid_request"),
        (("requested_token", "something-else"), "invalid_request"),
        (("subject_token", "made-up"), "invalid_subject_token"),
        (("subject_token", tokens["access_token"].as_str().unwrap()), "invalid_subject_token"),
        (("subject_token_type", "id_token"), "invalid_request"),
    ] {
        let answer = program.exchange(&program.form(form.clone(), &[change])).await;
        assert_eq!(error_of(&answer), error, "{}", change.0);
    }
    program.authorization().end_sessions(Flavour::Openai);
    assert_eq!(error_of(&program.exchange(&program.form(form, &[])).await), "invalid_subject_token");
}

#[tokio::test]
async fn without_an_organization_there_is_no_api_key() {
    let refused = async |program: &Program, url: &str| {
        let code = program.authorization().approve(url).unwrap().code().unwrap();
        let tokens = program.exchange(&program.code_form(&code, &[])).await.json();
        let form = json!({"grant_type": EXCHANGE, "requested_token": "openai-api-key",
            "subject_token": tokens["id_token"], "subject_token_type": format!("{TYPE}id_token")});
        let answer = program.exchange(&program.form(form, &[])).await;
        assert_eq!((answer.status, error_of(&answer).as_str()), (401, "invalid_subject_token"));
        assert_eq!(answer.json()["error"]["message"], "Invalid ID token: missing organization_id");
    };
    let program = Program::start(Flavour::Openai).await;
    refused(&program, &program.url(&[("id_token_add_organizations", "")])).await;
    program.authorization().configure(Flavour::Openai, |s| s.exchange = KeyExchange::MissingOrganization);
    refused(&program, &program.url(&[])).await;
    program.authorization().configure(Flavour::Openai, |settings| {
        settings.exchange = KeyExchange::Mint;
        settings.user.organization = None;
    });
    refused(&program, &program.url(&[])).await;
}

#[tokio::test]
async fn a_token_exchange_by_the_rfc_says_what_it_issued() {
    for flavour in [Flavour::Standard, Flavour::Openai] {
        let program = Program::start(flavour).await;
        let tokens = program.sign_in().await;
        let form = json!({"grant_type": EXCHANGE, "requested_token_type": format!("{TYPE}access_token"),
            "subject_token": tokens["access_token"], "subject_token_type": format!("{TYPE}access_token")});
        let answer = program.exchange(&program.form(form, &[])).await.json();
        assert!(answer["access_token"].as_str().unwrap().starts_with("sandbox-key-"));
        assert_eq!(answer["issued_token_type"], format!("{TYPE}access_token"));
        assert_eq!(answer["token_type"], "Bearer");
    }
    let program = Program::start(Flavour::Standard).await;
    program.authorization().configure(Flavour::Standard, |settings| {
        settings.exchanged_token_seconds = Some(60);
        settings.audiences = Some(vec!["gateway".into()]);
    });
    let tokens = program.sign_in().await;
    let form = json!({"grant_type": EXCHANGE, "audience": "gateway", "scope": "chat",
        "resource": "https://api.example.com/v1",
        "subject_token": tokens["access_token"], "subject_token_type": format!("{TYPE}access_token")});
    let answer = program.exchange(&program.form(form.clone(), &[])).await.json();
    assert_eq!((&answer["expires_in"], &answer["scope"]), (&json!(60), &json!("chat")));
    let models = async |status| {
        let models = program.client.http.get(format!("{}/models", program.client.sandbox.openai_url()));
        let key = answer["access_token"].as_str().unwrap();
        assert_eq!(program.client.send(models.bearer_auth(key)).await.status, status);
    };
    models(200).await;
    program.authorization().advance(std::time::Duration::from_secs(60));
    models(401).await;
    for change in [("audience", "somebody"), ("resource", "relative"), ("resource", "https://a.example/#b")] {
        assert_eq!(
            error_of(&program.exchange(&program.form(form.clone(), &[change])).await),
            "invalid_target"
        );
    }

    let program = Program::start(Flavour::Anthropic).await;
    let answer = program.exchange(&program.form(json!({"grant_type": EXCHANGE}), &[])).await;
    assert_eq!(error_of(&answer), "unsupported_grant_type");
}

#[tokio::test]
async fn userinfo_tells_who_signed_in() {
    for (flavour, subject) in [(Flavour::Standard, "sub"), (Flavour::Google, "id")] {
        let program = Program::start(flavour).await;
        let tokens = program.sign_in().await;
        let get = || program.client.http.get(program.endpoints().userinfo.unwrap());
        let answer = program.client.send(get().bearer_auth(tokens["access_token"].as_str().unwrap())).await;
        assert_eq!(answer.json()[subject], "user-sandbox");
        assert_eq!(answer.json()["email"], "sandbox@example.com");
        let refused = program.client.send(get().bearer_auth("sandbox-key")).await;
        assert_eq!((refused.status, &refused.headers["www-authenticate"]), (401, &"Bearer".parse().unwrap()));
        let posted =
            program.client.send(form_body(program.client.http.put(&program.endpoints().token), &json!({})));
        assert_eq!(posted.await.status, 405);
    }
}
