//! A plain HTTP client of the sandbox, so that what is checked is on the wire and not what an SDK makes of it.

use maestro_testkit::sandbox::{Sandbox, Scenario};
use serde_json::{Value, json};

pub(crate) struct Client {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
}

/// An answer, read to its end or to where it broke.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    pub(crate) broken: bool,
}

pub(crate) const RESPONSES: &str = "/openai/v1/responses";
pub(crate) const CHAT: &str = "/openai/v1/chat/completions";
pub(crate) const MESSAGES: &str = "/anthropic/v1/messages";
pub(crate) const GENERATE: &str = "/gemini/v1beta/models/sandbox-small:generateContent";
pub(crate) const STREAM: &str = "/gemini/v1beta/models/sandbox-small:streamGenerateContent?alt=sse";

impl Client {
    pub(crate) async fn start() -> Self {
        Self::with(Vec::new()).await
    }

    pub(crate) async fn with(scenarios: Vec<Scenario>) -> Self {
        let sandbox = Sandbox::builder().scenarios(scenarios).start().await.unwrap();
        Self { sandbox, http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.sandbox.base_url());
        let request = self.http.request(method.parse().unwrap(), url);
        if path.starts_with("/anthropic") {
            request.header("x-api-key", self.sandbox.key()).header("anthropic-version", "2023-06-01")
        } else if path.starts_with("/gemini") {
            request.header("x-goog-api-key", self.sandbox.key())
        } else {
            request.bearer_auth(self.sandbox.key())
        }
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let mut response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        let broken = loop {
            match response.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        Answer { status, headers, text: String::from_utf8(bytes).unwrap(), broken }
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(self.request("POST", path).body(body.to_string())).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    /// The status and the message of a refusal.
    pub(crate) async fn refused(&self, path: &str, body: &Value) -> (u16, String) {
        let answer = self.post(path, body).await;
        let message = answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
        (answer.status, message)
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The data of each event, parsed; what is no JSON is a string.
    pub(crate) fn events(&self) -> Vec<Value> {
        let data = |block: &str| {
            let lines: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
            let text = lines.join("\n");
            (!lines.is_empty()).then(|| serde_json::from_str(&text).unwrap_or(Value::String(text)))
        };
        self.text.replace("\r\n", "\n").split("\n\n").filter_map(data).collect()
    }

    /// The `type` of each event, with runs of the same one written once.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> =
            self.events().iter().map(|event| event["type"].as_str().unwrap_or("?").to_owned()).collect();
        kinds.dedup();
        kinds
    }
}

/// A request for a streamed reply to this text, in each dialect: path and body.
pub(crate) fn asks(text: &str) -> [(&'static str, Value); 4] {
    [
        (RESPONSES, json!({"model":"sandbox-small","input":text,"stream":true})),
        (CHAT, json!({"model":"sandbox-small","messages":[{"role":"user","content":text}],"stream":true})),
        (
            MESSAGES,
            json!({"model":"sandbox-small","max_tokens":1000,"stream":true,
                "messages":[{"role":"user","content":text}]}),
        ),
        (STREAM, json!({"contents":[{"role":"user","parts":[{"text":text}]}]})),
    ]
}

/// The text of a streamed answer, whatever the dialect.
pub(crate) fn text_of(answer: &Answer) -> String {
    let piece = |event: &Value| {
        let places = [
            &event["delta"]["text"],
            &event["choices"][0]["delta"]["content"],
            &event["candidates"][0]["content"]["parts"][0]["text"],
        ];
        let responses = event["type"] == "response.output_text.delta";
        let found = places.iter().find_map(|place| place.as_str());
        found.or(if responses { event["delta"].as_str() } else { None }).unwrap_or_default().to_owned()
    };
    answer.events().iter().map(piece).collect()
}
