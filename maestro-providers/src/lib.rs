//! stub
pub fn builtin() -> maestro_core::provider::Registry {
    maestro_core::provider::Registry::new()
}
pub mod http {
    #[derive(Debug)]
    pub struct ReqwestClient;
    impl ReqwestClient {
        pub fn new() -> maestro_core::Result<Self> {
            Ok(Self)
        }
    }
    #[async_trait::async_trait]
    impl maestro_core::http::HttpClient for ReqwestClient {
        async fn send(
            &self,
            _: ::http::Request<bytes::Bytes>,
        ) -> maestro_core::Result<::http::Response<maestro_core::http::BodyStream>> {
            Err(maestro_core::Error::new(maestro_core::ErrorKind::Unavailable, "x"))
        }
    }
}
