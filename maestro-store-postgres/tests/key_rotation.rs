//! The vault's key is changed while others read and refresh, as on the other stores.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod fresh;

#[path = "../../tests/key_rotation/world.rs"]
mod world;

use maestro_testkit::needs_postgres;

use fresh::Fresh;
use world::World;

async fn fresh() -> (World, Fresh) {
    let fresh = Fresh::schema();
    (World::new(fresh.builder().open().await.unwrap()), fresh)
}

needs_postgres! {

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_while_others_refresh() {
    let (world, _fresh) = fresh().await;
    Box::pin(world::nothing_is_lost(world)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_rotations_at_once_seal_every_row_once() {
    let (world, _fresh) = fresh().await;
    world::every_row_is_sealed_once(world).await;
}

#[tokio::test]
async fn a_rotation_that_was_stopped_is_taken_up_again() {
    let (world, _fresh) = fresh().await;
    world::what_was_stopped_is_taken_up(world).await;
}

}
