//! Tokens or a key: which of the two a plan signs in to (requirement M-P8).

use maestro_core::provider::{OAuthProfile, OtherPlans, PlanRule};

/// How requests prove who asks after a sign-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInMode {
    /// With the tokens themselves.
    Tokens,
    /// With a key that the tokens buy: once, or again whenever it ends.
    Key,
}

/// Who decides on the mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ModeChoice {
    /// The plan of the account, by the rule of the profile.
    #[default]
    ByPlan,
    /// The user.
    Always(SignInMode),
}

/// Which mode it is, and what the user should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeDecision {
    /// The mode.
    pub mode: SignInMode,
    /// Why the decision may be wrong.
    pub warning: Option<String>,
}

/// Decides on the mode of a sign-in. A server that sells no keys leaves no choice; where it does, and the rule does not say
/// otherwise, a plan that it does not know, and one that is not told, want a key, with a warning.
///
/// ```
/// # #[cfg(feature = "openai")] {
/// use maestro_providers::oauth::{ModeChoice, SignInMode, decide_mode};
///
/// let profile = maestro_providers::openai::oauth_profile();
/// assert_eq!(decide_mode(&profile, Some("plus"), ModeChoice::ByPlan).mode, SignInMode::Tokens);
/// assert_eq!(decide_mode(&profile, Some("enterprise"), ModeChoice::ByPlan).mode, SignInMode::Key);
/// let unknown = decide_mode(&profile, Some("platinum"), ModeChoice::ByPlan);
/// assert_eq!(unknown.mode, SignInMode::Key);
/// assert!(unknown.warning.unwrap().contains("platinum"));
/// # }
/// ```
pub fn decide_mode(profile: &OAuthProfile, plan: Option<&str>, choice: ModeChoice) -> ModeDecision {
    match (&profile.key_exchange, choice) {
        (None, ModeChoice::Always(SignInMode::Key)) => ModeDecision {
            mode: SignInMode::Tokens,
            warning: Some(format!("{} sells no keys: the tokens are used themselves", profile.name)),
        },
        (None, _) => ModeDecision { mode: SignInMode::Tokens, warning: None },
        (Some(_), ModeChoice::Always(mode)) => ModeDecision { mode, warning: None },
        (Some(exchange), ModeChoice::ByPlan) => by_plan(&exchange.plans, plan),
    }
}

fn by_plan(rule: &PlanRule, plan: Option<&str>) -> ModeDecision {
    let plan = plan.map(str::trim).filter(|plan| !plan.is_empty());
    let is_in = |plans: &[String]| {
        plan.is_some_and(|plan| plans.iter().any(|known| known.eq_ignore_ascii_case(plan)))
    };
    let is_known_for_key = is_in(&rule.key);
    if is_in(&rule.tokens) || (rule.others == OtherPlans::UseTokens && !is_known_for_key) {
        return ModeDecision { mode: SignInMode::Tokens, warning: None };
    }
    let warning = match plan {
        _ if is_known_for_key => None,
        Some(plan) => Some(format!(
            "the plan {plan:?} is not known: it is taken for one that wants an API key; choose the mode yourself if \
             that is wrong"
        )),
        None => Some(
            "the plan is not told: it is taken for one that wants an API key; choose the mode yourself if that is wrong"
                .to_owned(),
        ),
    };
    ModeDecision { mode: SignInMode::Key, warning }
}
