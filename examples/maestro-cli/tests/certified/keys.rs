//! Keys that tokens buy (RFC 8693).

use crate::{browser, world::World};

needs_certified_servers! {
    #[test]
    fn tokens_buy_a_key_that_is_bought_anew_with_each_refresh() {
        for subject in ["access_token", "id_token"] {
            let world = World::with(
                "public",
                &format!(
                    "[token_exchange]\nsubject_token = \"{subject}\"\naudience = \"gateway\"\n\
                     requested_token_type = \"urn:ietf:params:oauth:token-type:access_token\"\n"
                ),
            );
            world.signed_in(&["--mode", "api-key"]);
            let status = world.run(&["auth", "status", "work"]).last();
            assert_eq!(status["mode"], "api-key", "{subject}: {status}");
            assert!(status["key_expires_at"].is_string(), "{status}");
            let first = world.tokens();
            let key = first.api_key.unwrap();
            // What was bought is good, and is not one of the tokens.
            assert_eq!(browser::get_as(&world.server.at("/me"), key.reveal()).status, 200);
            assert_ne!(key, first.access_token);

            let ran = world.run(&["auth", "refresh", "work", "--now"]);
            assert_eq!((ran.code, &ran.last()["outcome"]), (0, &"refreshed".into()), "{ran:?}");
            let second = world.tokens();
            assert_ne!(second.api_key.unwrap(), key);
            assert!(second.buying.is_none() && second.asked.is_none());
            assert_eq!(world.server.count("refresh_token ok"), 1);
            assert_eq!(world.server.count("token-exchange ok"), 2);
        }
    }

    #[test]
    fn a_key_that_is_not_sold_leaves_the_tokens() {
        let world = World::with("public", "[token_exchange]\naudience = \"elsewhere\"\n");
        world.signed_in(&["--mode", "api-key"]);
        assert_eq!(world.server.count("token-exchange invalid_target"), 1);
        let status = world.run(&["auth", "status", "work"]).last();
        assert_eq!((&status["mode"], &status["renewable"]), (&"tokens".into(), &true.into()), "{status}");
        assert_eq!(world.run(&["auth", "refresh", "work", "--now"]).code, 0);
    }

    #[test]
    fn a_key_is_refused_before_sign_in_where_the_profile_names_no_exchange() {
        let world = World::new("public");
        let mut running = world.login(&["--mode", "api-key"]);
        let error = running.until("error");
        assert_eq!(error["kind"], "invalid", "{error}");
        assert!(error.to_string().contains("token_exchange"), "{error}");
        assert_eq!(running.code(), 2);
    }
}
