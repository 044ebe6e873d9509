//! Authentications, and items with their texts.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    super::{map::Sorted, unreadable},
    Held, Line, Micros, Type,
};
use crate::{
    auth::{AuthName, AuthType, Lease, SavedAuthentication, SealedCredentials},
    error::Result,
    id::Id,
    provider::ProviderId,
    revision::Revision,
    supplied_context::{Item, ItemName, ItemText, ItemType, ItemVersion, ItemVersionNumber, Tags},
    time::Timestamp,
};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive::canonical) struct AuthenticationLine<'a> {
    r#type: Type,
    id: Id<SavedAuthentication>,
    provider: Cow<'a, ProviderId>,
    auth_type: AuthType,
    name: Cow<'a, AuthName>,
    credentials: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Micros>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<Held>,
    revision: Revision,
    inserted_at: Micros,
    updated_at: Micros,
}

impl<'a> Line<'a> {
    pub(in crate::archive::canonical) fn authentication(row: &'a SavedAuthentication) -> Self {
        Self::Authentication(AuthenticationLine {
            r#type: Type::Authentication,
            id: row.id,
            provider: Cow::Borrowed(&row.provider),
            auth_type: row.auth_type,
            name: Cow::Borrowed(&row.name),
            credentials: STANDARD.encode(row.credentials.to_bytes()),
            expires_at: row.expires_at.map(Micros::from),
            lease: row.lease.map(|lease| Held { holder: lease.holder, until: lease.until.into() }),
            revision: row.revision,
            inserted_at: row.inserted_at.into(),
            updated_at: row.updated_at.into(),
        })
    }
}

impl AuthenticationLine<'_> {
    pub(in crate::archive::canonical) fn into_row(self) -> Result<SavedAuthentication> {
        let sealed = STANDARD
            .decode(self.credentials)
            .map_err(|_| unreadable("has credentials that are not base64"))?;
        Ok(SavedAuthentication {
            id: self.id,
            provider: self.provider.into_owned(),
            auth_type: self.auth_type,
            name: self.name.into_owned(),
            credentials: SealedCredentials::from_bytes(&sealed)
                .map_err(|error| unreadable("has credentials that no vault has sealed").caused_by(error))?,
            expires_at: self.expires_at.map(Timestamp::from),
            lease: self.lease.map(|held| Lease { holder: held.holder, until: held.until.into() }),
            revision: self.revision,
            inserted_at: self.inserted_at.into(),
            updated_at: self.updated_at.into(),
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive::canonical) struct ItemLine<'a> {
    r#type: Type,
    id: Id<Item>,
    item_type: ItemType,
    name: Cow<'a, ItemName>,
    version: ItemVersionNumber,
    tags: Cow<'a, Tags>,
    metadata: Sorted<'a>,
    revision: Revision,
    inserted_at: Micros,
    updated_at: Micros,
}

impl<'a> Line<'a> {
    pub(in crate::archive::canonical) fn item(item: &'a Item) -> Self {
        Self::Item(ItemLine {
            r#type: Type::Item,
            id: item.id,
            item_type: item.item_type,
            name: Cow::Borrowed(&item.name),
            version: item.version,
            tags: Cow::Borrowed(&item.tags),
            metadata: Sorted(Cow::Borrowed(&item.metadata)),
            revision: item.revision,
            inserted_at: item.inserted_at.into(),
            updated_at: item.updated_at.into(),
        })
    }
}

impl ItemLine<'_> {
    /// The item, with this text.
    pub(in crate::archive::canonical) fn into_item(self, text: ItemText) -> Item {
        Item {
            id: self.id,
            item_type: self.item_type,
            name: self.name.into_owned(),
            text,
            version: self.version,
            tags: self.tags.into_owned(),
            metadata: self.metadata.0.into_owned(),
            revision: self.revision,
            inserted_at: self.inserted_at.into(),
            updated_at: self.updated_at.into(),
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::archive::canonical) struct VersionLine<'a> {
    r#type: Type,
    item_id: Id<Item>,
    version: ItemVersionNumber,
    inserted_at: Micros,
    text: Cow<'a, ItemText>,
}

impl<'a> Line<'a> {
    pub(in crate::archive::canonical) fn version(version: &'a ItemVersion) -> Self {
        Self::ItemVersion(VersionLine {
            r#type: Type::ItemVersion,
            item_id: version.item_id,
            version: version.version,
            inserted_at: version.inserted_at.into(),
            text: Cow::Borrowed(&version.text),
        })
    }
}

impl VersionLine<'_> {
    pub(in crate::archive::canonical) fn into_version(self) -> ItemVersion {
        ItemVersion {
            item_id: self.item_id,
            version: self.version,
            text: self.text.into_owned(),
            inserted_at: self.inserted_at.into(),
        }
    }
}
