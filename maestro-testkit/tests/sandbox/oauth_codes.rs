//! The authorize page and the codes it gives.

use std::time::Duration;

use maestro_testkit::sandbox::{Consent, Flavour, GrantedScopes, LoopbackRule, VisitError};
use serde_json::{Value, json};

use crate::oauth::{Program, REDIRECT, VERIFIER, claims, error_of, form_body};

fn quiet() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

#[tokio::test]
async fn a_code_is_exchanged_for_tokens_in_every_flavour() {
    for flavour in Flavour::ALL {
        let program = Program::start(flavour).await;
        let callback = program.approve();
        assert!(callback.url().starts_with(REDIRECT));
        assert_eq!((callback.state().as_deref(), callback.error()), (Some("st-ate"), None));
        let form = program.code_form(&callback.code().unwrap(), &[]);
        let answer = program.exchange(&form).await;
        assert_eq!(answer.status, 200, "{flavour:?}: {}", answer.text);
        assert_eq!(answer.headers["cache-control"], "no-store");
        let tokens = answer.json();
        assert!(tokens["access_token"].is_string() && tokens["refresh_token"].is_string(), "{flavour:?}");
        assert_eq!(
            (&tokens["token_type"], &tokens["scope"]),
            (&json!("Bearer"), &json!("openid email offline_access"))
        );
        assert_eq!(tokens["id_token"].is_string(), flavour != Flavour::Anthropic);
        let counters = program.authorization().counters();
        assert_eq!((counters.codes_issued, counters.codes_used, counters.refused), (1, 1, 0));
    }
}

#[tokio::test]
async fn a_body_may_be_json_too() {
    for flavour in Flavour::ALL {
        let program = Program::start(flavour).await;
        let form = program.code_form(&program.approve().code().unwrap(), &[]);
        let request =
            program.client.http.post(program.endpoints().token).header("content-type", "application/json");
        let answer = program.client.send(request.body(form.to_string())).await;
        assert_eq!(answer.status, 200, "{flavour:?}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_code_used_twice_is_refused_and_revokes_what_the_first_use_gave() {
    for flavour in Flavour::ALL {
        let program = Program::start(flavour).await;
        let form = program.code_form(&program.approve().code().unwrap(), &[]);
        let tokens = program.exchange(&form).await.json();
        let again = program.exchange(&form).await;
        assert_eq!((again.status, error_of(&again).as_str()), (400, "invalid_grant"), "{flavour:?}");
        assert_ne!(program.refresh(&tokens["refresh_token"]).await.status, 200);
        let authorization = program.authorization();
        assert_eq!(
            (authorization.counters().codes_reused, authorization.counters().families_revoked),
            (1, 1)
        );
        assert!(authorization.families()[0].revoked);
    }
}

#[tokio::test]
async fn an_expired_code_is_refused() {
    let program = Program::start(Flavour::Standard).await;
    let code = program.approve().code().unwrap();
    program.authorization().advance(Duration::from_secs(600));
    let answer = program.exchange(&program.code_form(&code, &[])).await;
    assert_eq!((answer.status, error_of(&answer).as_str()), (400, "invalid_grant"));
}

#[tokio::test]
async fn what_a_code_is_bound_to_is_checked_at_the_exchange() {
    let wrong = "a".repeat(43);
    for (changes, error) in [
        (("code_verifier", wrong.as_str()), "invalid_grant"),
        (("code_verifier", "short"), "invalid_grant"),
        (("code_verifier", ""), "invalid_request"),
        (("redirect_uri", "http://127.0.0.1:9/callback/"), "invalid_grant"),
        (("redirect_uri", "http://localhost:9/callback"), "invalid_grant"),
        (("redirect_uri", ""), "invalid_request"),
        (("client_id", "somebody"), "invalid_client"),
        (("client_id", ""), "invalid_request"),
        (("code", "sandbox-code-made-up"), "invalid_grant"),
        (("grant_type", "password"), "unsupported_grant_type"),
        (("grant_type", ""), "invalid_request"),
    ] {
        let program = Program::start(Flavour::Standard).await;
        let form = program.code_form(&program.approve().code().unwrap(), &[changes]);
        let answer = program.exchange(&form).await;
        assert_eq!(error_of(&answer), error, "{changes:?}");
        assert_eq!(answer.status, if error == "invalid_client" { 401 } else { 400 });
        assert_eq!(program.authorization().counters().refused, 1);
    }
}

#[tokio::test]
async fn a_wrong_verifier_spends_the_code() {
    let program = Program::start(Flavour::Standard).await;
    let code = program.approve().code().unwrap();
    program.exchange(&program.code_form(&code, &[("code_verifier", &"a".repeat(43))])).await;
    let answer = program.exchange(&program.code_form(&code, &[])).await;
    assert_eq!((answer.status, error_of(&answer).as_str()), (400, "invalid_grant"));
}

#[tokio::test]
async fn a_client_with_a_secret_proves_itself_in_the_body_or_in_the_header() {
    let program = Program::start(Flavour::Google).await;
    for secret in ["", "wrong"] {
        let form = program.code_form(&program.approve().code().unwrap(), &[("client_secret", secret)]);
        let answer = program.exchange(&form).await;
        assert_eq!((answer.status, error_of(&answer).as_str()), (401, "invalid_client"));
    }
    let code = program.approve().code().unwrap();
    let form = program.code_form(&code, &[("client_secret", ""), ("client_id", "")]);
    let request = form_body(program.client.http.post(program.endpoints().token), &form);
    let answer = program.client.send(request.basic_auth("sandbox-client", Some("sandbox-secret"))).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
}

#[tokio::test]
async fn anthropic_wants_the_state_again() {
    let program = Program::start(Flavour::Anthropic).await;
    for (state, error) in [("", "oauth_request_parse_error"), ("other", "invalid_grant")] {
        let form = program.code_form(&program.approve().code().unwrap(), &[("state", state)]);
        let answer = program.exchange(&form).await;
        assert_eq!((answer.status, error_of(&answer).as_str()), (400, error));
    }
    let callback = program.authorization().approve(&program.url(&[("state", "")])).unwrap();
    assert_eq!(callback.error().as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn what_is_wrong_with_a_request_goes_back_with_the_browser() {
    let program = Program::start(Flavour::Standard).await;
    for (change, error) in [
        (("code_challenge", ""), "invalid_request"),
        (("code_challenge", "too-short"), "invalid_request"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge_method", ""), "invalid_request"),
        (("response_type", "token"), "unsupported_response_type"),
        (("response_type", ""), "invalid_request"),
    ] {
        let callback = program.authorization().approve(&program.url(&[change])).unwrap();
        assert_eq!((callback.error().as_deref(), callback.code()), (Some(error), None), "{change:?}");
        assert_eq!(callback.state().as_deref(), Some("st-ate"));
    }
    let denied = program.authorization().deny(&program.url(&[])).unwrap();
    assert_eq!(denied.error().as_deref(), Some("access_denied"));
    assert_eq!(program.authorization().counters().codes_issued, 0);
}

#[tokio::test]
async fn an_unknown_client_or_a_foreign_address_is_refused_on_a_page_and_sent_nowhere() {
    let program = Program::start(Flavour::Standard).await;
    program.authorization().configure(Flavour::Standard, |settings| settings.consent = Consent::Approve);
    for change in [
        ("client_id", "somebody"),
        ("redirect_uri", ""),
        ("redirect_uri", "https://example.com/callback"),
        ("redirect_uri", "http://127.0.0.1.example.com/callback"),
        ("redirect_uri", "http://127.0.0.1@example.com/callback"),
        ("redirect_uri", "https://127.0.0.1/callback"),
        ("redirect_uri", "http://user@127.0.0.1:9/callback"),
        ("redirect_uri", "http://127.0.0.1:9/callback#fragment"),
        ("redirect_uri", "myapp:/callback"),
        ("redirect_uri", "not an address"),
    ] {
        let url = program.url(&[change]);
        assert!(
            matches!(program.authorization().approve(&url), Err(VisitError::Refused { .. })),
            "{change:?}"
        );
        let answer = program.client.send(quiet().get(&url)).await;
        assert_eq!(answer.status, 400, "{change:?}");
        assert!(answer.headers["content-type"].to_str().unwrap().starts_with("text/html"));
        assert!(!answer.headers.contains_key("location"));
    }
    let twice = format!("{}&state=again", program.url(&[]));
    assert!(matches!(program.authorization().approve(&twice), Err(VisitError::Refused { .. })));
    let elsewhere = program.authorization().approve("http://127.0.0.1:9/oauth/standard/authorize?code=x");
    assert!(matches!(elsewhere, Err(VisitError::Elsewhere { url }) if !url.contains("code=")));
}

#[tokio::test]
async fn loopback_may_be_held_to_registered_ports() {
    let program = Program::start(Flavour::Openai).await;
    let rule = LoopbackRule::LocalhostOn(vec![1455, 1457]);
    program.authorization().configure(Flavour::Openai, |settings| settings.loopback = rule);
    for (redirect, good) in [
        ("http://localhost:1455/auth/callback", true),
        ("http://localhost:1457/auth/callback", true),
        ("http://localhost:1456/auth/callback", false),
        ("http://127.0.0.1:1455/auth/callback", false),
    ] {
        let visit = program.authorization().approve(&program.url(&[("redirect_uri", redirect)]));
        assert_eq!(visit.is_ok(), good, "{redirect}");
    }
}

#[tokio::test]
async fn the_page_asks_and_its_buttons_decide() {
    let program = Program::start(Flavour::Standard).await;
    let url = program.url(&[("scope", "<b>openid</b>")]);
    let page = program.client.send(quiet().get(&url)).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("value=\"approve\"") && page.text.contains("&lt;b&gt;openid"));
    // A link that carries the decision is no decision.
    assert_eq!(program.client.send(quiet().get(format!("{url}&decision=approve"))).await.status, 200);

    let mut form: Value = program.asked().into_iter().collect();
    form["decision"] = "approve".into();
    let endpoint = program.endpoints().authorize;
    let sent = program.client.send(form_body(quiet().post(&endpoint), &form)).await;
    let location = sent.headers["location"].to_str().unwrap();
    assert!(sent.status == 302 && location.starts_with(REDIRECT) && location.contains("code=sandbox-code-"));
    assert!(location.contains("state=st-ate") && location.contains("iss="));
    form["decision"] = "deny".into();
    let sent = program.client.send(form_body(quiet().post(&endpoint), &form)).await;
    assert!(sent.headers["location"].to_str().unwrap().contains("error=access_denied"));
}

#[tokio::test]
async fn consent_may_be_given_or_refused_at_once() {
    let program = Program::start(Flavour::Google).await;
    for (consent, part) in [(Consent::Approve, "code=sandbox-code-"), (Consent::Deny, "error=access_denied")]
    {
        program.authorization().configure(Flavour::Google, |settings| settings.consent = consent);
        let sent = program.client.send(quiet().get(program.url(&[]))).await;
        assert_eq!(sent.status, 302);
        assert!(sent.headers["location"].to_str().unwrap().contains(part), "{consent:?}");
    }
}

#[tokio::test]
async fn a_registered_page_shows_the_code_with_its_state_and_is_never_visited() {
    let program = Program::start(Flavour::Anthropic).await;
    program.authorization().configure(Flavour::Anthropic, |settings| settings.consent = Consent::Approve);
    let page = "https://platform.claude.com/oauth/code/callback?app=anthropic-cli";
    let url = program.url(&[("redirect_uri", page)]);
    let shown = program.client.send(quiet().get(&url)).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text.contains("sandbox-code-") && shown.text.contains("#st-ate</pre>"));

    let callback = program.authorization().approve(&url).unwrap();
    let pasted = callback.pasted().unwrap();
    let (code, state) = pasted.split_once('#').unwrap();
    assert_eq!(state, "st-ate");
    assert!(
        callback.url().starts_with("https://platform.claude.com/oauth/code/callback?app=anthropic-cli&code=")
    );
    assert_eq!(program.exchange(&program.code_form(code, &[("redirect_uri", page)])).await.status, 200);
    assert!(!format!("{callback:?}").contains(code));
}

#[tokio::test]
async fn the_sandboxes_own_paste_page_is_visited_and_shows_the_same() {
    for flavour in Flavour::ALL {
        let program = Program::start(flavour).await;
        program.authorization().configure(flavour, |settings| {
            settings.consent = Consent::Approve;
            settings.loopback = LoopbackRule::LocalhostOn(Vec::new());
        });
        let paste = program.endpoints().paste;
        let shown =
            program.client.send(program.client.http.get(program.url(&[("redirect_uri", &paste)]))).await;
        assert_eq!(shown.status, 200, "{flavour:?}: {}", shown.text);
        assert!(
            shown.text.contains("<pre id=\"code\">sandbox-code-") && shown.text.contains("#st-ate</pre>")
        );
    }
}

#[tokio::test]
async fn fewer_scopes_are_granted_than_asked_when_so_set() {
    let program = Program::start(Flavour::Google).await;
    let only = GrantedScopes::Only(vec!["openid".into(), "profile".into()]);
    program.authorization().configure(Flavour::Google, |settings| settings.scopes = only);
    let tokens = program.sign_in().await;
    assert_eq!(tokens["scope"], "openid");
    assert_eq!(program.authorization().families()[0].scopes, ["openid"]);
}

#[tokio::test]
async fn a_refresh_token_is_given_to_those_who_ask_as_the_provider_wants() {
    for (flavour, change) in
        [(Flavour::Google, ("access_type", "online")), (Flavour::Openai, ("scope", "openid"))]
    {
        let program = Program::start(flavour).await;
        let callback = program.authorization().approve(&program.url(&[change])).unwrap();
        let tokens = program.exchange(&program.code_form(&callback.code().unwrap(), &[])).await.json();
        assert!(tokens["access_token"].is_string() && tokens.get("refresh_token").is_none(), "{flavour:?}");
    }
}

#[tokio::test]
async fn tokens_tell_who_signed_in_as_the_real_ones_do() {
    let program = Program::start(Flavour::Openai).await;
    program.authorization().configure(Flavour::Openai, |settings| {
        settings.user.plan = Some("a-plan-of-tomorrow".into());
        settings.access_token_seconds = 5;
    });
    let callback = program.authorization().approve(&program.url(&[("nonce", "once")])).unwrap();
    let tokens = program.exchange(&program.code_form(&callback.code().unwrap(), &[])).await.json();
    let (access, id) = (claims(&tokens["access_token"]), claims(&tokens["id_token"]));
    assert_eq!(access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(), 5);
    assert_eq!(tokens["expires_in"], 5);
    let auth = "https://api.openai.com/auth";
    for claims in [&access, &id] {
        assert_eq!(claims[auth]["chatgpt_plan_type"], "a-plan-of-tomorrow");
        assert_eq!(claims[auth]["chatgpt_account_id"], "00000000-0000-4000-8000-00005a4db0c5");
    }
    assert_eq!((&id["email"], &id["nonce"]), (&json!("sandbox@example.com"), &json!("once")));
    assert_eq!(id[auth]["organization_id"], "org-sandbox");

    program.authorization().configure(Flavour::Openai, |settings| {
        settings.user.account = None;
        settings.user.plan = None;
        settings.user.email = None;
    });
    let tokens = program.sign_in().await;
    let id = claims(&tokens["id_token"]);
    assert!(id[auth].get("chatgpt_account_id").is_none() && id.get("email").is_none());
}

#[tokio::test]
async fn the_well_known_documents_name_the_endpoints() {
    for flavour in Flavour::ALL {
        let program = Program::start(flavour).await;
        let endpoints = program.endpoints();
        let path = endpoints.issuer.strip_prefix(&program.client.sandbox.base_url()).unwrap().to_owned();
        for url in [
            format!("/.well-known/oauth-authorization-server{path}"),
            format!("{path}/.well-known/openid-configuration"),
        ] {
            let document = program.client.get(&url).await.json();
            assert_eq!(document["issuer"], endpoints.issuer);
            assert_eq!(document["authorization_endpoint"], endpoints.authorize);
            assert_eq!(document["token_endpoint"], endpoints.token);
            assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
            assert_eq!(document.get("revocation_endpoint").is_some(), flavour != Flavour::Anthropic);
        }
    }
}

#[tokio::test]
async fn the_journal_has_the_exchange_without_its_secrets() {
    let program = Program::start(Flavour::Standard).await;
    let tokens = program.sign_in().await;
    program.refresh(&tokens["refresh_token"]).await;
    let journal = program.client.get("/__sandbox/requests").await;
    assert_eq!(journal.json()[0]["dialect"], "authorization");
    assert_eq!(journal.json()[0]["body"]["grant_type"], "authorization_code");
    assert_eq!(journal.json()[1]["body"]["refresh_token"], "[redacted]");
    assert_eq!(journal.json()[1]["status"], 200);
    for secret in [VERIFIER, "sandbox-code-", tokens["refresh_token"].as_str().unwrap()] {
        assert!(!journal.text.contains(secret));
    }
}
