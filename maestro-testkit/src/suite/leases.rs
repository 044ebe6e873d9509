//! The refresh lease: one refresher at a time.

use maestro_core::{
    ErrorKind, Store,
    auth::{AuthChange, HolderId, Lease, SavedAuthentication},
};

use super::given::{at, names, refused, sign_in};

/// A lease is no change of the credential: a writer that saw the row before it is not stale after it.
pub async fn a_lease_changes_neither_revision_nor_time(store: &dyn Store) {
    let (row, holder) = (sign_in(store, "work", Some(at(60))).await, HolderId::new());
    let leased = store.auth_lease(row.id, row.revision, holder, at(30), at(10)).await.unwrap();
    let lease = Some(Lease { holder, until: at(30) });
    assert_eq!(leased, SavedAuthentication { lease, ..row.clone() });
    assert_eq!(store.auth_get(row.id).await.unwrap(), leased);
    store.auth_update(row.id, row.revision, AuthChange::default(), at(11)).await.unwrap();
}

/// Until it is over, another holder is refused, and told whose it is and until when.
pub async fn a_live_lease_keeps_others_away_and_names_its_holder(store: &dyn Store) {
    let (row, holder) = (sign_in(store, "work", None).await, HolderId::new());
    let leased = store.auth_lease(row.id, row.revision, holder, at(30), at(10)).await.unwrap();
    let other = store.auth_lease(row.id, row.revision, HolderId::new(), at(90), at(29)).await;
    let error = refused(other, ErrorKind::InUse);
    names(&error, holder);
    names(&error, at(30));
    assert_eq!(store.auth_get(row.id).await.unwrap(), leased);
}

/// At the very moment of its end a lease is free for others.
pub async fn a_lease_is_over_at_its_end(store: &dyn Store) {
    let row = sign_in(store, "work", None).await;
    store.auth_lease(row.id, row.revision, HolderId::new(), at(30), at(10)).await.unwrap();
    let next = HolderId::new();
    let leased = store.auth_lease(row.id, row.revision, next, at(60), at(30)).await.unwrap();
    assert_eq!(leased.lease, Some(Lease { holder: next, until: at(60) }));
}

/// The holder of a live lease renews it, also to an earlier end.
pub async fn a_holder_takes_its_own_lease_again(store: &dyn Store) {
    let (row, holder) = (sign_in(store, "work", None).await, HolderId::new());
    for until in [at(30), at(90), at(40)] {
        let leased = store.auth_lease(row.id, row.revision, holder, until, at(10)).await.unwrap();
        assert_eq!(leased.lease, Some(Lease { holder, until }));
        assert_eq!(store.auth_get(row.id).await.unwrap(), leased);
    }
}

/// Who has not seen the last write must not refresh it: that is told before a live lease is.
pub async fn a_lease_needs_the_present_revision(store: &dyn Store) {
    let row = sign_in(store, "work", None).await;
    let now = store.auth_update(row.id, row.revision, AuthChange::default(), at(1)).await.unwrap();
    let old = store.auth_lease(row.id, row.revision, HolderId::new(), at(30), at(10)).await;
    names(&refused(old, ErrorKind::Stale), row.id);
    store.auth_lease(row.id, now.revision, HolderId::new(), at(30), at(10)).await.unwrap();
    let old = store.auth_lease(row.id, row.revision, HolderId::new(), at(30), at(10)).await;
    refused(old, ErrorKind::Stale);
}

/// A lease that was given back keeps nobody away, and leaves the row as it was before.
pub async fn a_lease_given_back_is_free_at_once(store: &dyn Store) {
    let (row, holder) = (sign_in(store, "work", None).await, HolderId::new());
    store.auth_lease(row.id, row.revision, holder, at(30), at(10)).await.unwrap();
    store.auth_release(row.id, holder).await.unwrap();
    assert_eq!(store.auth_get(row.id).await.unwrap(), row);
    store.auth_lease(row.id, row.revision, HolderId::new(), at(40), at(11)).await.unwrap();
}

/// Giving back what one does not have does nothing, and is no error.
pub async fn only_the_holder_gives_a_lease_back(store: &dyn Store) {
    let row = sign_in(store, "work", None).await;
    store.auth_release(row.id, HolderId::new()).await.unwrap();
    let leased = store.auth_lease(row.id, row.revision, HolderId::new(), at(30), at(10)).await.unwrap();
    store.auth_release(row.id, HolderId::new()).await.unwrap();
    assert_eq!(store.auth_get(row.id).await.unwrap(), leased);
}

/// Any update ends a lease, also one by somebody else.
pub async fn an_update_ends_the_lease(store: &dyn Store) {
    let row = sign_in(store, "work", None).await;
    store.auth_lease(row.id, row.revision, HolderId::new(), at(30), at(10)).await.unwrap();
    let updated = store.auth_update(row.id, row.revision, AuthChange::default(), at(11)).await.unwrap();
    assert_eq!(updated.lease, None);
    assert_eq!(store.auth_get(row.id).await.unwrap(), updated);
}
