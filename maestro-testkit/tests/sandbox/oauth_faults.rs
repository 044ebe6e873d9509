//! What goes wrong on the way to and from the authorization server, on demand.

use std::time::{Duration, Instant};

use maestro_testkit::sandbox::{
    Dialect, ExchangeEffect, Flavour, Grant, OauthScript, Outcome, Scenario, StreamScript,
};

use crate::oauth::{Program, claims, error_of, form_body};

fn scenario(json: &str) -> Scenario {
    Scenario::parse(json).unwrap().remove(0)
}

#[tokio::test]
async fn an_answer_is_lost_after_the_exchange_was_done() {
    for flavour in [Flavour::Standard, Flavour::Openai, Flavour::Anthropic] {
        let program = Program::start(flavour).await;
        let tokens = program.sign_in().await;
        let cut = StreamScript { cut_after_events: Some(0), ..Default::default() };
        program.script(Scenario::stream(cut).on_grant(Grant::RefreshToken).times(1));
        let form = program.refresh_form(tokens["refresh_token"].as_str().unwrap());
        let lost = form_body(program.client.http.post(program.endpoints().token), &form).send().await;
        let nothing = match lost {
            Err(_) => true,
            Ok(response) => response.bytes().await.is_err(),
        };
        assert!(nothing, "{flavour:?}");
        assert_eq!(program.client.sandbox.requests().last().unwrap().outcome, Outcome::Cut);
        // What was lost is spent: trying again is reuse, as it is with the real servers.
        assert_eq!(program.authorization().counters().refreshes, 1);
        assert_ne!(program.refresh(&tokens["refresh_token"]).await.status, 200);
        assert_eq!(program.authorization().counters().reuses_detected, 1);
    }
}

#[tokio::test]
async fn a_request_may_be_lost_before_the_exchange() {
    let program = Program::start(Flavour::Openai).await;
    let tokens = program.sign_in().await;
    let json = r#"{"match": {"dialect": "authorization", "grant": "refresh_token"}, "times": 1,
        "oauth": {"effect": "not_done"}, "stream": {"cut_after_events": 0}}"#;
    program.script(scenario(json));
    let form = program.refresh_form(tokens["refresh_token"].as_str().unwrap());
    let request = form_body(program.client.http.post(program.endpoints().token), &form);
    assert!(match request.send().await {
        Err(_) => true,
        Ok(response) => response.bytes().await.is_err(),
    });
    assert_eq!(program.authorization().counters().refreshes, 0);
    assert_eq!(program.refresh(&tokens["refresh_token"]).await.status, 200);
}

#[tokio::test]
async fn half_an_answer_is_broken_off() {
    let program = Program::start(Flavour::Google).await;
    let tokens = program.sign_in().await;
    let cut = StreamScript { cut_after_events: Some(1), ..Default::default() };
    program.script(Scenario::stream(cut).on_grant(Grant::RefreshToken));
    let answer = program.refresh(&tokens["refresh_token"]).await;
    assert!(answer.broken && answer.text.starts_with('{') && !answer.text.ends_with('}'));
}

#[tokio::test]
async fn json_is_cut_in_half_and_sent_as_if_whole() {
    let program = Program::start(Flavour::Standard).await;
    let tokens = program.sign_in().await;
    program.script(Scenario::oauth(OauthScript { malformed: true, ..Default::default() }).times(1));
    let answer = program.refresh(&tokens["refresh_token"]).await;
    assert!(answer.status == 200 && !answer.broken);
    assert!(serde_json::from_str::<serde_json::Value>(&answer.text).is_err());
    assert_eq!(program.authorization().counters().refreshes, 1);
}

#[tokio::test]
async fn statuses_and_pages_come_in_place_of_the_exchange() {
    for flavour in Flavour::ALL {
        let program = Program::start(flavour).await;
        let tokens = program.sign_in().await;
        let on = |scenario: Scenario| scenario.on(Dialect::Authorization).times(1);
        program.script(on(Scenario::status(429).header("retry-after", "7")));
        program.script(on(Scenario::status(500)));
        let mut page = on(Scenario::raw("text/html", "<html>blocked</html>"));
        page.status = Scenario::status(403).status;
        program.script(page);

        let limited = program.refresh(&tokens["refresh_token"]).await;
        assert_eq!((limited.status, &limited.headers["retry-after"]), (429, &"7".parse().unwrap()));
        assert!(limited.json()["error"].is_object() || limited.json()["error"].is_string());
        assert_eq!(program.refresh(&tokens["refresh_token"]).await.status, 500);
        let html = program.refresh(&tokens["refresh_token"]).await;
        assert_eq!((html.status, html.text.as_str()), (403, "<html>blocked</html>"));
        assert_eq!(html.headers["content-type"], "text/html");
        assert_eq!(program.authorization().counters().refreshes, 0);
        assert_eq!(program.refresh(&tokens["refresh_token"]).await.status, 200);
    }
}

#[tokio::test]
async fn an_error_may_be_answered_although_the_exchange_was_done() {
    let program = Program::start(Flavour::Openai).await;
    let tokens = program.sign_in().await;
    let script = OauthScript { effect: Some(ExchangeEffect::Done), ..Default::default() };
    let mut scenario = Scenario::status(500).on_grant(Grant::RefreshToken).times(1);
    scenario.oauth = Some(script);
    program.script(scenario);
    assert_eq!(program.refresh(&tokens["refresh_token"]).await.status, 500);
    assert_eq!(program.authorization().counters().refreshes, 1);
}

#[tokio::test]
async fn an_oauth_error_is_answered_in_the_flavours_form() {
    for (flavour, error, status) in [
        (Flavour::Standard, "invalid_grant", 400),
        (Flavour::Openai, "refresh_token_expired", 400),
        (Flavour::Anthropic, "invalid_grant", 400),
        (Flavour::Google, "invalid_client", 401),
    ] {
        let program = Program::start(flavour).await;
        let tokens = program.sign_in().await;
        let script = OauthScript { error: Some(error.into()), ..Default::default() };
        program.script(Scenario::oauth(script));
        let answer = program.refresh(&tokens["refresh_token"]).await;
        assert_eq!((answer.status, error_of(&answer).as_str()), (status, error));
        assert_eq!(answer.json()["error"].is_object(), flavour == Flavour::Openai);
    }
}

#[tokio::test]
async fn a_reply_may_have_expired_already_or_lack_fields() {
    let program = Program::start(Flavour::Openai).await;
    let tokens = program.sign_in().await;
    let json = r#"{"match": {"dialect": "authorization"},
        "oauth": {"lifetime_seconds": -60, "omit": ["id_token", "expires_in"]}}"#;
    program.script(scenario(json));
    let answer = program.refresh(&tokens["refresh_token"]).await.json();
    assert!(answer.get("id_token").is_none() && answer.get("expires_in").is_none());
    let claims = claims(&answer["access_token"]);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), -60);
}

#[tokio::test]
async fn an_answer_may_be_slow_with_the_exchange_done_on_arrival() {
    let program = Program::start(Flavour::Standard).await;
    let tokens = program.sign_in().await;
    let json = r#"{"match": {"dialect": "authorization"}, "delay_ms": 60000}"#;
    program.script(scenario(json));
    let started = Instant::now();
    tokio::select! {
        _ = program.refresh(&tokens["refresh_token"]) => panic!("it was answered at once"),
        () = async { while program.authorization().counters().refreshes == 0 { tokio::task::yield_now().await } } => {}
    }
    assert!(started.elapsed() < Duration::from_secs(60));
}

#[tokio::test]
async fn a_scenario_for_models_does_not_meet_the_authorization_server_nor_the_other_way() {
    let program = Program::start(Flavour::Standard).await;
    program.script(Scenario::status(500));
    program.script(Scenario::status(500).on_path("/token"));
    let tokens = program.sign_in().await;
    program.client.sandbox.set_scenarios(vec![Scenario::status(503).on(Dialect::Authorization)]);
    assert_eq!(program.client.get("/openai/v1/models").await.status, 200);
    assert_eq!(program.refresh(&tokens["refresh_token"]).await.status, 503);
    // The pages are no exchange; a path names them.
    let page = async || program.client.send(program.client.http.get(program.url(&[]))).await.status;
    assert_eq!(page().await, 200);
    program.script(Scenario::status(503).on(Dialect::Authorization).on_path("/authorize"));
    assert_eq!(page().await, 503);
}

#[tokio::test]
async fn a_scenario_is_for_the_grant_and_the_flavour_it_names() {
    let program = Program::start(Flavour::Openai).await;
    program.script(Scenario::status(500).on_grant(Grant::RefreshToken).on_path("/oauth/google/"));
    program.script(Scenario::status(501).on_grant(Grant::RefreshToken).on_path("/oauth/openai/"));
    let tokens = program.sign_in().await;
    assert_eq!(program.refresh(&tokens["refresh_token"]).await.status, 501);
}

#[tokio::test]
async fn a_scenario_that_mixes_the_two_servers_is_refused() {
    for (json, field) in [
        (r#"{"oauth": {"malformed": true}}"#, "oauth"),
        (r#"{"match": {"grant": "refresh_token"}}"#, "match.grant"),
        (r#"{"match": {"dialect": "authorization"}, "reply": {"text": "x"}}"#, "reply"),
        (r#"{"match": {"dialect": "authorization", "model": "m"}}"#, "match.model"),
    ] {
        let error = Scenario::parse(json).unwrap_err().to_string();
        assert!(error.starts_with(field), "{json}: {error}");
    }
    let error = Scenario::parse(r#"{"oauth": {"mal": true}}"#).unwrap_err().to_string();
    assert!(error.contains("`malformed`"), "{error}");
}
