//! What was given out: families, codes, devices and tokens, and what became of each.

use std::collections::HashMap;
use std::time::Duration;

use maestro_core::time::Timestamp;
use sha2::{Digest as _, Sha256};

use super::counters::{OauthCounters, TokenFamily};
use super::flavour::Flavour;
use super::jwt::{self, Claims};
use super::settings::{AuthorizationSettings, Rotation};

/// A token by its hash: the ledger holds none in clear but the last answer of each family.
type Hash = [u8; 32];

/// Everything that was given out.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    families: Vec<Family>,
    codes: HashMap<Hash, Code>,
    tokens: HashMap<Hash, Token>,
    totals: OauthCounters,
}

/// All that comes of one sign-in.
#[derive(Debug, Clone)]
pub(super) struct Family {
    pub(super) flavour: Flavour,
    pub(super) client: String,
    pub(super) scopes: Vec<String>,
    pub(super) nonce: Option<String>,
    /// Whether refresh tokens are given.
    pub(super) offline: bool,
    /// Whether the id token tells the organization.
    pub(super) organizations: bool,
    revoked: bool,
    counters: OauthCounters,
    current: Option<Hash>,
    /// The refresh token before the current one, when it was replaced, and by what.
    previous: Option<(Hash, Timestamp, Tokens)>,
}

/// A code and what it is bound to.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) family: usize,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) state: Option<String>,
    pub(super) expires: Timestamp,
    pub(super) spent: bool,
}

/// A token that was given out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) family: usize,
    pub(super) kind: Kind,
    pub(super) expires: Option<Timestamp>,
    revoked: bool,
}

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Access,
    Id,
    Refresh,
}

/// The tokens of one answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    pub(super) id: Option<String>,
    /// Seconds from when they were given; none or less is a token that has expired already.
    pub(super) lifetime: i64,
}

/// What a bearer token is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Standing {
    Good(Flavour, usize),
    Expired(Flavour),
    Revoked(Flavour),
    Unknown,
}

/// Why a refresh token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoRefresh {
    Unknown,
    OtherClient,
    Expired,
    Revoked,
    Reused,
}

/// The terms on which tokens are given.
pub(super) struct Terms<'a> {
    pub(super) settings: &'a AuthorizationSettings,
    pub(super) origin: &'a str,
    pub(super) now: Timestamp,
    /// A lifetime in seconds that a scenario asks for.
    pub(super) lifetime: Option<i64>,
}

impl Family {
    pub(super) fn new(flavour: Flavour, client: &str, scopes: Vec<String>) -> Self {
        Self {
            flavour,
            client: client.to_owned(),
            scopes,
            nonce: None,
            offline: true,
            organizations: false,
            revoked: false,
            counters: OauthCounters::default(),
            current: None,
            previous: None,
        }
    }
}

impl Ledger {
    /// Begins a family.
    pub(super) fn begin(&mut self, family: Family) -> usize {
        self.families.push(family);
        self.families.len() - 1
    }

    pub(super) fn family(&self, number: usize) -> Option<&Family> {
        self.families.get(number)
    }

    /// Counts something, for a family or for none.
    pub(super) fn count(&mut self, family: Option<usize>, add: impl Fn(&mut OauthCounters)) {
        add(&mut self.totals);
        if let Some(family) = family.and_then(|number| self.families.get_mut(number)) {
            add(&mut family.counters);
        }
    }

    pub(super) fn totals(&self) -> OauthCounters {
        self.totals
    }

    /// All families, oldest first.
    pub(super) fn report(&self) -> Vec<TokenFamily> {
        let one = |(place, family): (usize, &Family)| TokenFamily {
            number: place as u64 + 1,
            flavour: family.flavour,
            client: family.client.clone(),
            scopes: family.scopes.clone(),
            revoked: family.revoked,
            counters: family.counters,
        };
        self.families.iter().enumerate().map(one).collect()
    }

    /// Gives out a code that ends with `secret`.
    pub(super) fn issue(&mut self, secret: &str, code: Code) -> String {
        let text = format!("sandbox-code-{secret}");
        self.count(Some(code.family), |counters| counters.codes_issued += 1);
        self.codes.insert(hash(&text), code);
        text
    }

    pub(super) fn code(&mut self, code: &str) -> Option<&mut Code> {
        self.codes.get_mut(&hash(code))
    }

    pub(super) fn token(&self, token: &str) -> Option<Token> {
        self.tokens.get(&hash(token)).copied()
    }

    /// Revokes a family; says whether it was not so before.
    pub(super) fn revoke_family(&mut self, number: usize) -> bool {
        let Some(family) = self.families.get_mut(number).filter(|family| !family.revoked) else {
            return false;
        };
        family.revoked = true;
        self.count(Some(number), |counters| counters.families_revoked += 1);
        true
    }

    /// Revokes one token and leaves the rest of its family as it is.
    pub(super) fn revoke_token(&mut self, token: &str) {
        if let Some(token) = self.tokens.get_mut(&hash(token)) {
            token.revoked = true;
        }
    }

    /// Revokes all families of a flavour.
    pub(super) fn revoke_all(&mut self, flavour: Flavour) {
        for number in 0..self.families.len() {
            if self.families[number].flavour == flavour {
                self.revoke_family(number);
            }
        }
    }

    /// Whether a token, or the family it belongs to, was revoked.
    pub(super) fn ended(&self, token: &Token) -> bool {
        token.revoked || self.family(token.family).is_some_and(|family| family.revoked)
    }

    pub(super) fn standing(&self, token: &str, now: Timestamp) -> Standing {
        let Some(token) = self.token(token).filter(|token| token.kind == Kind::Access) else {
            return Standing::Unknown;
        };
        let Some(family) = self.family(token.family) else { return Standing::Unknown };
        if self.ended(&token) {
            Standing::Revoked(family.flavour)
        } else if token.expires.is_some_and(|expires| expires <= now) {
            Standing::Expired(family.flavour)
        } else {
            Standing::Good(family.flavour, token.family)
        }
    }

    /// Gives out the first tokens of a family.
    pub(super) fn open(&mut self, number: usize, terms: &Terms<'_>) -> Tokens {
        let refresh = self.families[number].offline;
        self.mint(number, refresh, terms)
    }

    /// Takes a refresh token for new tokens, or for the same ones again within the grace.
    pub(super) fn refresh(
        &mut self,
        presented: &str,
        client: &str,
        flavour: Flavour,
        terms: &Terms<'_>,
    ) -> Result<Tokens, NoRefresh> {
        let key = hash(presented);
        let token = self.token(presented).filter(|token| token.kind == Kind::Refresh);
        let token = token.ok_or(NoRefresh::Unknown)?;
        let number = token.family;
        let family = &self.families[number];
        if family.flavour != flavour {
            return Err(NoRefresh::Unknown);
        }
        if family.client != client {
            return Err(NoRefresh::OtherClient);
        }
        if family.revoked || token.revoked {
            return Err(NoRefresh::Revoked);
        }
        let current = family.current == Some(key);
        let rotation = terms.settings.rotation;
        if !current && let Rotation::Rotate { grace_seconds } = rotation {
            return match &family.previous {
                Some((previous, at, tokens))
                    if *previous == key && terms.now.since(*at) < Duration::from_secs(grace_seconds) =>
                {
                    let tokens = tokens.clone();
                    self.count(Some(number), |counters| counters.reuses_within_grace += 1);
                    Ok(tokens)
                }
                _ => {
                    self.count(Some(number), |counters| counters.reuses_detected += 1);
                    self.revoke_family(number);
                    Err(NoRefresh::Reused)
                }
            };
        }
        if token.expires.is_some_and(|expires| expires <= terms.now) {
            return Err(NoRefresh::Expired);
        }
        self.count(Some(number), |counters| counters.refreshes += 1);
        let rotates = rotation != Rotation::Keep;
        let tokens = self.mint(number, rotates, terms);
        if rotates {
            self.families[number].previous = Some((key, terms.now, tokens.clone()));
        }
        Ok(tokens)
    }

    fn mint(&mut self, number: usize, refresh: bool, terms: &Terms<'_>) -> Tokens {
        let family = &self.families[number];
        let settings = terms.settings;
        let lifetime = terms.lifetime.unwrap_or_else(|| whole(settings.access_token_seconds));
        let issued = terms.now.micros().div_euclid(1_000_000);
        let issuer = family.flavour.issuer(terms.origin);
        let serial = settings.secret();
        let claims = Claims {
            flavour: family.flavour,
            issuer: &issuer,
            client: &family.client,
            user: &settings.user,
            scopes: &family.scopes,
            nonce: family.nonce.as_deref(),
            organizations: family.organizations,
            issued,
            expires: issued.saturating_add(lifetime),
            serial: &serial,
            word: settings.word.as_deref(),
        };
        let access = match family.flavour {
            Flavour::Standard | Flavour::Openai => jwt::access_token(&claims),
            Flavour::Anthropic => format!("sk-ant-oat01-{}", settings.secret()),
            Flavour::Google => format!("ya29.{}", settings.secret()),
        };
        let id = match family.flavour {
            Flavour::Anthropic => None,
            _ => family.scopes.iter().any(|scope| scope == "openid").then(|| jwt::id_token(&claims)),
        };
        let prefix = match family.flavour {
            Flavour::Standard | Flavour::Openai => "rt_",
            Flavour::Anthropic => "sk-ant-ort01-",
            Flavour::Google => "1//0",
        };
        let refresh = refresh.then(|| format!("{prefix}{}", settings.secret()));

        // The end in the token is in whole seconds, so the ledger's is too.
        let end = Timestamp::from_micros(issued.saturating_add(lifetime).saturating_mul(1_000_000));
        self.keep(&access, number, Kind::Access, Some(end));
        if let Some(id) = &id {
            self.keep(id, number, Kind::Id, Some(end));
        }
        if let Some(refresh) = &refresh {
            let end = settings.refresh_token_seconds.map(Duration::from_secs);
            self.keep(refresh, number, Kind::Refresh, end.map(|end| terms.now.saturating_add(end)));
            self.families[number].current = Some(hash(refresh));
        }
        Tokens { access, refresh, id, lifetime }
    }

    /// Gives out a token that another was exchanged for, and that ends.
    pub(super) fn sell(&mut self, token: &str, number: usize, end: Timestamp) {
        self.keep(token, number, Kind::Access, Some(end));
    }

    fn keep(&mut self, token: &str, family: usize, kind: Kind, expires: Option<Timestamp>) {
        self.tokens.insert(hash(token), Token { family, kind, expires, revoked: false });
    }
}

/// Seconds as the signed number that tokens have.
fn whole(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}
