//! Saved authentications.

use maestro_core::{
    ErrorKind, Id, Store,
    auth::{AuthChange, AuthQuery, AuthType, NewAuthentication, SavedAuthentication},
    conversations::NewSession,
    provider::ProviderId,
    revision::Revision,
    time::Timestamp,
};

use super::given::{
    api_key, at, auth_name, first, limit, names, new_auth, new_session, reference, refused, sealed, sign_in,
};

/// What create returns is what get and find return, at the first revision and without a lease.
pub async fn a_new_authentication_is_found_again_by_id_and_by_name(store: &dyn Store) {
    let new = NewAuthentication {
        expires_at: Some(at(60)),
        ..new_auth(reference("openai", AuthType::OAuth, "work"))
    };
    let row = store.auth_create(new.clone()).await.unwrap();
    let expected = SavedAuthentication {
        id: new.id,
        provider: new.reference.provider.clone(),
        auth_type: AuthType::OAuth,
        name: auth_name("work"),
        credentials: new.credentials.clone(),
        expires_at: Some(at(60)),
        lease: None,
        revision: Revision::FIRST,
        inserted_at: at(0),
        updated_at: at(0),
    };
    assert_eq!(row, expected);
    assert_eq!(store.auth_get(row.id).await.unwrap(), row);
    assert_eq!(store.auth_find(&new.reference).await.unwrap(), row);
}

/// Provider, kind and name are unique together, to the letter; the refusal names all three.
pub async fn a_name_is_taken_once_per_provider_and_kind(store: &dyn Store) {
    let taken = reference("anthropic", AuthType::ApiKey, "work");
    store.auth_create(new_auth(taken.clone())).await.unwrap();
    let error = refused(store.auth_create(new_auth(taken.clone())).await, ErrorKind::Conflict);
    names(&error, taken);
    for free in [
        reference("openai", AuthType::ApiKey, "work"),
        reference("anthropic", AuthType::OAuth, "work"),
        reference("anthropic", AuthType::ApiKey, "Work"),
    ] {
        store.auth_create(new_auth(free)).await.unwrap();
    }
}

/// An id is taken once, whatever the name; what is there stays.
pub async fn an_authentication_id_is_taken_once(store: &dyn Store) {
    let row = api_key(store, "one").await;
    let again = NewAuthentication { id: row.id, ..new_auth(reference("openai", AuthType::ApiKey, "two")) };
    names(&refused(store.auth_create(again).await, ErrorKind::Conflict), row.id);
    assert_eq!(store.auth_get(row.id).await.unwrap(), row);
}

/// Every method that names a row says which one is missing.
pub async fn a_missing_authentication_is_not_found_and_named(store: &dyn Store) {
    let (id, holder) = (Id::new(), Id::new());
    let missing = reference("anthropic", AuthType::ApiKey, "nobody");
    let first = Revision::FIRST;
    names(&refused(store.auth_find(&missing).await, ErrorKind::NotFound), &missing);
    names(&refused(store.auth_get(id).await, ErrorKind::NotFound), id);
    let update = store.auth_update(id, first, AuthChange::default(), at(1)).await;
    names(&refused(update, ErrorKind::NotFound), id);
    names(&refused(store.auth_delete(id).await, ErrorKind::NotFound), id);
    names(&refused(store.auth_lease(id, first, holder, at(9), at(1)).await, ErrorKind::NotFound), id);
    names(&refused(store.auth_release(id, holder).await, ErrorKind::NotFound), id);
}

/// Rows come by name in byte order (capitals before `_` before small letters), equal names by id.
pub async fn authentications_are_listed_by_name_in_byte_order(store: &dyn Store) {
    for name in ["zeta", "Zeta", "alpha", "a-1", "a_1", "_under"] {
        api_key(store, name).await;
    }
    let twins = [sign_in(store, "alpha", None).await, sign_in(store, "Zeta", None).await];
    let page = store.auth_list(&AuthQuery::default(), first(50).counted()).await.unwrap();
    let listed: Vec<_> = page.items.iter().map(|row| (row.name.as_str().to_owned(), row.id)).collect();
    let mut sorted = listed.clone();
    sorted.sort();
    assert_eq!(listed, sorted);
    assert_eq!((page.items.len(), page.total, page.next), (8, Some(8), None));
    assert!(twins.iter().all(|twin| page.items.contains(twin)));
}

/// Each field of the query narrows it, all of them together too, and the total counts what matches.
pub async fn authentications_are_filtered_by_each_field(store: &dyn Store) {
    let key = api_key(store, "work").await;
    let signed = sign_in(store, "work", None).await;
    let other = api_key(store, "home").await;
    let cases = [
        (AuthQuery::default(), vec![&other, &key, &signed]),
        (AuthQuery { provider: Some(key.provider.clone()), ..Default::default() }, vec![&other, &key]),
        (AuthQuery { auth_type: Some(AuthType::OAuth), ..Default::default() }, vec![&signed]),
        (AuthQuery { name: Some(key.name.clone()), ..Default::default() }, vec![&key, &signed]),
        (
            AuthQuery {
                provider: Some(key.provider.clone()),
                auth_type: Some(AuthType::ApiKey),
                name: Some(key.name.clone()),
            },
            vec![&key],
        ),
        (AuthQuery { provider: Some(ProviderId::new("nobody").unwrap()), ..Default::default() }, vec![]),
    ];
    for (query, expected) in cases {
        let page = store.auth_list(&query, first(10).counted()).await.unwrap();
        assert_eq!(page.items.iter().collect::<Vec<_>>(), expected, "{query:?}");
        assert_eq!(page.total, Some(expected.len() as u64), "{query:?}");
    }
}

/// An update returns what get returns afterwards: the new fields, a revision more, the time of the update.
pub async fn an_update_changes_what_it_names_and_keeps_the_rest(store: &dyn Store) {
    let row = sign_in(store, "work", Some(at(60))).await;
    let change = AuthChange { credentials: Some(sealed(b"new")), ..AuthChange::default() };
    let second = store.auth_update(row.id, row.revision, change, at(5)).await.unwrap();
    let expected = SavedAuthentication {
        credentials: sealed(b"new"),
        revision: row.revision.next(),
        updated_at: at(5),
        ..row.clone()
    };
    assert_eq!(second, expected);
    assert_eq!(store.auth_get(row.id).await.unwrap(), second);

    let change =
        AuthChange { name: Some(auth_name("home")), expires_at: Some(None), ..AuthChange::default() };
    let third = store.auth_update(row.id, second.revision, change, at(6)).await.unwrap();
    assert_eq!((third.name.as_str(), third.expires_at), ("home", None));
    assert_eq!(third.credentials, sealed(b"new"));
    assert_eq!(store.auth_find(&third.reference()).await.unwrap(), third);
    refused(store.auth_find(&row.reference()).await, ErrorKind::NotFound);
}

/// A revision counts writes, not differences.
pub async fn an_update_counts_the_revision_up_even_when_nothing_differs(store: &dyn Store) {
    let row = api_key(store, "work").await;
    let updated = store.auth_update(row.id, row.revision, AuthChange::default(), at(7)).await.unwrap();
    assert_eq!(
        updated,
        SavedAuthentication { revision: row.revision.next(), updated_at: at(7), ..row.clone() }
    );
}

/// A writer that has not seen the last write is refused, and told both revisions. So is one that is ahead.
pub async fn an_update_of_an_old_revision_is_stale(store: &dyn Store) {
    let row = api_key(store, "work").await;
    let now = store.auth_update(row.id, row.revision, AuthChange::default(), at(1)).await.unwrap();
    let change = AuthChange { name: Some(auth_name("other")), ..AuthChange::default() };
    for wrong in [row.revision, now.revision.next(), Revision::from_stored(0)] {
        let error = refused(store.auth_update(row.id, wrong, change.clone(), at(2)).await, ErrorKind::Stale);
        names(&error, row.id);
        names(&error, format_args!("revision {wrong}"));
        names(&error, format_args!("at {}", now.revision));
    }
    assert_eq!(store.auth_get(row.id).await.unwrap(), now);
}

/// The name of another row of the same provider and kind is refused; its own name is not.
pub async fn an_authentication_is_renamed_only_to_a_free_name(store: &dyn Store) {
    let row = api_key(store, "work").await;
    api_key(store, "taken").await;
    sign_in(store, "elsewhere", None).await;
    let rename = |name| AuthChange { name: Some(auth_name(name)), ..AuthChange::default() };
    let error =
        refused(store.auth_update(row.id, row.revision, rename("taken"), at(1)).await, ErrorKind::Conflict);
    names(&error, reference("anthropic", AuthType::ApiKey, "taken"));
    let same = store.auth_update(row.id, row.revision, rename("work"), at(1)).await.unwrap();
    let moved = store.auth_update(row.id, same.revision, rename("elsewhere"), at(2)).await.unwrap();
    assert_eq!(moved.name.as_str(), "elsewhere");
    api_key(store, "work").await;
}

/// What comes with a refused name is not written either.
pub async fn a_failed_rename_changes_nothing(store: &dyn Store) {
    let row = sign_in(store, "work", Some(at(9))).await;
    sign_in(store, "taken", None).await;
    let leased = store.auth_lease(row.id, row.revision, Id::new(), at(50), at(1)).await.unwrap();
    let change = AuthChange {
        name: Some(auth_name("taken")),
        credentials: Some(sealed(b"lost?")),
        expires_at: Some(None),
    };
    refused(store.auth_update(row.id, row.revision, change, at(3)).await, ErrorKind::Conflict);
    assert_eq!(store.auth_get(row.id).await.unwrap(), leased);
}

/// After a delete nothing finds the row, and its name can be given again.
pub async fn a_deleted_authentication_is_gone_and_its_name_free(store: &dyn Store) {
    let row = api_key(store, "work").await;
    store.auth_delete(row.id).await.unwrap();
    refused(store.auth_get(row.id).await, ErrorKind::NotFound);
    refused(store.auth_find(&row.reference()).await, ErrorKind::NotFound);
    refused(store.auth_delete(row.id).await, ErrorKind::NotFound);
    let page = store.auth_list(&AuthQuery::default(), first(5).counted()).await.unwrap();
    assert_eq!((page.items, page.total), (Vec::new(), Some(0)));
    api_key(store, "work").await;
}

/// Deleting an authentication leaves its sessions, which then refer to none. Nothing else of them changes.
pub async fn a_session_outlives_its_authentication(store: &dyn Store) {
    let row = api_key(store, "work").await;
    let new = NewSession { auth_id: Some(row.id), ..new_session("talk") };
    let session = store.session_create(new).await.unwrap();
    store.auth_delete(row.id).await.unwrap();
    let left = store.session_get(session.id).await.unwrap();
    assert_eq!(left.auth_id, None);
    assert_eq!(left, maestro_core::conversations::Session { auth_id: None, ..session });
    assert_eq!(store.session_open(left.id).await.unwrap().auth, None);
}

/// Sign-ins that expire before the moment come the earliest first, equals by id; API keys never.
pub async fn due_authentications_come_by_expiry(store: &dyn Store) {
    let late = sign_in(store, "late", Some(at(30))).await;
    let twins = [sign_in(store, "two", Some(at(20))).await, sign_in(store, "one", Some(at(20))).await];
    let past = sign_in(store, "past", Some(Timestamp::from_micros(-1))).await;
    sign_in(store, "then", Some(at(40))).await;
    let key = NewAuthentication {
        expires_at: Some(at(1)),
        ..new_auth(reference("openai", AuthType::ApiKey, "key"))
    };
    store.auth_create(key).await.unwrap();
    let mut twins = twins.to_vec();
    twins.sort_by_key(|row| row.id);
    let expected = vec![past, twins.remove(0), twins.remove(0), late];
    assert_eq!(store.auth_due(at(40), limit(10)).await.unwrap(), expected);
    assert_eq!(store.auth_due(at(40), limit(2)).await.unwrap(), expected[..2]);
}

/// A sign-in without a known expiry is left out, whatever the moment.
pub async fn what_never_expires_is_never_due(store: &dyn Store) {
    let row = sign_in(store, "forever", None).await;
    let end = Timestamp::from_micros(i64::MAX);
    assert_eq!(store.auth_due(end, limit(10)).await.unwrap(), []);
    let change = AuthChange { expires_at: Some(Some(at(1))), ..AuthChange::default() };
    let row = store.auth_update(row.id, row.revision, change, at(0)).await.unwrap();
    assert_eq!(store.auth_due(end, limit(10)).await.unwrap(), [row]);
}
