//! Providers as facets: what a provider can do is what it implements.

mod capabilities;
mod chat;
mod endpoint;
mod flows;
mod id;
mod models;
mod oauth_profile;
mod registry;

pub use capabilities::{Capabilities, Operation};
pub use chat::ChatProtocol;
pub use endpoint::Endpoint;
pub use flows::{
    ApiKeyFlow, CodePaste, Connection, DevicePoll, OAuthFlow, PendingAuthorization, PendingDevice,
};
pub use id::{ModelId, ProviderId};
pub use models::{ModelCatalog, ModelInfo};
pub use oauth_profile::{
    BodyForm, ClaimNames, ClientAuthentication, DeviceFlow, ExchangeDialect, FlowAccess, KeyExchange,
    OAuthClient, OAuthProfile, OtherPlans, PlanRule, RedirectStyle, Revocation, RevocationFields, Rotation,
    SendState, SubjectToken, TokenExchange, TokenField, TokenRequest, UsePolicy,
};
pub use registry::{Provider, Registry};
