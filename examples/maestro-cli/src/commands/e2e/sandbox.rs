//! The runs against the sandbox: every provider, every way to sign in, in a store that is gone afterwards.

use std::sync::Arc;

use maestro::{
    Maestro, Save, Secret, SqliteStore,
    core::{
        auth::{AuthName, AuthRef, AuthType, Credentials, SavedAuthentication, Vault, VaultKey},
        conversations::{NewSession, SessionName},
        provider::{Endpoint, ModelId, ProviderId, Registry},
    },
    providers::{builtin, gemini},
};
use maestro_testkit::sandbox::{Sandbox, Scenario, StreamScript};

use super::{
    plans::{PLANS, Plan},
    report::{Heading, Report, Step},
    runner::{Done, Runner, temporary_directory, wrong},
    sign_in::{Account, SignIn},
    steps::{self, Cut, Expected, Talk},
    stop::Stop,
    wire::Wire,
};
use crate::{
    exit::Result,
    sandbox::{DEFAULT_MODEL, failed},
};

/// The answer to the standard prompt. Nothing shorter would do: it is cut in the middle, and comes in hundreds of pieces.
const ANSWER: &str = include_str!("answer.md");

/// After how many events the first answer is cut; some of them say nothing yet.
const CUT_AFTER_EVENTS: usize = 60;

/// The Cloud project that Google's tokens are booked on.
const QUOTA_PROJECT: &str = "sandbox-project";

/// Does all runs, or those of one provider.
pub(super) async fn run(report: &mut Report, stop: &Stop, only: Option<&ProviderId>) -> Result<()> {
    for plan in PLANS.iter().filter(|plan| only.is_none_or(|only| only.as_str() == plan.provider)) {
        Box::pin(World::new(plan).await?.run(report, stop)).await?;
    }
    Ok(())
}

/// What one run works with, all of which is gone after it.
pub(super) struct World<'a> {
    plan: &'a Plan,
    provider: ProviderId,
    pub(super) sandbox: Sandbox,
    wire: Arc<Wire>,
    maestro: Maestro,
    /// Another program on the same store.
    other: Maestro,
    _directory: tempfile::TempDir,
}

impl<'a> World<'a> {
    /// A server, a store and two programs on it.
    pub(super) async fn new(plan: &'a Plan) -> Result<Self> {
        let directory = temporary_directory()?;
        let sandbox = Sandbox::start().await.map_err(failed)?;
        let cut = StreamScript { cut_after_events: Some(CUT_AFTER_EVENTS), ..StreamScript::default() };
        sandbox.add_scenario(Scenario::text(ANSWER).times(1).delivered(cut));
        sandbox.add_scenario(Scenario::text(ANSWER));
        let wire = Arc::new(Wire::new());
        let key = VaultKey::generate().to_text();
        let program = async || {
            let store = SqliteStore::open(directory.path().join("e2e.sqlite")).await?;
            let vault = Vault::new(key.parse()?);
            Maestro::builder()
                .store(store)
                .vault(vault)
                .registry(registry())
                .shared_http(wire.clone())
                .build()
        };
        let (maestro, other) = (program().await?, program().await?);
        let provider = ProviderId::new(plan.provider)?;
        Ok(Self { plan, provider, sandbox, wire, maestro, other, _directory: directory })
    }

    async fn run(self, report: &mut Report, stop: &Stop) -> Result<()> {
        let heading = Heading {
            run: format!("{}/{}", self.plan.provider, self.plan.name),
            title: self.plan.title.to_owned(),
            provider: self.provider.clone(),
        };
        let mut runner = Runner::begin(report, heading, stop)?;
        match self.plan.sign_in {
            Some(sign_in) => self.signed_in(&mut runner, stop, sign_in).await,
            None => self.with_key(&mut runner, stop).await,
        }
    }

    async fn signed_in(&self, runner: &mut Runner<'_>, stop: &Stop, sign_in: SignIn) -> Result<()> {
        const AFTER_SAVING: [Step; 5] =
            [Step::Refresh, Step::Models, Step::CutAnswer, Step::AskAgain, Step::SplitCheck];
        let account = self.account(sign_in)?;
        let signed_in = runner.step(Step::SignIn, account.sign_in()).await?;
        let decided = match &signed_in {
            Some((oauth, tokens)) => runner.step(Step::Mode, async { account.mode(oauth, tokens) }).await?,
            None => runner.skip(&[Step::Mode], "nobody is signed in").map(|()| None)?,
        };
        let saved = match signed_in.filter(|_| decided.is_some()) {
            Some((oauth, tokens)) => runner.step(Step::Exchange, account.save(&oauth, tokens)).await?,
            None => runner.skip(&[Step::Exchange], "it is not known how to go on").map(|()| None)?,
        };
        let Some(row) = saved else {
            runner.skip(&AFTER_SAVING, "no sign-in is saved")?;
            return runner.skip(&[Step::SignOut], "no sign-in is saved");
        };
        // Where the refresh failed, the tokens are good for a while yet.
        let refreshed = runner.step(Step::Refresh, account.refresh(&row)).await?;
        let row = refreshed.unwrap_or(row);
        self.talk(runner, stop, &row).await?;
        runner.step(Step::SignOut, account.sign_out(&row)).await?;
        Ok(())
    }

    async fn with_key(&self, runner: &mut Runner<'_>, stop: &Stop) -> Result<()> {
        let saved = runner.step(Step::SignIn, self.save_key()).await?;
        let Some(row) = saved else {
            return runner.skip(
                &[
                    Step::Mode,
                    Step::Exchange,
                    Step::Refresh,
                    Step::Models,
                    Step::CutAnswer,
                    Step::AskAgain,
                    Step::SplitCheck,
                    Step::SignOut,
                ],
                "no key is saved",
            );
        };
        let mode = async { Ok(((), "an API key".to_owned())) };
        runner.step(Step::Mode, mode).await?;
        runner.skip(&[Step::Exchange], "there is a key already")?;
        runner.skip(&[Step::Refresh], "a key does not end")?;
        self.talk(runner, stop, &row).await?;
        runner.step(Step::SignOut, self.remove_key(&row)).await?;
        Ok(())
    }

    async fn talk(&self, runner: &mut Runner<'_>, stop: &Stop, row: &SavedAuthentication) -> Result<()> {
        let new = NewSession::new(SessionName::new("e2e")?, self.maestro.now());
        let session = self.maestro.store().session_create(new).await?;
        let talk = Talk {
            maestro: &self.maestro,
            wire: &self.wire,
            stop,
            target: self.maestro.target(row)?,
            model: ModelId::new(DEFAULT_MODEL)?,
            session: session.id,
            cut: Cut::AtServer,
            expected: Expected::Text(ANSWER),
        };
        steps::all(runner, &talk).await
    }

    /// Where somebody signs in.
    pub(super) fn account(&self, sign_in: SignIn) -> maestro::Result<Account<'_>> {
        Ok(Account {
            maestro: &self.maestro,
            other: &self.other,
            authorization: self.sandbox.authorization(),
            sign_in,
            reference: self.reference(AuthType::OAuth)?,
            base_url: Endpoint::parse_base_url(&(self.plan.server)(&self.sandbox))?,
        })
    }

    /// Saves a key, and has the server say that it is good.
    async fn save_key(&self) -> Done<SavedAuthentication> {
        let base_url = Endpoint::parse_base_url(&(self.plan.server)(&self.sandbox))?;
        let credentials = Credentials::api_key(Secret::new(self.sandbox.key())?).at(Some(base_url));
        let reference = self.reference(AuthType::ApiKey)?;
        let row = self.maestro.save_credentials(&reference, &credentials, Save::Create).await?;
        self.maestro.test_connection(&self.maestro.target(&row)?).await?;
        Ok((row, "a key, which the server accepts".to_owned()))
    }

    async fn remove_key(&self, row: &SavedAuthentication) -> Done<()> {
        const OPERATION: &str = "remove the key";
        let store = self.maestro.store();
        store.auth_delete(row.id).await?;
        match store.auth_get(row.id).await {
            Ok(_) => Err(wrong(OPERATION, "it is still saved")),
            Err(error) if error.kind() == maestro::ErrorKind::NotFound => {
                Ok(((), "removed here; no request ends a key".to_owned()))
            }
            Err(error) => Err(error),
        }
    }

    fn reference(&self, auth_type: AuthType) -> maestro::Result<AuthRef> {
        Ok(AuthRef::new(self.provider.clone(), auth_type, AuthName::new("e2e")?))
    }
}

/// The providers, of which Gemini knows a project to book on.
fn registry() -> Registry {
    builtin().with(gemini::Gemini::default().with_quota_project(QUOTA_PROJECT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_longer_than_the_cut() {
        // A piece has four words at the most.
        assert!(ANSWER.split_whitespace().count() > 4 * CUT_AFTER_EVENTS);
        assert!(ANSWER.contains("webhook"));
    }
}
