//! Refresh tokens that die with their use, and the end of a sign-in.

use crate::world::World;

needs_certified_servers! {
    #[test]
    fn tokens_are_refreshed_again_and_again_and_an_old_one_ends_the_sign_in() {
        let world = World::new("public");
        world.signed_in(&[]);
        let first = world.refresh_token();
        for _ in 0..3 {
            let before = world.refresh_token();
            let ran = world.run(&["auth", "refresh", "work", "--now"]);
            assert_eq!((ran.code, &ran.last()["outcome"]), (0, &"refreshed".into()), "{ran:?}");
            assert_ne!(world.refresh_token(), before, "it is replaced");
        }
        assert_eq!(world.server.count("refresh_token ok"), 3);
        assert!(world.is_known(&world.refresh_token()));

        // Somebody has stolen the first one.
        let form = [("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", first.as_str())];
        let answer = world.server.post("/token", &form);
        assert!(answer.status == 400 && answer.body.contains("invalid_grant"), "{answer:?}");
        assert!(!world.is_known(&world.refresh_token()), "the whole family is gone");
        let ran = world.run(&["auth", "refresh", "work", "--now"]);
        assert_eq!((ran.code, &ran.last()["kind"]), (5, &"unauthenticated".into()), "{ran:?}");
        assert!(ran.stdout.contains("maestro auth login openai_compatible --name work --replace"), "{ran:?}");
        // Nobody asks again with what is known to be dead.
        let asked = world.server.count("refresh_token invalid_grant");
        assert_eq!(world.run(&["auth", "refresh", "work", "--now"]).code, 5);
        assert_eq!(world.server.count("refresh_token invalid_grant"), asked);
    }

    #[test]
    fn eight_programs_at_once_make_one_exchange() {
        let world = World::new("public");
        world.signed_in(&[]);
        world.ages();
        let programs: Vec<_> =
            (0..8).map(|_| world.command(&["auth", "refresh", "work"]).spawn().unwrap()).collect();
        let mut refreshed = 0;
        for program in programs {
            let ran = crate::home::Ran::of(program.wait_with_output().unwrap());
            assert_eq!(ran.code, 0, "{ran:?}");
            refreshed += usize::from(ran.last()["outcome"] == "refreshed");
        }
        assert_eq!((refreshed, world.server.count("refresh_token ok")), (1, 1));
        assert_eq!(world.server.count("refresh_token invalid_grant"), 0);
    }

    #[test]
    fn signing_out_ends_the_tokens_at_the_server() {
        let world = World::new("public");
        world.signed_in(&[]);
        let (access, refresh) = (world.tokens().access_token, world.refresh_token());
        assert!(world.is_known(access.reveal()) && world.is_known(&refresh));
        let ran = world.run(&["auth", "logout", "work", "--yes"]);
        assert_eq!((ran.code, &ran.last()["outcome"]), (0, &"at_server".into()), "{ran:?}");
        assert!(!world.is_known(access.reveal()) && !world.is_known(&refresh));
        assert_eq!(world.run(&["auth", "refresh", "work"]).code, 6);
    }
}
