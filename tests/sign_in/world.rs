//! A program and a server where somebody can sign in.

use maestro::{
    Maestro, NewSignIn, SignedIn, SqliteStore,
    core::{
        Secret,
        auth::{AuthRef, AuthType, Credentials, OAuthTokens, SavedAuthentication, Vault, VaultKey},
        provider::{OAuthClient, OAuthFlow as _, RedirectStyle},
    },
    providers::{oauth::OAuth, openai},
};
use maestro_testkit::sandbox::{Authorization, Sandbox};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use url::Url;

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) maestro: Maestro,
    pub(crate) oauth: OAuth,
    key: String,
    directory: tempfile::TempDir,
}

impl World {
    /// ChatGPT's server, played by the sandbox.
    pub(crate) async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let base = format!("{}/openai", sandbox.authorization_url()).parse().unwrap();
        let mut profile = openai::oauth_profile().rebased(&base);
        profile.redirects = vec![loopback(vec![0])];
        let client = OAuthClient { profile, client_id: "sandbox-client".into(), client_secret: None };
        let directory = tempfile::tempdir().unwrap();
        let key = VaultKey::generate().to_text().to_string();
        let oauth = OAuth::turned_on(client).unwrap();
        let maestro = program(&directory, &key).await;
        Self { sandbox, maestro, oauth, key, directory }
    }

    /// Another program on the same store.
    pub(crate) async fn program(&self) -> Maestro {
        program(&self.directory, &self.key).await
    }

    pub(crate) fn authorization(&self) -> Authorization {
        self.sandbox.authorization()
    }

    /// Signs in by paste.
    pub(crate) async fn tokens(&self) -> OAuthTokens {
        let pending = self.oauth.authorize(&"http://localhost:9/auth/callback".parse().unwrap()).unwrap();
        let pasted = self.authorization().approve(pending.url.as_str()).unwrap().pasted().unwrap();
        let pasted = maestro::providers::oauth::read_paste(&pasted).unwrap();
        self.oauth.exchange(self.maestro.http(), &pending, &pasted, self.maestro.now()).await.unwrap()
    }

    /// Signs in, and saves it.
    pub(crate) async fn signed_in(&self) -> SignedIn {
        let new = NewSignIn::new(self.tokens().await);
        self.maestro.save_sign_in(&reference("work"), &self.oauth, new).await.unwrap()
    }

    pub(crate) fn opened(&self, row: &SavedAuthentication) -> OAuthTokens {
        match self.maestro.target(row).unwrap().endpoint.credentials {
            Some(Credentials::OAuth { tokens, .. }) => *tokens,
            _ => panic!("it is a sign-in"),
        }
    }
}

async fn program(directory: &tempfile::TempDir, key: &str) -> Maestro {
    let store = SqliteStore::open(directory.path().join("m.db")).await.unwrap();
    Maestro::builder().store(store).vault(Vault::new(key.parse().unwrap())).build().unwrap()
}

pub(crate) fn loopback(ports: Vec<u16>) -> RedirectStyle {
    RedirectStyle::Loopback { host: "localhost".into(), ports, path: "/auth/callback".into() }
}

pub(crate) fn reference(name: &str) -> AuthRef {
    AuthRef::new("openai".parse().unwrap(), AuthType::OAuth, name.parse().unwrap())
}

pub(crate) fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

/// Sends bytes to a listener, as a browser or anybody else, and gives the whole answer.
pub(crate) async fn send(redirect_uri: &Url, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", redirect_uri.port().unwrap())).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A listener that refuses to read the rest may reset the connection after its answer.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

/// Goes to an address, as a browser does.
pub(crate) async fn visit(url: &str) -> String {
    let url: Url = url.parse().unwrap();
    let target = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    send(&url, &format!("GET {target} HTTP/1.1\r\nhost: localhost\r\n\r\n")).await
}
