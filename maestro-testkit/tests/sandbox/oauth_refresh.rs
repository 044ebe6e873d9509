//! Refresh tokens: rotation, reuse, grace, ends; and what is counted of them.

use std::sync::Arc;
use std::time::Duration;

use maestro_core::time::{Clock, ManualClock, Timestamp};
use maestro_testkit::sandbox::{Flavour, Rotation};
use serde_json::json;

use crate::oauth::{Program, claims, error_of, form_body};

const ROTATING: [Flavour; 3] = [Flavour::Standard, Flavour::Openai, Flavour::Anthropic];

#[tokio::test]
async fn a_refresh_brings_new_tokens_and_is_counted_once() {
    for flavour in ROTATING {
        let program = Program::start(flavour).await;
        let first = program.sign_in().await;
        let second = program.refresh(&first["refresh_token"]).await;
        assert_eq!(second.status, 200, "{flavour:?}: {}", second.text);
        let second = second.json();
        assert_ne!(first["access_token"], second["access_token"]);
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        let counters = program.authorization().counters();
        assert_eq!((counters.refreshes, counters.reuses_detected, counters.reuses_within_grace), (1, 0, 0));
        assert_eq!(program.authorization().families().len(), 1);
        let family = program.authorization().family_of(second["refresh_token"].as_str().unwrap()).unwrap();
        assert_eq!((family.number, family.counters.refreshes, family.revoked), (1, 1, false));
    }
}

#[tokio::test]
async fn a_refresh_token_that_comes_again_revokes_its_family_and_no_other() {
    for (flavour, status, reused, revoked) in [
        (Flavour::Standard, 400, "invalid_grant", "invalid_grant"),
        (Flavour::Anthropic, 400, "invalid_grant", "invalid_grant"),
        (Flavour::Openai, 401, "refresh_token_reused", "refresh_token_invalidated"),
    ] {
        let program = Program::start(flavour).await;
        let (first, other) = (program.sign_in().await, program.sign_in().await);
        let second = program.refresh(&first["refresh_token"]).await.json();
        let again = program.refresh(&first["refresh_token"]).await;
        assert_eq!((again.status, error_of(&again).as_str()), (status, reused), "{flavour:?}");
        let successor = program.refresh(&second["refresh_token"]).await;
        assert_eq!((successor.status, error_of(&successor).as_str()), (status, revoked), "{flavour:?}");
        assert_eq!(program.refresh(&other["refresh_token"]).await.status, 200);
        let families = program.authorization().families();
        assert_eq!((families[0].revoked, families[1].revoked), (true, false));
        assert_eq!((families[0].counters.reuses_detected, families[1].counters.reuses_detected), (1, 0));
        assert_eq!(program.authorization().counters().families_revoked, 1);
    }
}

#[tokio::test]
async fn within_the_grace_the_last_token_is_answered_with_the_same_successor() {
    let program = Program::start(Flavour::Openai).await;
    let rotation = Rotation::Rotate { grace_seconds: 30 };
    program.authorization().configure(Flavour::Openai, |settings| settings.rotation = rotation);
    let first = program.sign_in().await;
    let second = program.refresh(&first["refresh_token"]).await.json();
    assert_eq!(program.refresh(&first["refresh_token"]).await.json(), second);
    let counters = program.authorization().counters();
    assert_eq!((counters.refreshes, counters.reuses_within_grace, counters.reuses_detected), (1, 1, 0));

    program.authorization().advance(Duration::from_secs(31));
    assert_eq!(error_of(&program.refresh(&first["refresh_token"]).await), "refresh_token_reused");
}

#[tokio::test]
async fn the_grace_is_for_the_last_token_only() {
    let program = Program::start(Flavour::Standard).await;
    let rotation = Rotation::Rotate { grace_seconds: 30 };
    program.authorization().configure(Flavour::Standard, |settings| settings.rotation = rotation);
    let first = program.sign_in().await;
    let second = program.refresh(&first["refresh_token"]).await.json();
    program.refresh(&second["refresh_token"]).await;
    assert_eq!(program.refresh(&first["refresh_token"]).await.status, 400);
    assert_eq!(program.authorization().counters().reuses_detected, 1);
}

#[tokio::test]
async fn of_refreshes_at_the_same_time_one_wins_and_the_rest_are_reuse() {
    let program = Program::start(Flavour::Anthropic).await;
    let tokens = program.sign_in().await;
    let all = (0..8).map(|_| program.refresh(&tokens["refresh_token"]));
    let answers = futures_util::future::join_all(all).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
    let counters = program.authorization().counters();
    assert_eq!((counters.refreshes, counters.reuses_detected, counters.families_revoked), (1, 1, 1));
}

#[tokio::test]
async fn google_keeps_the_refresh_token_and_sends_none() {
    let program = Program::start(Flavour::Google).await;
    let first = program.sign_in().await;
    for _ in 0..3 {
        let answer = program.refresh(&first["refresh_token"]).await.json();
        assert!(answer["access_token"].is_string() && answer.get("refresh_token").is_none());
    }
    let counters = program.authorization().counters();
    assert_eq!((counters.refreshes, counters.reuses_detected), (3, 0));
}

#[tokio::test]
async fn a_refresh_token_may_expire() {
    for (flavour, error) in [
        (Flavour::Standard, "invalid_grant"),
        (Flavour::Openai, "refresh_token_expired"),
        (Flavour::Google, "invalid_grant"),
    ] {
        let program = Program::start(flavour).await;
        program.authorization().configure(flavour, |settings| settings.refresh_token_seconds = Some(60));
        let tokens = program.sign_in().await;
        program.authorization().advance(Duration::from_secs(60));
        assert_eq!(error_of(&program.refresh(&tokens["refresh_token"]).await), error, "{flavour:?}");
        assert!(!program.authorization().families()[0].revoked);
    }
}

#[tokio::test]
async fn a_refresh_token_is_for_its_own_client_and_server() {
    let program = Program::start(Flavour::Openai).await;
    let tokens = program.sign_in().await;
    let mut form = program.refresh_form(tokens["refresh_token"].as_str().unwrap());
    assert_eq!(
        program.post(&program.authorization().endpoints(Flavour::Standard).token, &form).await.status,
        400
    );
    form["client_id"] = "app_EMoamEEZ73f0CkXaXp7hrann".into();
    assert_eq!(error_of(&program.exchange(&form).await), "invalid_grant");
    assert_eq!(error_of(&program.refresh(&json!("rt_made-up")).await), "invalid_grant");
    // An access token is none, and an empty one is missing.
    assert_eq!(error_of(&program.refresh(&tokens["access_token"]).await), "invalid_grant");
    assert_eq!(error_of(&program.refresh(&json!("")).await), "invalid_request");
    // None of this was reuse.
    assert_eq!(program.authorization().counters().reuses_detected, 0);
    assert_eq!(program.refresh(&tokens["refresh_token"]).await.status, 200);
}

#[tokio::test]
async fn ending_all_sessions_revokes_every_family_of_the_flavour() {
    let program = Program::start(Flavour::Openai).await;
    let tokens = program.sign_in().await;
    program.authorization().end_sessions(Flavour::Google);
    assert!(!program.authorization().families()[0].revoked);
    program.authorization().end_sessions(Flavour::Openai);
    assert_eq!(error_of(&program.refresh(&tokens["refresh_token"]).await), "refresh_token_invalidated");
}

#[tokio::test]
async fn a_refresh_token_that_is_revoked_takes_its_family_with_it() {
    for flavour in [Flavour::Standard, Flavour::Openai, Flavour::Google] {
        let program = Program::start(flavour).await;
        let tokens = program.sign_in().await;
        let revoke = program.endpoints().revoke.unwrap();
        let form = program.form(json!({"token": tokens["refresh_token"]}), &[]);
        assert_eq!(program.post(&revoke, &form).await.status, 200, "{flavour:?}");
        assert_ne!(program.refresh(&tokens["refresh_token"]).await.status, 200);
        assert!(program.authorization().families()[0].revoked);
        let unknown = program.post(&revoke, &program.form(json!({"token": "made-up"}), &[])).await;
        assert_eq!(unknown.status, if flavour == Flavour::Google { 400 } else { 200 });
    }
}

#[tokio::test]
async fn an_access_token_is_revoked_alone_save_at_google() {
    for (flavour, refreshed) in [(Flavour::Standard, 200), (Flavour::Openai, 200), (Flavour::Google, 400)] {
        let program = Program::start(flavour).await;
        let tokens = program.sign_in().await;
        let form = program.form(json!({"token": tokens["access_token"]}), &[]);
        assert_eq!(program.post(&program.endpoints().revoke.unwrap(), &form).await.status, 200);
        assert_eq!(program.refresh(&tokens["refresh_token"]).await.status, refreshed, "{flavour:?}");
    }
}

#[tokio::test]
async fn the_time_may_come_from_a_clock_of_the_test() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_micros(1_000_000_000_000_000)));
    let program = Program::at(Flavour::Standard, clock.clone()).await;
    let tokens = program.sign_in().await;
    assert_eq!(claims(&tokens["access_token"])["exp"], 1_000_000_000 + 3600);
    clock.advance(Duration::from_secs(600));
    let later = program.refresh(&tokens["refresh_token"]).await.json();
    assert_eq!(claims(&later["access_token"])["iat"], clock.now().micros() / 1_000_000);
}

#[tokio::test]
async fn a_word_of_the_test_is_in_everything_secret() {
    for flavour in [Flavour::Standard, Flavour::Openai, Flavour::Anthropic, Flavour::Google] {
        let program = Program::start(flavour).await;
        program.authorization().configure(flavour, |settings| settings.word = Some("canary".to_owned()));
        let code = program.approve().code().unwrap();
        let mut secrets = vec![code.clone()];
        let mut answers = vec![program.exchange(&program.code_form(&code, &[])).await.json()];
        if let Some(device) = program.endpoints().device {
            answers.push(program.post(&device, &program.form(json!({}), &[])).await.json());
        }
        for answer in &answers {
            for name in ["access_token", "refresh_token", "id_token", "device_code", "device_auth_id"] {
                secrets.extend(answer[name].as_str().map(str::to_owned));
            }
        }
        let many = if flavour == Flavour::Anthropic { 3 } else { 5 };
        assert_eq!(secrets.len(), many, "{flavour:?}");
        assert!(secrets.iter().all(|secret| secret.contains("canary")), "{flavour:?}: {secrets:?}");
    }
}

#[tokio::test]
async fn counters_and_settings_are_there_over_http() {
    let program = Program::start(Flavour::Openai).await;
    let send = async |method: &str, path: &str, body: serde_json::Value| {
        program.client.send(program.client.request(method, path).body(body.to_string())).await
    };
    let changed = send("PATCH", "/__sandbox/oauth/openai", json!({"access_token_seconds": 7})).await;
    assert_eq!((changed.status, &changed.json()["access_token_seconds"]), (200, &json!(7)));
    let tokens = program.sign_in().await;
    assert_eq!(tokens["expires_in"], 7);
    program.refresh(&tokens["refresh_token"]).await;
    program.refresh(&tokens["refresh_token"]).await;
    let report = program.client.get("/__sandbox/oauth").await;
    assert_eq!(report.json()["counters"]["refreshes"], 1);
    assert_eq!(report.json()["families"][0]["counters"]["reuses_detected"], 1);
    assert_eq!(report.json()["families"][0]["revoked"], true);
    assert_eq!(report.json()["settings"]["openai"]["access_token_seconds"], 7);
    assert_eq!(report.json()["endpoints"]["openai"]["token"], program.endpoints().token);
    assert!(!report.text.contains(tokens["refresh_token"].as_str().unwrap()));

    let code = program.approve().code().unwrap();
    assert_eq!(send("POST", "/__sandbox/oauth/clock", json!({"advance_seconds": 600})).await.status, 200);
    assert_eq!(program.exchange(&program.code_form(&code, &[])).await.status, 400);

    for wrong in [json!({"access_token_second": 7}), json!({"rotation": "sometimes"}), json!([])] {
        assert_eq!(send("PATCH", "/__sandbox/oauth/openai", wrong).await.status, 400);
    }
    assert_eq!(send("POST", "/__sandbox/oauth/clock", json!({})).await.status, 400);
    assert_eq!(send("PATCH", "/__sandbox/oauth/nobody", json!({})).await.status, 404);
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused() {
    let program = Program::start(Flavour::Standard).await;
    let tokens = program.sign_in().await;
    let request = form_body(program.client.http.post(format!("{}?", program.endpoints().token)), &json!({}));
    let token = tokens["refresh_token"].as_str().unwrap();
    let body = format!(
        "grant_type=refresh_token&client_id=sandbox-client&refresh_token={token}&refresh_token={token}"
    );
    let answer = program.client.send(request.body(body)).await;
    assert_eq!((answer.status, error_of(&answer).as_str()), (400, "invalid_request"));
    assert_eq!(program.authorization().counters().refreshes, 0);
}
