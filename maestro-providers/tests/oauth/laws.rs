//! Laws of sign-ins.

use maestro_core::{
    Id,
    auth::{
        Credentials, KeyAsked, OAuthTokens, PolicyAccepted, RefreshAsked, RefreshRefused, RefusalReason,
        Vault, VaultKey,
    },
    provider::{OAuthClient, OAuthFlow as _},
    time::Timestamp,
};
use maestro_providers::oauth::{OAuth, builtin_profiles, read_paste};
use proptest::{collection::vec, option, prelude::*};

use crate::given::{pairs, secret};

fn text() -> impl Strategy<Value = String> {
    "[!-~]{1,60}"
}

fn moment() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000_000_000).prop_map(Timestamp::from_micros)
}

fn client() -> impl Strategy<Value = OAuthClient> {
    (0..builtin_profiles().len(), text(), option::of(text())).prop_map(|(index, client_id, client_secret)| {
        OAuthClient {
            profile: builtin_profiles().remove(index),
            client_id,
            client_secret: client_secret.as_deref().map(secret),
        }
    })
}

fn tokens() -> impl Strategy<Value = OAuthTokens> {
    let texts = (text(), option::of(text()), option::of(text()), option::of(text()));
    let about = (option::of(moment()), vec(text(), 0..4), option::of(".{0,30}"), option::of(".{0,30}"));
    let reason = prop_oneof![
        Just(RefusalReason::Expired),
        Just(RefusalReason::Reused),
        Just(RefusalReason::Revoked),
        Just(RefusalReason::Unknown)
    ];
    let marks = (
        option::of(client()),
        option::of((text(), moment())),
        option::of((reason, moment())),
        option::of((moment(), moment())),
    );
    (texts, about, marks).prop_map(|(texts, about, marks)| {
        let mut tokens = OAuthTokens::new(secret(&texts.0));
        tokens.refresh_token = texts.1.as_deref().map(secret);
        tokens.id_token = texts.2.as_deref().map(secret);
        tokens.api_key = texts.3.as_deref().map(secret);
        (tokens.expires_at, tokens.scopes, tokens.account_id) = (about.0, about.1, about.2);
        tokens.plan = about.3.map(Into::into);
        tokens.client = marks.0.map(Box::new);
        tokens.policy = marks.1.map(|(source, at)| PolicyAccepted { source, at });
        tokens.refused = marks.2.map(|(reason, at)| RefreshRefused { reason, at });
        tokens.api_key_expires_at = marks.3.map(|(at, _)| at);
        tokens.buying = marks.3.map(|(at, _)| KeyAsked { by: Id::new(), at });
        tokens.asked = marks.3.map(|(at, first_at)| RefreshAsked { by: Id::new(), at, first_at });
        tokens
    })
}

proptest! {
    #[test]
    fn tokens_that_were_sealed_are_the_same_when_opened(tokens in tokens()) {
        let vault = Vault::new(VaultKey::generate());
        let credentials = Credentials::OAuth { tokens: Box::new(tokens), base_url: None };
        let id = Id::new();
        let sealed = vault.seal(id, &credentials).unwrap();
        prop_assert_eq!(vault.open(id, &sealed).unwrap(), credentials);
    }

    #[test]
    fn an_authorization_address_parses_back_to_its_parameters(
        client in client(),
        id in "[!-~äß€]{1,40}",
        scopes in vec("[!-~ä]{1,20}", 0..4),
        extra in vec(("[a-z_]{1,9}x", ".{0,20}"), 0..4),
        path in "/[a-z/]{0,20}",
    ) {
        let mut client = OAuthClient { client_id: id.clone(), ..client };
        client.profile.scopes.clone_from(&scopes);
        client.profile.extra_authorize_parameters.clone_from(&extra);
        let redirect: url::Url = format!("http://127.0.0.1:7{path}?a=b&c").parse().unwrap();
        let pending = OAuth::turned_on(client).unwrap().authorize(&redirect).unwrap();
        let mut found = pairs(pending.url.query().unwrap());
        let mut take = |name: &str| {
            let at = found.iter().position(|(known, _)| known == name)?;
            Some(found.remove(at).1)
        };
        prop_assert_eq!(take("client_id"), Some(id));
        prop_assert_eq!(take("redirect_uri"), Some(redirect.to_string()));
        prop_assert_eq!(take("response_type"), Some("code".to_owned()));
        prop_assert_eq!(take("scope"), (!scopes.is_empty()).then(|| scopes.join(" ")));
        prop_assert_eq!(take("state"), Some(pending.state.reveal().to_owned()));
        prop_assert_eq!(take("code_challenge").map(|challenge| challenge.len()), Some(43));
        prop_assert_eq!(take("code_challenge_method"), Some("S256".to_owned()));
        let mut extra = extra;
        extra.sort();
        found.sort();
        prop_assert_eq!(found, extra);
    }

    #[test]
    fn a_code_is_read_the_same_in_every_form(code in "[A-Za-z0-9/_+.~-]{1,60}", state in "[A-Za-z0-9_-]{1,60}") {
        let query: String =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("code", &code).append_pair("state", &state).finish();
        for text in [format!("{code}#{state}"), format!("http://localhost:1/cb?{query}"), query, ] {
            let pasted = read_paste(&text).unwrap();
            prop_assert_eq!(pasted.code.reveal(), &code);
            let found = pasted.state.unwrap();
            prop_assert_eq!(found.reveal(), &state);
        }
    }

    #[test]
    fn no_paste_makes_the_reader_panic(text in ".{0,200}") {
        let _ = read_paste(&text);
    }
}
