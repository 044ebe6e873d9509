//! A server of one's own, and what a client makes of its URL.

use maestro_testkit::needs_private_postgres;
use maestro_testkit::postgres::Postgres;
use sqlx::{Connection as _, Executor as _, PgConnection, Row as _};

needs_private_postgres! {
    #[tokio::test]
    async fn a_private_server_is_stopped_and_started_again() {
        let postgres = Postgres::private().unwrap();
        let schema = postgres.fresh_schema();
        let mut client = PgConnection::connect(postgres.url()).await.unwrap();
        run(&mut client, format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.kept AS SELECT 7 AS number")).await;

        postgres.stop().unwrap();
        assert!(client.ping().await.is_err());
        assert!(PgConnection::connect(postgres.url()).await.is_err());
        postgres.start().unwrap();
        assert_eq!(number(&postgres, &schema).await, 7);

        postgres.restart().unwrap();
        assert_eq!(number(&postgres, &schema).await, 7);
    }

    #[tokio::test]
    async fn a_private_server_recovers_from_a_crash() {
        let postgres = Postgres::private_with(&[("synchronous_commit", "on"), ("fsync", "on")]).unwrap();
        let schema = postgres.fresh_schema();
        let mut client = PgConnection::connect(postgres.url()).await.unwrap();
        run(&mut client, format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.kept AS SELECT 8 AS number")).await;
        postgres.crash().unwrap();
        postgres.start().unwrap();
        assert_eq!(number(&postgres, &schema).await, 8);
    }

    #[tokio::test]
    async fn settings_are_taken_whatever_they_hold() {
        let settings = [("max_connections", "7"), ("application_name", "it's")];
        let postgres = Postgres::private_with(&settings).unwrap();
        let mut client = PgConnection::connect(postgres.url()).await.unwrap();
        for (name, value) in settings {
            let shown = client.fetch_one(sqlx::query("SELECT current_setting($1)").bind(name)).await.unwrap();
            assert_eq!(shown.get::<String, _>(0), value);
        }
    }

    #[test]
    fn a_setting_that_is_none_is_told() {
        let error = Postgres::private_with(&[("no_such_setting", "1")]).unwrap_err();
        assert!(error.to_string().contains("no_such_setting"), "{error}");
    }

    #[test]
    fn a_server_that_is_not_running_is_not_stopped() {
        let postgres = Postgres::private().unwrap();
        postgres.stop().unwrap();
        assert!(postgres.stop().is_err());
    }

    #[test]
    fn the_shared_server_is_not_stopped() {
        let postgres = Postgres::for_tests().unwrap();
        assert!(postgres.stop().is_err());
        assert_eq!(postgres.url(), Postgres::for_tests().unwrap().url());
        assert_ne!(postgres.fresh_schema(), postgres.fresh_schema());
    }
}

async fn run(client: &mut PgConnection, sql: String) {
    client.execute(sqlx::AssertSqlSafe(sql)).await.unwrap();
}

async fn number(postgres: &Postgres, schema: &str) -> i32 {
    let mut client = PgConnection::connect(postgres.url()).await.unwrap();
    let sql = sqlx::AssertSqlSafe(format!("SELECT number FROM {schema}.kept"));
    client.fetch_one(sqlx::query(sql)).await.unwrap().get(0)
}
