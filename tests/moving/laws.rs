//! What holds of whatever random programs leave in a store.

use maestro::{
    MemoryStore,
    archive::{
        Archive as _, CopyOptions, ImportIds, OntoExisting, RecordKey, RecordKind, SessionFile, copy, verify,
    },
    core::archive::canonical::RecordReader,
};
use maestro_testkit::model;
use proptest::prelude::*;

use crate::world::{are_equal, copied, keys, record, sqlite};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A store after some programs.
async fn filled(seeds: &[u64]) -> MemoryStore {
    let store = MemoryStore::new();
    for seed in seeds {
        model::fill(*seed, &store).await;
    }
    store
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn memory_to_sqlite_to_memory_ends_with_equal_hashes(seeds in prop::collection::vec(any::<u64>(), 1..4)) {
        runtime().block_on(async {
            let first = filled(&seeds).await;
            prop_assert_eq!(first.check().await.unwrap(), []);
            let (second, _directory) = sqlite().await;
            let options = CopyOptions { batch_records: 3, ..CopyOptions::default() };
            copy(&first, &second, &options, &mut |_| ()).await.unwrap();
            prop_assert_eq!(second.check().await.unwrap(), []);
            let third = copied(&second).await;
            let compared = verify(&first, &third, &mut |_| ()).await.unwrap();
            prop_assert!(compared.is_equal());
            for kind in compared.kinds {
                prop_assert_eq!(kind.hashes.0, kind.hashes.1);
            }
            // Back again, there is nothing left to do.
            let merging = CopyOptions { onto: OntoExisting::Merge, ..CopyOptions::default() };
            prop_assert_eq!(copy(&third, &first, &merging, &mut |_| ()).await.unwrap().written, 0);
            Ok(())
        })?;
    }

    #[test]
    fn every_record_is_read_back_from_its_lines(seeds in prop::collection::vec(any::<u64>(), 1..4)) {
        runtime().block_on(async {
            let store = filled(&seeds).await;
            let (mut records, mut lines) = (Vec::new(), Vec::new());
            for kind in RecordKind::ALL {
                for key in keys(&store, kind).await {
                    let record = store.record_get(key).await.unwrap();
                    record.write_lines(&mut lines).unwrap();
                    records.push(record);
                }
            }
            let (mut reader, mut read) = (RecordReader::new(), Vec::new());
            for line in String::from_utf8(lines).unwrap().split_terminator('\n') {
                read.extend(reader.push(line).unwrap());
            }
            read.extend(reader.finish().unwrap());
            prop_assert_eq!(read, records);
            Ok(())
        })?;
    }

    #[test]
    fn every_session_goes_into_a_file_and_back(seeds in prop::collection::vec(any::<u64>(), 1..3)) {
        runtime().block_on(async {
            let store = filled(&seeds).await;
            let other = MemoryStore::new();
            for key in keys(&store, RecordKind::Authentication).await {
                other.record_restore(&[store.record_get(key).await.unwrap()]).await.unwrap();
            }
            for key in keys(&store, RecordKind::Session).await {
                let RecordKey::Session(id) = key else { unreachable!() };
                let file = SessionFile::export(&store, id).await.unwrap();
                let mut bytes = Vec::new();
                file.write(&mut bytes).unwrap();
                let mut cut = 0;
                for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                    prop_assert!(SessionFile::read(&bytes[..cut]).is_err());
                    cut += line.len();
                }
                let read = SessionFile::read(&*bytes).unwrap();
                prop_assert_eq!(&read, &file);
                let imported = read.clone().import(&other, ImportIds::Keep).await.unwrap();
                prop_assert_eq!(imported.notices, []);
                prop_assert_eq!(record(&other, id).await, record(&store, id).await);
                read.import(&other, ImportIds::New).await.unwrap();
            }
            prop_assert_eq!(other.check().await.unwrap(), []);
            Ok(())
        })?;
    }

    #[test]
    fn a_copy_of_a_copy_is_equal(seed in any::<u64>()) {
        runtime().block_on(async {
            let store = filled(&[seed]).await;
            let twice = copied(&copied(&store).await).await;
            prop_assert!(are_equal(&store, &twice).await);
            Ok(())
        })?;
    }
}
