//! A home with a profile file, at a server.

use std::io::Write as _;

use maestro::{
    Secret, SqliteStore,
    core::{
        auth::{
            Auth as _, AuthChange, AuthExt as _, AuthQuery, Credentials, OAuthTokens, SavedAuthentication,
            Vault,
        },
        time::{Clock as _, SystemClock},
    },
    providers::{
        http::ReqwestClient,
        oauth::{OAuth, ProfileFile},
    },
};

use crate::{
    browser::{User, visit},
    home::{Home, Ran, Running},
    server::Server,
};

/// A home, and a server where somebody can sign in.
pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) home: Home,
    pub(crate) http: ReqwestClient,
    pub(crate) runtime: tokio::runtime::Runtime,
    profile: String,
}

impl World {
    /// At `oidc-provider`, as one of its clients.
    pub(crate) fn new(client: &str) -> Self {
        Self::with(client, "")
    }

    /// The same, with more in the profile file.
    pub(crate) fn with(client: &str, more: &str) -> Self {
        // It gives refresh tokens to those who ask for consent anew.
        let more = format!("authorize_parameters = {{ prompt = \"consent\" }}\n{more}");
        Self::at(Server::node(), client, &more)
    }

    pub(crate) fn at(server: Server, client: &str, more: &str) -> Self {
        let home = Home::new();
        let text = format!(
            "name = \"work\"\nissuer = \"{}\"\nclient_id = \"{client}\"\nscopes = [\"openid\", \"offline_access\"]\n{more}",
            server.issuer
        );
        let profile = home.file("work.toml", text).display().to_string();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        Self { server, home, http: ReqwestClient::default(), runtime, profile }
    }

    /// The client at work, without the program.
    pub(crate) fn oauth(&self) -> OAuth {
        let text = std::fs::read_to_string(&self.profile).unwrap();
        self.runtime.block_on(ProfileFile::parse(&text).unwrap().oauth(&self.http)).unwrap()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().unwrap())
    }

    pub(crate) fn command(&self, args: &[&str]) -> std::process::Command {
        let store = format!("sqlite:{}", self.home.path().join("m.sqlite").display());
        self.home.command(&[&["--json", "--store", &store], args].concat())
    }

    /// Begins to sign in.
    pub(crate) fn login(&self, more: &[&str]) -> Running {
        let login = ["auth", "login", "openai_compatible", "--name", "work", "--profile", &self.profile];
        let mut command = self.command(&[&login[..], &["--accept-policy"], more].concat());
        Running::start(command.stdin(std::process::Stdio::piped()))
    }

    /// Signs in by the listener.
    pub(crate) fn signed_in(&self, more: &[&str]) {
        let mut running = self.login(more);
        let url = running.until("authorize")["url"].as_str().unwrap().to_owned();
        let back = visit(&url, User::Approves).expect("the browser is sent back");
        assert_eq!(crate::browser::get(back.as_str()).status, 200);
        assert_eq!(running.until("auth")["name"], "work");
        assert_eq!(running.code(), 0);
    }

    /// Pastes something into a program that waits for it.
    pub(crate) fn paste(running: &mut Running, text: &str) {
        writeln!(running.child.stdin.take().unwrap(), "{text}").unwrap();
    }

    /// What is saved.
    pub(crate) fn tokens(&self) -> OAuthTokens {
        self.runtime.block_on(async { self.opened(&self.store().await).await.1 })
    }

    /// Makes the saved tokens look as if they ended now.
    pub(crate) fn ages(&self) {
        self.runtime.block_on(async {
            let store = self.store().await;
            let (row, tokens) = self.opened(&store).await;
            let now = SystemClock.now();
            let aged = OAuthTokens { expires_at: Some(now), ..tokens };
            let credentials = Credentials::OAuth { tokens: Box::new(aged), base_url: None };
            let change = AuthChange {
                credentials: Some(self.vault().seal(row.id, &credentials).unwrap()),
                expires_at: Some(Some(now)),
                ..AuthChange::default()
            };
            store.auth_update(row.id, row.revision, change, now).await.unwrap();
        });
    }

    async fn store(&self) -> SqliteStore {
        SqliteStore::open(self.home.path().join("m.sqlite")).await.unwrap()
    }

    fn vault(&self) -> Vault {
        let key = std::fs::read_to_string(self.home.path().join("vault-key")).unwrap();
        Vault::new(key.trim().parse().unwrap())
    }

    async fn opened(&self, store: &SqliteStore) -> (SavedAuthentication, OAuthTokens) {
        let row = store.auth_list_all(&AuthQuery::default()).await.unwrap().remove(0);
        match self.vault().open(row.id, &row.credentials).unwrap() {
            Credentials::OAuth { tokens, .. } => (row, *tokens),
            _ => panic!("it is a sign-in"),
        }
    }

    pub(crate) fn refresh_token(&self) -> String {
        let token = self.tokens().refresh_token;
        token.map(|token: Secret| token.reveal().to_owned()).expect("a refresh token")
    }

    /// Whether the server knows a token, by its introspection.
    pub(crate) fn is_known(&self, token: &str) -> bool {
        let form = [("token", token), ("client_id", "public")];
        let answer: serde_json::Value =
            serde_json::from_str(&self.server.post("/token/introspection", &form).body).unwrap();
        answer["active"].as_bool().unwrap()
    }
}
