//! Saved authentications through the facade: what needs both the store and the vault.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it expects by failing"
)]

use maestro::prelude::*;

fn maestro() -> Maestro {
    Maestro::builder().store(MemoryStore::new()).vault(Vault::new(VaultKey::generate())).build().unwrap()
}

fn reference(name: &str) -> AuthRef {
    AuthRef::new("anthropic".parse().unwrap(), AuthType::ApiKey, name.parse().unwrap())
}

fn key(text: &str) -> Credentials {
    Credentials::api_key(Secret::new(text).unwrap())
}

#[tokio::test]
async fn credentials_come_back_as_they_were_and_the_store_holds_no_key() {
    let maestro = maestro();
    let saved =
        maestro.save_credentials(&reference("work"), &key("sandbox-canary"), Save::Create).await.unwrap();
    let found = maestro.store().auth_find(&reference("work")).await.unwrap();
    assert_eq!(maestro.target(&found).unwrap().endpoint.credentials, Some(key("sandbox-canary")));
    assert!(!String::from_utf8_lossy(&saved.credentials.to_bytes()).contains("canary"));
    assert!(!format!("{found:?} {maestro:?}").contains("canary"));
}

#[tokio::test]
async fn creating_refuses_a_name_that_is_taken_and_replacing_keeps_the_row() {
    let maestro = maestro();
    let first = maestro.save_credentials(&reference("work"), &key("sandbox-1"), Save::Replace).await.unwrap();
    let error =
        maestro.save_credentials(&reference("work"), &key("sandbox-2"), Save::Create).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let replaced =
        maestro.save_credentials(&reference("work"), &key("sandbox-2"), Save::Replace).await.unwrap();
    assert_eq!((replaced.id, replaced.revision), (first.id, first.revision.next()));
    assert_eq!(maestro.target(&replaced).unwrap().endpoint.credentials, Some(key("sandbox-2")));
}

#[tokio::test]
async fn many_replacements_at_once_all_succeed() {
    let maestro = maestro();
    let tasks: Vec<_> = (0..8)
        .map(|n| {
            let maestro = maestro.clone();
            tokio::spawn(async move {
                maestro
                    .save_credentials(&reference("work"), &key(&format!("sandbox-{n}")), Save::Replace)
                    .await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(maestro.store().auth_list_all(&AuthQuery::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_clone_is_sealed_for_its_own_row_and_a_rename_keeps_the_credentials() {
    let maestro = maestro();
    maestro.save_credentials(&reference("work"), &key("sandbox-1"), Save::Create).await.unwrap();
    let clone = maestro.clone_authentication(&reference("work"), "copy".parse().unwrap()).await.unwrap();
    assert_eq!(maestro.target(&clone).unwrap().endpoint.credentials, Some(key("sandbox-1")));
    let renamed = maestro.rename_authentication(&reference("work"), "home".parse().unwrap()).await.unwrap();
    assert_eq!(maestro.target(&renamed).unwrap().endpoint.credentials, Some(key("sandbox-1")));
    let taken = maestro.rename_authentication(&reference("home"), "copy".parse().unwrap()).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn what_a_provider_cannot_take_is_refused_before_it_is_saved() {
    let maestro = maestro();
    let nobody = AuthRef { provider: "nobody".parse().unwrap(), ..reference("work") };
    let unknown = maestro.save_credentials(&nobody, &key("sandbox-1"), Save::Create).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::NotFound);
    assert!(unknown.to_string().contains("anthropic"), "{unknown}");
    let none = Credentials::ApiKey { key: None, base_url: None };
    let missing = maestro.save_credentials(&reference("work"), &none, Save::Create).await.unwrap_err();
    assert_eq!(missing.fields()[0].field, "key");
    let oauth = AuthRef { auth_type: AuthType::OAuth, ..reference("work") };
    let other_kind = maestro.save_credentials(&oauth, &key("sandbox-1"), Save::Create).await.unwrap_err();
    assert_eq!(other_kind.fields()[0].field, "auth_type");
    assert_eq!(maestro.store().auth_list_all(&AuthQuery::default()).await.unwrap(), []);
}

#[tokio::test]
async fn the_universal_interface_finds_by_name_and_id_and_deletes_twice_without_complaint() {
    let maestro = maestro();
    let universal = maestro.universal();
    let provider = "anthropic".parse().unwrap();
    let saved = universal
        .create_session(&provider, AuthType::ApiKey, "work".parse().unwrap(), &key("sandbox-1"))
        .await
        .unwrap();
    universal.delete_session(&provider, AuthType::ApiKey, &saved.id.to_string()).await.unwrap();
    universal.delete_session(&provider, AuthType::ApiKey, "work").await.unwrap();
    let missing = universal.list_models(&provider, AuthType::ApiKey, "work").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    for provider in universal.list_providers() {
        assert_eq!(universal.provider_capabilities(&provider).unwrap().provider, provider);
    }
}
