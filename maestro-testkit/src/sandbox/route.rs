//! Which endpoint a path means.

use http::HeaderMap;

use super::scenario::Dialect;

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) dialect: Dialect,
    pub(super) endpoint: Endpoint,
}

/// An endpoint, whatever the dialect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// The list of models.
    Models,
    /// One model.
    Model(String),
    /// Generate a reply.  The model and whether to stream are in the path for Gemini, in the body else.
    Generate(Option<(String, bool)>),
    /// Count the tokens of a request.
    Count(Option<String>),
    /// A method that is about the account.
    Account(String),
    /// None that is known.
    Unknown,
}

/// Finds the endpoint of a path.  The provider's folder may be left out.
pub(super) fn route(path: &str, headers: &HeaderMap) -> Route {
    let (folder, rest) = split(path);
    let found = match folder {
        Some(Dialect::Openai) => openai(rest),
        Some(Dialect::Chatgpt) => chatgpt(rest),
        Some(Dialect::CodeAssist) => code_assist(rest),
        Some(Dialect::Anthropic) => anthropic(rest),
        Some(_) => gemini(rest),
        None => at_root(path, headers),
    };
    let unknown =
        Route { dialect: folder.unwrap_or_else(|| by_headers(headers)), endpoint: Endpoint::Unknown };
    found.unwrap_or(unknown)
}

fn split(path: &str) -> (Option<Dialect>, &str) {
    for (folder, dialect) in [
        ("/openai/", Dialect::Openai),
        ("/chatgpt/", Dialect::Chatgpt),
        // The folder it has on its own host.
        ("/backend-api/codex/", Dialect::Chatgpt),
        ("/anthropic/", Dialect::Anthropic),
        ("/code-assist/", Dialect::CodeAssist),
        ("/gemini/", Dialect::Gemini),
    ] {
        if let Some(rest) = path.strip_prefix(folder) {
            return (Some(dialect), rest);
        }
    }
    (None, path.strip_prefix('/').unwrap_or(path))
}

/// The listing of models has the same path in all three dialects; the credentials tell them apart.
fn at_root(path: &str, headers: &HeaderMap) -> Option<Route> {
    let path = path.strip_prefix('/')?;
    if path.starts_with("v1internal") {
        return code_assist(path);
    }
    // Only Gemini has a method behind the model; other colons are part of a model's name.
    if [":generateContent", ":streamGenerateContent", ":countTokens"].iter().any(|end| path.ends_with(end)) {
        return gemini(path);
    }
    let models = path == "v1/models" || path.starts_with("v1/models/");
    match by_headers(headers) {
        Dialect::Anthropic if models => anthropic(path),
        Dialect::Gemini if models => gemini(path),
        _ => openai(path).or_else(|| anthropic(path)).or_else(|| gemini(path)),
    }
}

fn by_headers(headers: &HeaderMap) -> Dialect {
    if headers.contains_key("anthropic-version") {
        Dialect::Anthropic
    } else if headers.contains_key("x-goog-api-key") {
        Dialect::Gemini
    } else {
        Dialect::Openai
    }
}

fn openai(path: &str) -> Option<Route> {
    let (dialect, endpoint) = match path.strip_prefix("v1/")? {
        "models" => (Dialect::Openai, Endpoint::Models),
        "responses" => (Dialect::OpenaiResponses, Endpoint::Generate(None)),
        "chat/completions" => (Dialect::OpenaiChat, Endpoint::Generate(None)),
        other => (Dialect::Openai, Endpoint::Model(model(other)?)),
    };
    Some(Route { dialect, endpoint })
}

fn chatgpt(path: &str) -> Option<Route> {
    let endpoint = match path {
        "models" => Endpoint::Models,
        "responses" => Endpoint::Generate(None),
        _ => return None,
    };
    Some(Route { dialect: Dialect::Chatgpt, endpoint })
}

fn anthropic(path: &str) -> Option<Route> {
    let endpoint = match path.strip_prefix("v1/")? {
        "models" => Endpoint::Models,
        "messages" => Endpoint::Generate(None),
        "messages/count_tokens" => Endpoint::Count(None),
        other => Endpoint::Model(model(other)?),
    };
    Some(Route { dialect: Dialect::Anthropic, endpoint })
}

fn gemini(path: &str) -> Option<Route> {
    let path = path.strip_prefix("v1beta/").or_else(|| path.strip_prefix("v1/"))?;
    let endpoint = match path {
        "models" => Endpoint::Models,
        _ => {
            let name = path.strip_prefix("tunedModels/").or_else(|| path.strip_prefix("models/"))?;
            // The colon may come percent-encoded: clients build this segment by hand.
            let name = name.replace("%3A", ":").replace("%3a", ":");
            match name.split_once(':') {
                None => Endpoint::Model(model(path)?),
                Some((name, "generateContent")) => Endpoint::Generate(Some((name.to_owned(), false))),
                Some((name, "streamGenerateContent")) => Endpoint::Generate(Some((name.to_owned(), true))),
                Some((name, "countTokens")) => Endpoint::Count(Some(name.to_owned())),
                Some(_) => return None,
            }
        }
    };
    Some(Route { dialect: Dialect::Gemini, endpoint })
}

fn code_assist(path: &str) -> Option<Route> {
    let rest = path.strip_prefix("v1internal")?.replace("%3A", ":").replace("%3a", ":");
    let endpoint = match (rest.strip_prefix(':'), rest.strip_prefix('/')) {
        // The model is in the body.
        (Some("generateContent"), _) => Endpoint::Generate(Some((String::new(), false))),
        (Some("streamGenerateContent"), _) => Endpoint::Generate(Some((String::new(), true))),
        (Some("countTokens"), _) => Endpoint::Count(None),
        (Some(method), _) => Endpoint::Account(method.to_owned()),
        (None, Some(operation)) if operation.starts_with("operations/") => {
            Endpoint::Account(operation.to_owned())
        }
        _ => return None,
    };
    Some(Route { dialect: Dialect::CodeAssist, endpoint })
}

fn model(path: &str) -> Option<String> {
    let name = path.strip_prefix("models/")?;
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, http::HeaderValue::from_static("x"));
        headers
    }

    #[test]
    fn paths_are_found_with_and_without_the_providers_folder() {
        let plain = HeaderMap::new();
        for (path, dialect, endpoint) in [
            ("/openai/v1/responses", Dialect::OpenaiResponses, Endpoint::Generate(None)),
            ("/chatgpt/responses", Dialect::Chatgpt, Endpoint::Generate(None)),
            ("/backend-api/codex/models", Dialect::Chatgpt, Endpoint::Models),
            ("/chatgpt/v1/responses", Dialect::Chatgpt, Endpoint::Unknown),
            (
                "/code-assist/v1internal:streamGenerateContent",
                Dialect::CodeAssist,
                Endpoint::Generate(Some((String::new(), true))),
            ),
            ("/v1internal:loadCodeAssist", Dialect::CodeAssist, Endpoint::Account("loadCodeAssist".into())),
            ("/v1/chat/completions", Dialect::OpenaiChat, Endpoint::Generate(None)),
            ("/v1/messages", Dialect::Anthropic, Endpoint::Generate(None)),
            ("/anthropic/v1/messages/count_tokens", Dialect::Anthropic, Endpoint::Count(None)),
            ("/gemini/v1/models/m", Dialect::Gemini, Endpoint::Model("m".into())),
            (
                "/v1beta/models/m:streamGenerateContent",
                Dialect::Gemini,
                Endpoint::Generate(Some(("m".into(), true))),
            ),
            ("/v1/models/m:countTokens", Dialect::Gemini, Endpoint::Count(Some("m".into()))),
            ("/v1beta/models", Dialect::Gemini, Endpoint::Models),
            ("/v1/models", Dialect::Openai, Endpoint::Models),
            ("/anthropic/v1/complete", Dialect::Anthropic, Endpoint::Unknown),
            ("/", Dialect::Openai, Endpoint::Unknown),
        ] {
            assert_eq!(route(path, &plain), Route { dialect, endpoint }, "{path}");
        }
    }

    #[test]
    fn the_listing_at_the_root_is_told_apart_by_its_headers() {
        let dialect = |header| route("/v1/models", &headers(header)).dialect;
        assert_eq!(dialect("anthropic-version"), Dialect::Anthropic);
        assert_eq!(dialect("x-goog-api-key"), Dialect::Gemini);
        assert_eq!(dialect("authorization"), Dialect::Openai);
    }
}
