//! A service's own database: SQLite by default, PostgreSQL when its URL says so. No service sees another's tables.
//!
//! Queries are written once for both, with `$1` for parameters. A replica holds one connection; its transactions are
//! short, and take the write lock from their beginning, so that none fails half-way because another wrote meanwhile.

mod databases;
mod schema;

use std::sync::Arc;
use std::time::Duration;

use sqlx::AnyConnection;
use sqlx::{Connection as _, Executor as _};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::protocol::Role;

pub use databases::Databases;
pub(crate) use schema::{CATEGORIES, list_price_cents, user_name};

/// How often a transaction is tried that another's lock was in the way of.
const TRIES: u32 = 3;

/// How often a connection is tried that another's lock was in the way of, and how long to wait between tries: 5 s in all,
/// which is how long SQLite itself waits for a lock.
const CONNECT_TRIES: u32 = 250;
const CONNECT_WAIT: Duration = Duration::from_millis(20);

/// Why a database could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// The URL is of no database that the shop can use.
    #[error(
        "`{0}` is no database of the shop: use `sqlite:PATH` or `postgres://USER@HOST/DATABASE`"
    )]
    Url(String),
    /// Only a PostgreSQL database can be given.
    #[error(
        "`{0}` is no PostgreSQL database: give `postgres://USER@HOST/DATABASE`, or nothing for SQLite"
    )]
    NotPostgres(String),
    /// There is a database already where this run's should be.
    #[error("{0} is there already: give a folder that no other run uses, or remove it")]
    Exists(String),
    /// The database cannot be connected to.
    #[error("cannot open the database of {service}: {source}")]
    Open {
        /// Whose it is.
        service: Role,
        /// The reason.
        source: sqlx::Error,
    },
    /// Its tables cannot be made.
    #[error("cannot make the tables of {service}: {source}")]
    Prepare {
        /// Whose it is.
        service: Role,
        /// The reason.
        source: sqlx::Error,
    },
    /// It cannot be read.
    #[error("cannot read the database of {service}: {source}")]
    Read {
        /// Whose it is.
        service: Role,
        /// The reason.
        source: sqlx::Error,
    },
}

impl DatabaseError {
    /// Whether it is that the disk of a SQLite file is full or does not work. In a folder of the run's own, a file that
    /// cannot be opened is a case of it: SQLite does not say why.
    #[must_use]
    pub fn is_the_disk(&self) -> bool {
        /// `SQLITE_IOERR`, `SQLITE_FULL`, `SQLITE_CANTOPEN`: the low byte of all their extended codes.
        const CODES: [u32; 3] = [10, 13, 14];
        let (Self::Open { source, .. } | Self::Prepare { source, .. } | Self::Read { source, .. }) =
            self
        else {
            return false;
        };
        let code = source.as_database_error().and_then(|e| e.code());
        // PostgreSQL's codes have five characters, SQLite's at most four.
        let sqlite = code.filter(|code| code.len() < 5);
        sqlite
            .and_then(|code| code.parse::<u32>().ok())
            .is_some_and(|code| CODES.contains(&(code & 0xff)))
    }
}

/// Which database it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// One connection, shared by a replica's requests.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    kind: Kind,
    url: Arc<str>,
    connection: Arc<Mutex<AnyConnection>>,
}

/// A connection for a while; nobody else of this replica has it.
pub(crate) type Held = OwnedMutexGuard<AnyConnection>;

impl Kind {
    fn of(url: &str) -> Option<Self> {
        match url.split_once(':')?.0 {
            "sqlite" => Some(Self::Sqlite),
            "postgres" | "postgresql" => Some(Self::Postgres),
            _ => None,
        }
    }

    /// How a transaction that writes begins.
    pub(crate) const fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }
}

impl Database {
    /// Connects. A SQLite file is made if it is not there.
    ///
    /// # Errors
    /// If the URL is none, or the database cannot be reached.
    pub(crate) async fn open(service: Role, url: &str) -> Result<Self, DatabaseError> {
        let kind = Kind::of(url).ok_or_else(|| DatabaseError::Url(without_password(url)))?;
        let connection = connect(kind, url)
            .await
            .map_err(|source| DatabaseError::Open { service, source })?;
        Ok(Self {
            kind,
            url: url.into(),
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Which database it is.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// Waits for the connection.
    pub(crate) async fn hold(&self) -> Held {
        Arc::clone(&self.connection).lock_owned().await
    }

    /// Does `work` to its end, even if nobody waits for it any more, so that the connection is never left in the middle
    /// of something; again if a lock was in the way, and on a new connection if the old one broke.
    pub(crate) async fn run<T, F>(
        &self,
        work: impl Fn(Held) -> F + Send + Sync + 'static,
    ) -> Result<T, sqlx::Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, sqlx::Error>> + Send + 'static,
    {
        let this = self.clone();
        let running = tokio::spawn(async move {
            let mut tries = 1;
            loop {
                match work(this.hold().await).await {
                    Err(e) if tries < TRIES && worth_another(&e) => {
                        tries += 1;
                        this.mend(&e).await;
                    }
                    result => return result,
                }
            }
        });
        running
            .await
            .unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed))
    }

    /// Connects again if the connection broke, as when the database server was restarted.
    async fn mend(&self, error: &sqlx::Error) {
        if matches!(error, sqlx::Error::Database(_)) {
            return;
        }
        let mut held = self.hold().await;
        if let Ok(new) = connect(self.kind, &self.url).await {
            *held = new;
        }
    }
}

/// Makes and fills the tables of a service, unless they are there already. Any number may do this at once.
///
/// # Errors
/// If the database cannot be opened or written.
pub async fn prepare(service: Role, url: &str) -> Result<(), DatabaseError> {
    let database = Database::open(service, url).await?;
    prepare_open(service, &database).await
}

/// As [`prepare`], on an open connection.
pub(crate) async fn prepare_open(service: Role, database: &Database) -> Result<(), DatabaseError> {
    let kind = database.kind();
    database
        .run(move |mut held| async move { schema::prepare(service, kind, &mut held).await })
        .await
        .map_err(|source| DatabaseError::Prepare { service, source })
}

/// Connects; again for a while if a lock was in the way: SQLite does not wait for one, whatever its busy time-out, while
/// it makes a new file a WAL database that another opens at the same time.
async fn connect(kind: Kind, url: &str) -> Result<AnyConnection, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut tries = 1;
    loop {
        match connect_once(kind, url).await {
            Err(e) if tries < CONNECT_TRIES && is_locked(&e) => {
                tries += 1;
                tokio::time::sleep(CONNECT_WAIT).await;
            }
            result => return result,
        }
    }
}

async fn connect_once(kind: Kind, url: &str) -> Result<AnyConnection, sqlx::Error> {
    match kind {
        Kind::Postgres => AnyConnection::connect(url).await,
        Kind::Sqlite => {
            let made = if url.contains('?') {
                url.to_owned()
            } else {
                format!("{url}?mode=rwc")
            };
            let mut connection = AnyConnection::connect(&made).await?;
            // Each replica is a process of at most 15 MiB: a small cache, no memory map. A commit survives the death of
            // any process; after a power failure nobody rehearses on.
            for pragma in [
                "PRAGMA busy_timeout = 5000",
                "PRAGMA journal_mode = WAL",
                "PRAGMA synchronous = NORMAL",
                "PRAGMA cache_size = -512",
                "PRAGMA mmap_size = 0",
                "PRAGMA temp_store = MEMORY",
            ] {
                connection.execute(pragma).await?;
            }
            Ok(connection)
        }
    }
}

/// Whether the same may go well the next time: a lock was in the way, or the connection broke.
fn worth_another(error: &sqlx::Error) -> bool {
    is_locked(error) || matches!(error, sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed)
}

/// Whether another's lock was in the way: `SQLITE_BUSY` and `SQLITE_LOCKED` with their extended codes; PostgreSQL's
/// serialization failure and deadlock.
fn is_locked(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|e| e.code());
    code.is_some_and(|code| {
        matches!(
            code.as_ref(),
            "5" | "6" | "261" | "262" | "517" | "518" | "40001" | "40P01"
        )
    })
}

/// A URL as it may be shown.
fn without_password(url: &str) -> String {
    let shown: String = match url.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((_, host)) => format!("{scheme}://…@{host}"),
            None => url.to_owned(),
        },
        None => url.to_owned(),
    };
    shown
        .chars()
        .filter(|c| !c.is_control())
        .take(128)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_never_shown() {
        let shown = DatabaseError::Url(without_password("mysql://me:secret@host/db")).to_string();
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_made_is_the_disk_s_fault_and_a_bad_url_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = format!("sqlite:{}/no/folder", folder.path().display());
        let error = prepare(Role::Auth, &nowhere).await.unwrap_err();
        assert!(error.is_the_disk(), "{error}");
        for url in ["mysql://me@host/db", "postgres://me@127.0.0.1:1/db"] {
            let error = prepare(Role::Auth, url).await.unwrap_err();
            assert!(!error.is_the_disk(), "{error}");
        }
    }

    #[tokio::test]
    async fn many_may_prepare_the_same_database_at_once() {
        let folder = tempfile::tempdir().unwrap();
        for service in [Role::Auth, Role::Catalogue, Role::Order, Role::Payment] {
            let url = format!("sqlite:{}", folder.path().join(service.name()).display());
            let all: Vec<_> = (0..8)
                .map(|_| {
                    let url = url.clone();
                    tokio::spawn(async move { prepare(service, &url).await })
                })
                .collect();
            for one in all {
                one.await.unwrap().unwrap();
            }
        }
    }
}
