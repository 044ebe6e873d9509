//! What errors of Chat Completions servers mean. Each server has its own habits; what OpenAI's codes mean is common to
//! most.

use http::{HeaderMap, StatusCode};
use maestro_core::{Error, ErrorKind, Retry};

use crate::answer::Answer;

/// Reads an answer that is not what was asked for: OpenAI's envelope, the same with a number as its code (llama.cpp,
/// vLLM, OpenRouter), a bare text or object, or a page.
pub(super) fn classify(
    operation: &'static str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
) -> Error {
    let answer = Answer::read("openai_compatible", operation, status, headers, body);
    answer.not_from_an_api().or_else(|| by_code(&answer)).unwrap_or_else(|| by_status(&answer))
}

fn by_code(answer: &Answer<'_>) -> Option<Error> {
    let said = &answer.said;
    let too_long = said.is(&["context_length_exceeded", "exceed_context_size_error"])
        || (matches!(answer.status.as_u16(), 400 | 413 | 422 | 500)
            && said.mentions(&[
                "maximum context length",
                "exceeds the available context size",
                "context length exceeded",
            ]));
    let error = if too_long {
        answer
            .error(ErrorKind::ContextTooLong)
            .advise("shorten the conversation, or give the server a larger context")
    } else if said.is(&["model_not_found"]) {
        answer.error(ErrorKind::NotFound).advise("list the models to see their names")
    } else if said.is(&["insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached"]) {
        answer
            .error(ErrorKind::QuotaExhausted)
            .with_retry(Retry::Never)
            .advise("check the plan and its payment")
    } else if said.is(&["rate_limit_exceeded"]) && said.mentions(&["request too large"]) {
        answer.error(ErrorKind::ContextTooLong).advise(
            "this one request is above the limit of tokens per minute: waiting does not help, shorten it",
        )
    } else if said.is(&["rate_limit_exceeded"]) {
        answer.error(ErrorKind::RateLimited)
    } else if said.is(&["content_filter", "content_policy_violation", "cyber_policy"]) {
        answer.error(ErrorKind::Filtered)
    } else if said.is(&["invalid_api_key"]) {
        answer.error(ErrorKind::Unauthenticated).advise("check the key of this server")
    } else {
        return None;
    };
    Some(error)
}

fn by_status(answer: &Answer<'_>) -> Error {
    match answer.status.as_u16() {
        // No server of this kind has sign-ins that could be refreshed.
        401 => answer.error(ErrorKind::Unauthenticated).advise("check the key of this server"),
        500 if answer.said.mentions(&["requires --jinja", "not supported", "does not support"]) => {
            answer.error(ErrorKind::Unsupported)
        }
        _ => answer.by_status(),
    }
}
