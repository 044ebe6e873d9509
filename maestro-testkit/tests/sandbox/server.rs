//! The server itself: keys, paths, the journal, control over HTTP, connections, its end.

use maestro_testkit::sandbox::{Dialect, Outcome, Sandbox, SandboxError, Scenario};
use serde_json::{Value, json};

use crate::client::{CHAT, Client, MESSAGES, STREAM, asks, text_of};

const CANARY: &str = "sk-canary-7f3a9b5c1d2e4f60";

#[tokio::test]
async fn a_key_that_is_not_the_sandboxes_is_refused_as_the_provider_does() {
    let client = Client::start().await;
    let get = |path: &str| client.http.get(format!("{}{path}", client.sandbox.base_url()));

    let openai = client.send(get("/openai/v1/models").bearer_auth(CANARY)).await;
    assert_eq!((openai.status, &openai.json()["error"]["code"]), (401, &json!("invalid_api_key")));

    let request =
        get("/anthropic/v1/models").header("x-api-key", CANARY).header("anthropic-version", "2023-06-01");
    let anthropic = client.send(request).await;
    assert_eq!(anthropic.status, 401);
    assert_eq!(
        anthropic.json()["error"],
        json!({"type":"authentication_error","message":"invalid x-api-key"})
    );

    for request in [
        get("/gemini/v1beta/models").header("x-goog-api-key", CANARY),
        get(&format!("/gemini/v1beta/models?key={CANARY}")),
    ] {
        let gemini = client.send(request).await;
        assert_eq!((gemini.status, &gemini.json()["error"]["status"]), (400, &json!("INVALID_ARGUMENT")));
        assert_eq!(gemini.json()["error"]["details"][0]["reason"], "API_KEY_INVALID");
        assert!(!gemini.text.contains(CANARY));
    }
    assert!(!openai.text.contains(CANARY) && !anthropic.text.contains(CANARY));
    assert!(openai.text.contains("****"));
}

#[tokio::test]
async fn a_missing_key_is_refused_too() {
    let client = Client::start().await;
    for (path, status) in
        [("/openai/v1/models", 401), ("/anthropic/v1/models", 401), ("/gemini/v1beta/models", 403)]
    {
        let answer = client.send(client.http.get(format!("{}{path}", client.sandbox.base_url()))).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json()["error"]["message"].is_string());
    }
}

#[tokio::test]
async fn anthropic_wants_a_version_and_one_credential() {
    let client = Client::start().await;
    let get = || client.http.get(format!("{}/v1/models", client.sandbox.anthropic_url()));
    let status = async |request| client.send(request).await.status;
    assert_eq!(status(get().header("x-api-key", "sandbox-1")).await, 400);
    let versioned = || get().header("anthropic-version", "2023-06-01");
    assert_eq!(status(versioned().header("x-api-key", "sandbox-1")).await, 200);
    assert_eq!(status(versioned().header("x-api-key", "sandbox-1").bearer_auth("sandbox-1")).await, 401);
    assert_eq!(status(versioned().bearer_auth("sandbox-1")).await, 401);
    let oauth = versioned().bearer_auth("sandbox-1").header("anthropic-beta", "oauth-2025-04-20");
    assert_eq!(status(oauth).await, 200);
    let newer = get().header("anthropic-version", "2026-10-21").bearer_auth("sandbox-1");
    assert_eq!(status(newer).await, 200);
}

#[tokio::test]
async fn gemini_takes_a_key_in_the_query_and_a_token_with_a_project() {
    let client = Client::start().await;
    let get = |query: &str| client.http.get(format!("{}/v1beta/models{query}", client.sandbox.gemini_url()));
    assert_eq!(client.send(get("?key=sandbox-1")).await.status, 200);
    assert_eq!(client.send(get("").bearer_auth("sandbox-1")).await.status, 403);
    let token = get("").bearer_auth("sandbox-1").header("x-goog-user-project", "p");
    assert_eq!(client.send(token).await.status, 200);
}

#[tokio::test]
async fn the_same_paths_answer_at_the_root() {
    let client = Client::start().await;
    for (path, body) in asks("at the root") {
        let root =
            path.trim_start_matches("/openai").trim_start_matches("/anthropic").trim_start_matches("/gemini");
        let request = client.request("POST", root).header("x-goog-api-key", "sandbox-1");
        let request = match path {
            MESSAGES => client
                .http
                .post(format!("{}{root}", client.sandbox.base_url()))
                .header("x-api-key", "sandbox-1")
                .header("anthropic-version", "2023-06-01"),
            STREAM => client
                .http
                .post(format!("{}{root}", client.sandbox.base_url()))
                .header("x-goog-api-key", "sandbox-1"),
            _ => request,
        };
        let answer = client.send(request.body(body.to_string())).await;
        assert_eq!(answer.status, 200, "{root}: {}", answer.text);
        assert!(text_of(&answer).contains("at the root"));
    }
}

#[tokio::test]
async fn an_unknown_path_is_refused_in_the_dialect_of_its_folder() {
    let client = Client::start().await;
    let openai = client.get("/openai/v1/nothing").await;
    assert_eq!(openai.status, 404);
    assert_eq!(openai.json()["error"]["message"], "Invalid URL (GET /openai/v1/nothing)");
    assert_eq!(client.get("/anthropic/v1/nothing").await.json()["error"]["type"], "not_found_error");
    assert_eq!(client.get("/gemini/v1beta/nothing").await.json()["error"]["status"], "NOT_FOUND");
    assert_eq!(client.get(CHAT).await.status, 404);
}

#[tokio::test]
async fn the_journal_tells_what_arrived_and_keeps_no_secret() {
    let client = Client::start().await;
    let url = |path: &str| format!("{}{path}?key={CANARY}&alt=sse", client.sandbox.base_url());
    for header in ["authorization", "x-api-key", "x-goog-api-key"] {
        let request = client.http.post(url("/v1beta/models/sandbox-small:generateContent"));
        client.send(request.header(header, CANARY).body("{}")).await;
    }
    client.send(client.http.get(url("/v1/models")).bearer_auth("sandbox-secret-part")).await;

    let journal = client.sandbox.requests();
    assert_eq!(journal.len(), 4);
    let text = client.get("/__sandbox/requests").await.text;
    assert!(!text.contains(CANARY) && !format!("{journal:?}").contains(CANARY));
    assert!(!text.contains("secret-part"));
    assert_eq!(journal[3].headers["authorization"], "Bearer sandbox-[redacted]");
    assert_eq!(journal[3].query, "key=[redacted]&alt=sse");
}

#[tokio::test]
async fn the_journal_has_bodies_statuses_and_outcomes() {
    let client = Client::start().await;
    let (path, body) = asks("remember me")[1].clone();
    client.post(path, &body).await;
    client.post(path, &json!({"model": "gpt-nonexistent"})).await;
    let journal = client.sandbox.requests();
    assert_eq!((journal[0].number, journal[0].method.as_str(), journal[0].status), (1, "POST", 200));
    assert_eq!((journal[0].dialect, &journal[0].body), (Dialect::OpenaiChat, &body));
    assert_eq!(journal[0].outcome, Outcome::Complete);
    assert_eq!(journal[1].status, 404);

    let listed = client.get("/__sandbox/requests").await.json();
    assert_eq!(listed[0]["body"], body);
    assert_eq!(listed[0]["outcome"], "complete");
    client.send(client.request("DELETE", "/__sandbox/requests")).await;
    assert!(client.sandbox.requests().is_empty());
}

#[tokio::test]
async fn scenarios_are_set_over_http() {
    let client = Client::start().await;
    let send = async |method: &str, body: Value| {
        client.send(client.request(method, "/__sandbox/scenarios").body(body.to_string())).await
    };
    assert_eq!(send("PUT", json!([{"status":{"code":503},"times":1}])).await.status, 200);
    assert_eq!(send("POST", json!({"reply":{"text":"second"}})).await.status, 200);
    let (path, body) = asks("x")[1].clone();
    assert_eq!(client.post(path, &body).await.status, 503);
    assert_eq!(text_of(&client.post(path, &body).await), "second");
    let listed = client.get("/__sandbox/scenarios").await.json();
    assert_eq!((&listed[0]["used"], &listed[1]["used"]), (&json!(1), &json!(1)));
    assert_eq!(send("DELETE", json!(null)).await.json(), json!([]));

    let wrong = send("POST", json!({"status":{"cod":503}})).await;
    assert_eq!(wrong.status, 400);
    let message = wrong.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("`cod`") && message.contains("`code`"), "{message}");
    assert_eq!(client.get("/__sandbox/scenarios").await.json(), json!([]));
    assert_eq!(send("PATCH", json!({})).await.status, 405);
}

#[tokio::test]
async fn the_overview_has_urls_and_counters() {
    let client = Client::start().await;
    client.get("/openai/v1/models").await;
    let overview = client.get("/__sandbox").await.json();
    assert_eq!(overview["openai"], client.sandbox.openai_url());
    assert_eq!(overview["anthropic"], client.sandbox.anthropic_url());
    assert_eq!(overview["gemini"], client.sandbox.gemini_url());
    assert_eq!((&overview["requests"], &overview["connections"]), (&json!(1), &json!(1)));
}

#[tokio::test]
async fn connections_are_counted_and_kept() {
    let client = Client::start().await;
    for _ in 0..5 {
        for (path, body) in asks("again") {
            client.post(path, &body).await;
        }
    }
    assert_eq!(client.sandbox.connections(), 1);
}

#[tokio::test]
async fn dropping_the_handle_frees_the_port_even_while_a_stream_is_stalled() {
    let json = r#"{"stream":{"stall_after_events":1}}"#;
    let client = Client::with(Scenario::parse(json).unwrap()).await;
    let (path, body) = asks("x")[1].clone();
    let mut response = client.request("POST", path).body(body.to_string()).send().await.unwrap();
    response.chunk().await.unwrap();
    let port: u16 = client.sandbox.base_url().rsplit(':').next().unwrap().parse().unwrap();
    drop(client.sandbox);
    assert!(response.chunk().await.is_err());
    let again = Sandbox::builder().port(port).start().await.unwrap();
    again.stop().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_what_to_do() {
    let first = Sandbox::start().await.unwrap();
    let port: u16 = first.base_url().rsplit(':').next().unwrap().parse().unwrap();
    let error = Sandbox::builder().port(port).start().await.unwrap_err();
    assert!(matches!(error, SandboxError::PortTaken { port: named } if named == port));
    assert!(error.to_string().contains(&port.to_string()) && error.to_string().contains("choose another"));
}

#[tokio::test]
async fn only_loopback_is_bound() {
    let sandbox = Sandbox::start().await.unwrap();
    assert!(sandbox.base_url().starts_with("http://127.0.0.1:"));
}

#[tokio::test]
async fn a_scenario_that_makes_no_sense_is_refused_at_the_start_and_told_later() {
    let bad = || Scenario::status(42);
    let error = Sandbox::builder().scenario(bad()).start().await.unwrap_err();
    assert!(error.to_string().contains("scenario 0: status.code"), "{error}");
    let client = Client::start().await;
    client.sandbox.add_scenario(bad());
    let (path, body) = asks("x")[1].clone();
    let answer = client.post(path, &body).await;
    assert!(answer.status == 500 && answer.text.contains("status.code"));
}
