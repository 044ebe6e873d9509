//! What holds of whatever random programs leave in a store.

use maestro::{
    MemoryStore,
    archive::{Archive as _, CopyOptions, OntoExisting, copy, verify},
};
use maestro_testkit::{model, needs_postgres};
use proptest::prelude::*;

use crate::{fresh::Fresh, world::sqlite};

needs_postgres! {

#[test]
fn memory_to_sqlite_to_postgres_to_sqlite_ends_with_equal_hashes() {
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(seeds in prop::collection::vec(any::<u64>(), 1..4), batch_records in 1_usize..9)| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(all_around(&seeds, batch_records))?;
    });
}

}

/// Copies what these programs leave through all stores, and compares the last with the first.
async fn all_around(seeds: &[u64], batch_records: usize) -> Result<(), TestCaseError> {
    let memory = MemoryStore::new();
    for seed in seeds {
        model::fill(*seed, &memory).await;
    }
    let (file, _directory) = sqlite().await;
    let fresh = Fresh::schema();
    let postgres = fresh.builder().open().await.unwrap();
    let (last, _last_directory) = sqlite().await;

    let options = CopyOptions { batch_records, ..CopyOptions::default() };
    let first = copy(&memory, &file, &options, &mut |_| ()).await.unwrap();
    prop_assert_eq!(copy(&file, &postgres, &options, &mut |_| ()).await.unwrap(), first);
    prop_assert_eq!(postgres.check().await.unwrap(), []);
    prop_assert_eq!(copy(&postgres, &last, &options, &mut |_| ()).await.unwrap(), first);
    prop_assert_eq!(last.check().await.unwrap(), []);

    let compared = verify(&memory, &last, &mut |_| ()).await.unwrap();
    prop_assert!(compared.is_equal());
    for kind in compared.kinds {
        prop_assert_eq!(kind.hashes.0, kind.hashes.1);
    }
    // Back again, there is nothing left to do.
    let merging = CopyOptions { onto: OntoExisting::Merge, ..options };
    prop_assert_eq!(copy(&last, &postgres, &merging, &mut |_| ()).await.unwrap().written, 0);
    postgres.close().await;
    Ok(())
}
