//! The table `token_exchange` of a profile file: how tokens buy a key there, and who wants one.

use maestro_core::provider::{
    ExchangeDialect, KeyExchange, OtherPlans, PlanRule, SubjectToken, TokenExchange,
};

use super::keys::Keys;

/// Keys that have no place beside `requested_token`.
const STANDARD_ONLY: [&str; 5] = ["requested_token_type", "subject_token", "audience", "resource", "scope"];

/// Reads the table. Absent when something in it is wrong, which the keys have gathered then.
pub(super) fn read(keys: &mut Keys) -> Option<KeyExchange> {
    let requested_token = keys.text("requested_token");
    let given: Vec<_> = STANDARD_ONLY.into_iter().filter(|key| keys.has(key)).collect();
    let subjects = [("access_token", SubjectToken::AccessToken), ("id_token", SubjectToken::IdToken)];
    let standard = TokenExchange {
        subject_token: keys.one_of("subject_token", &subjects).unwrap_or_default(),
        requested_token_type: keys.uri("requested_token_type"),
        audience: keys.one_or_more("audience").unwrap_or_default(),
        resource: keys.resources("resource").unwrap_or_default(),
        scope: keys.texts("scope").unwrap_or_default(),
    };
    let plans = plans(keys);
    let dialect = match requested_token {
        None => ExchangeDialect::Standard(standard),
        Some(_) if !given.is_empty() => {
            let problem = format!("is a dialect of its own, and does not go with {}", given.join(", "));
            keys.problem("requested_token", problem);
            return None;
        }
        Some(requested_token) => ExchangeDialect::OpenAi { requested_token },
    };
    Some(KeyExchange { dialect, plans })
}

/// Who says which plans use the tokens says with it that the others do not. Who says nothing has a key bought when the user
/// asks for one, and never by itself.
fn plans(keys: &mut Keys) -> PlanRule {
    let tokens = keys.texts("plans_with_tokens");
    let key = keys.texts("plans_with_key").unwrap_or_default();
    let others = if tokens.is_some() { OtherPlans::BuyKey } else { OtherPlans::UseTokens };
    PlanRule { tokens: tokens.unwrap_or_default(), key, others }
}
