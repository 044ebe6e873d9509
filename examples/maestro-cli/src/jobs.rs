//! The job queue that lies beside the store.

use std::sync::Arc;

use maestro::{
    Result as CoreResult,
    core::{
        auth::SavedAuthentication,
        jobs::JobQueue,
        time::{Clock as _, SystemClock},
    },
    jobs::{MemoryQueue, PostgresQueue, SqliteQueue},
    postgres::SchemaName,
};

use crate::{
    app::App,
    exit::{Failure, Result},
    store::{PostgresUrl, StoreUrl},
};

impl StoreUrl {
    /// The queue beside the store, which is open. Its tables are made if they are not there.
    pub(crate) async fn queue(&self) -> Result<Arc<dyn JobQueue>> {
        Ok(match self {
            Self::Memory => Arc::new(MemoryQueue::new()),
            Self::Sqlite(path) => Arc::new(SqliteQueue::open(path).await.map_err(Failure::Store)?),
            Self::Postgres(PostgresUrl(url)) => {
                let schema = SchemaName::default();
                Arc::new(PostgresQueue::open(url, schema.as_str()).await.map_err(Failure::Store)?)
            }
        })
    }

    /// The queue beside the store. Absent when no worker has made one yet.
    pub(crate) async fn existing_queue(&self) -> CoreResult<Option<Arc<dyn JobQueue>>> {
        Ok(match self {
            Self::Memory => None,
            Self::Sqlite(path) => SqliteQueue::open_existing(path).await?.map(|queue| Arc::new(queue) as _),
            Self::Postgres(PostgresUrl(url)) => {
                let schema = SchemaName::default();
                PostgresQueue::open_existing(url, schema.as_str()).await?.map(|queue| Arc::new(queue) as _)
            }
        })
    }
}

/// Takes back the jobs of a sign-in that was just deleted. Workers find that out by themselves a little later, so where it
/// fails nothing is lost.
pub(crate) async fn take_back(app: &App, row: &SavedAuthentication) -> Result<()> {
    let taken: Result<()> = async {
        if let Some(queue) = app.store_url()?.existing_queue().await? {
            queue.job_cancel(row.id, "the sign-in was deleted", SystemClock.now()).await?;
        }
        Ok(())
    }
    .await;
    match taken {
        Err(Failure::Error(error)) => tracing::debug!(%error, "jobs were not taken back yet"),
        other => return other,
    }
    Ok(())
}
