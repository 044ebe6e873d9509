//! Code Assist: an account is set up once, and then Gemini answers in an envelope.

use maestro_testkit::sandbox::Flavour;
use serde_json::{Value, json};

use crate::client::Answer;
use crate::oauth::Program;

struct Assisted {
    program: Program,
    token: String,
}

impl Assisted {
    async fn start() -> Self {
        let program = Program::start(Flavour::Google).await;
        let token = program.sign_in().await["access_token"].as_str().unwrap().to_owned();
        Self { program, token }
    }

    async fn call(&self, path: &str, body: Value) -> Answer {
        let url = format!("{}/v1internal{path}", self.program.client.sandbox.code_assist_url());
        let http = &self.program.client.http;
        let request = if body.is_null() { http.get(url) } else { http.post(url).body(body.to_string()) };
        self.program.client.send(request.bearer_auth(&self.token)).await
    }

    async fn onboard(&self) {
        let begun = self.call(":onboardUser", json!({"tierId": "free-tier"})).await.json();
        assert_eq!(begun["done"], false);
        let done = self.call(&format!("/{}", begun["name"].as_str().unwrap()), Value::Null).await.json();
        assert_eq!(done["response"]["cloudaicompanionProject"]["id"], "sandbox-project");
    }
}

fn request(project: &str) -> Value {
    json!({"model": "sandbox-small", "project": project, "user_prompt_id": "1",
        "request": {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], "session_id": "s"}})
}

#[tokio::test]
async fn an_account_is_set_up_once() {
    let assisted = Assisted::start().await;
    let loaded = assisted.call(":loadCodeAssist", json!({})).await.json();
    assert!(loaded.get("currentTier").is_none());
    assert_eq!(loaded["allowedTiers"][0]["isDefault"], true);
    assert_eq!(assisted.call("/operations/sandbox-onboarding", Value::Null).await.status, 404);
    let with_project = json!({"tierId": "free-tier", "cloudaicompanionProject": "mine"});
    let refused = assisted.call(":onboardUser", with_project).await;
    assert_eq!(refused.json()["error"]["status"], "FAILED_PRECONDITION");
    assert_eq!(assisted.call(":onboardUser", json!({"tierId": "other"})).await.status, 400);

    assisted.onboard().await;
    let loaded = assisted.call(":loadCodeAssist", json!({})).await.json();
    assert_eq!(loaded["currentTier"]["id"], "free-tier");
    assert_eq!(loaded["cloudaicompanionProject"], "sandbox-project");
    assert!(assisted.call(":retrieveUserQuota", json!({})).await.json()["buckets"][0]["modelId"].is_string());
}

#[tokio::test]
async fn answers_are_wrapped_whole_and_streamed() {
    let assisted = Assisted::start().await;
    assert_eq!(assisted.call(":generateContent", request("sandbox-project")).await.status, 403);
    assisted.onboard().await;
    assert_eq!(assisted.call(":generateContent", request("another-project")).await.status, 403);

    let whole = assisted.call(":generateContent", request("sandbox-project")).await.json();
    let text = whole["response"]["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    assert!(text.contains("hello") && whole["traceId"].is_string());

    let streamed = assisted.call(":streamGenerateContent?alt=sse", request("sandbox-project")).await;
    let events = streamed.events();
    assert!(events.iter().all(|event| event["response"].is_object() && event["traceId"].is_string()));
    assert_eq!(events.last().unwrap()["response"]["candidates"][0]["finishReason"], "STOP");

    let mut wrong = request("sandbox-project");
    wrong["contents"] = json!([]);
    assert_eq!(assisted.call(":generateContent", wrong).await.status, 400);
    let count = json!({"request": {"model": "models/sandbox-small",
        "contents": [{"role": "user", "parts": [{"text": "hello"}]}]}});
    assert!(assisted.call(":countTokens", count).await.json()["totalTokens"].is_u64());
}

#[tokio::test]
async fn only_access_tokens_are_taken_and_there_is_no_listing() {
    let mut assisted = Assisted::start().await;
    assert_eq!(assisted.call(":models", json!({})).await.status, 404);
    assisted.token = "sandbox-key".to_owned();
    let refused = assisted.call(":loadCodeAssist", json!({})).await;
    assert_eq!((refused.status, &refused.json()["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
}
