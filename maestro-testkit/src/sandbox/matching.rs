//! Which request gets which scenario.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::authorization::Grant;
use super::scenario::{Dialect, Match, Scenario};

/// What of a request the matching looks at.
pub(super) struct Candidate<'a> {
    pub(super) dialect: Dialect,
    pub(super) path: &'a str,
    /// None for listings, token counts and the like.
    pub(super) said: Option<(&'a str, &'a str)>,
    /// What is exchanged, at the authorization server.
    pub(super) grant: Option<Grant>,
}

/// The scenarios of a server, in order, with how often each was used.
#[derive(Debug, Default)]
pub(super) struct Scenarios(Mutex<Vec<Active>>);

#[derive(Debug)]
struct Active {
    scenario: Scenario,
    used: u64,
}

impl Scenarios {
    pub(super) fn new(scenarios: Vec<Scenario>) -> Self {
        let this = Self::default();
        this.replace(scenarios);
        this
    }

    pub(super) fn replace(&self, scenarios: Vec<Scenario>) {
        *self.lock() = scenarios.into_iter().map(|scenario| Active { scenario, used: 0 }).collect();
    }

    pub(super) fn add(&self, scenario: Scenario) {
        self.lock().push(Active { scenario, used: 0 });
    }

    /// The scenarios with a field `used` each.
    pub(super) fn list(&self) -> Value {
        let list = self.lock();
        let one = |active: &Active| {
            let mut value = serde_json::to_value(&active.scenario).unwrap_or_default();
            value["used"] = active.used.into();
            value
        };
        Value::Array(list.iter().map(one).collect())
    }

    /// The first scenario that fits and is not used up; it counts as used from then on.
    pub(super) fn take(&self, candidate: &Candidate<'_>) -> Option<Scenario> {
        let mut list = self.lock();
        let active = list.iter_mut().find(|active| {
            active.scenario.times.is_none_or(|times| active.used < times)
                && active.scenario.matching.fits(candidate)
        })?;
        active.used += 1;
        Some(active.scenario.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Active>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Match {
    fn fits(&self, candidate: &Candidate<'_>) -> bool {
        let dialect = self.dialect.is_none_or(|wanted| match wanted {
            Dialect::Openai => {
                matches!(candidate.dialect, Dialect::Openai | Dialect::OpenaiResponses | Dialect::OpenaiChat)
            }
            wanted => wanted == candidate.dialect,
        });
        let path = self.path.as_ref().is_none_or(|part| candidate.path.contains(part.as_str()));
        if candidate.dialect == Dialect::Authorization {
            // Scenarios for requests to models are older than the authorization server and must not meet it.
            let named = self.dialect == Some(Dialect::Authorization);
            let exchange = match self.grant {
                Some(wanted) => candidate.grant == Some(wanted),
                None => self.path.is_some() || candidate.grant.is_some(),
            };
            return named && path && exchange;
        }
        let said = match candidate.said {
            Some((model, text)) => {
                self.model.as_ref().is_none_or(|wanted| wanted == model)
                    && self.contains.as_ref().is_none_or(|part| text.contains(part.as_str()))
            }
            None => self.path.is_some() && self.model.is_none() && self.contains.is_none(),
        };
        dialect && path && said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said<'a>(dialect: Dialect, model: &'a str, text: &'a str) -> Candidate<'a> {
        Candidate { dialect, path: "/v1/messages", said: Some((model, text)), grant: None }
    }

    #[test]
    fn the_first_scenario_that_fits_and_is_not_used_up_wins() {
        let scenarios = Scenarios::new(vec![
            Scenario::text("once").times(1),
            Scenario::text("other").on(Dialect::Gemini),
            Scenario::text("rest"),
        ]);
        let mut taken = Vec::new();
        for _ in 0..3 {
            let scenario = scenarios.take(&said(Dialect::Anthropic, "m", "hi")).unwrap();
            taken.push(scenario.reply.unwrap().text.unwrap());
        }
        assert_eq!(taken, ["once", "rest", "rest"]);
    }

    #[test]
    fn a_listing_is_only_for_scenarios_that_name_a_path() {
        let scenarios = Scenarios::new(vec![Scenario::status(500), Scenario::status(503).on_path("/models")]);
        let listing =
            Candidate { dialect: Dialect::Openai, path: "/openai/v1/models", said: None, grant: None };
        assert_eq!(scenarios.take(&listing).unwrap().status.unwrap().code, 503);
    }
}
