//! The databases of one run: made before it, audited after it, and removed with it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use scenarios::Scenario;
use sqlx::{AssertSqlSafe, Executor as _};

use super::{Database, DatabaseError, Kind, prepare, without_password};
use crate::audit::{AuditFindings, Books, audit};
use crate::protocol::Role;
use crate::{Clock, ShopError};

/// The databases of one run, one for each service that has any state.
#[derive(Debug)]
pub struct Databases {
    urls: BTreeMap<String, String>,
    made: Vec<Made>,
}

/// What has to go with the run.
#[derive(Debug)]
enum Made {
    File(PathBuf),
    /// A schema of the database at this URL.
    Schema {
        role: Role,
        url: String,
        name: String,
    },
}

impl Databases {
    /// Makes `folder` and a filled database for each of the scenario's services that needs one: files there, or, if there is
    /// a `url`, schemas of the PostgreSQL database there, of names that no other run has.
    ///
    /// # Errors
    /// If the folder cannot be made, holds databases already, or a database cannot be written.
    pub async fn prepare(
        scenario: &Scenario,
        folder: &Path,
        url: Option<&str>,
    ) -> Result<Self, ShopError> {
        Self::of(scenario.services.keys(), folder, url).await
    }

    /// The databases of these services.
    pub(crate) async fn of(
        services: impl Iterator<Item = &String>,
        folder: &Path,
        url: Option<&str>,
    ) -> Result<Self, ShopError> {
        let mut databases = Self {
            urls: BTreeMap::new(),
            made: Vec::new(),
        };
        match databases.make_all(services, folder, url).await {
            Ok(()) => Ok(databases),
            Err(e) => {
                // The first error is the one to tell.
                databases.remove().await.ok();
                Err(e)
            }
        }
    }

    async fn make_all(
        &mut self,
        services: impl Iterator<Item = &String>,
        folder: &Path,
        url: Option<&str>,
    ) -> Result<(), ShopError> {
        std::fs::create_dir_all(folder)
            .map_err(ShopError::io("making the folder for the databases"))?;
        let with_state = services
            .map(|service| (service, Role::of_service(service)))
            .filter(|(_, role)| *role != Role::Service);
        for (service, role) in with_state {
            let own = match url {
                None => self.file(folder, role)?,
                Some(url) => self.schema(role, url).await?,
            };
            prepare(role, &own).await?;
            self.urls.insert(service.clone(), own);
        }
        Ok(())
    }

    fn file(&mut self, folder: &Path, role: Role) -> Result<String, ShopError> {
        let path = folder.join(format!("{role}.sqlite"));
        let shown = path.display().to_string();
        if path.exists() {
            return Err(DatabaseError::Exists(shown).into());
        }
        let url = path
            .to_str()
            .map(|path| format!("sqlite:{}", encode(path)))
            .ok_or(DatabaseError::Url(shown))?;
        self.made.push(Made::File(path));
        Ok(url)
    }

    async fn schema(&mut self, role: Role, url: &str) -> Result<String, ShopError> {
        if Kind::of(url) != Some(Kind::Postgres) {
            return Err(DatabaseError::NotPostgres(without_password(url)).into());
        }
        let database = Database::open(role, url).await?;
        let now = Clock::start().now().as_nanos();
        let name = format!("rushhour_{role}_{now:x}_{:x}", std::process::id());
        // The name is made of a word of ours and digits.
        let create = AssertSqlSafe(format!("CREATE SCHEMA {name}"));
        database
            .hold()
            .await
            .execute(create)
            .await
            .map_err(|source| DatabaseError::Prepare {
                service: role,
                source,
            })?;
        let separator = if url.contains('?') { '&' } else { '?' };
        let own = format!("{url}{separator}options=-c%20search_path%3D{name}");
        self.made.push(Made::Schema {
            role,
            url: url.to_owned(),
            name,
        });
        Ok(own)
    }

    /// Each service's database.
    #[must_use]
    pub const fn urls(&self) -> &BTreeMap<String, String> {
        &self.urls
    }

    /// Audits the run: see [`audit`]. Its replicas must have ended. A scenario without orders or payments has nothing to audit.
    ///
    /// # Errors
    /// If a database cannot be opened, read or written.
    pub async fn audit(&self, acknowledged: &BTreeSet<String>) -> Result<AuditFindings, ShopError> {
        let url = |role: Role| self.urls.get(role.name()).cloned();
        let (Some(order), Some(payment)) = (url(Role::Order), url(Role::Payment)) else {
            return Ok(AuditFindings {
                acknowledged: acknowledged.len() as u64,
                ..AuditFindings::default()
            });
        };
        Ok(audit(&Books { order, payment }, acknowledged).await?)
    }

    /// Removes all that [`Databases::prepare`] has made.
    ///
    /// # Errors
    /// If something cannot be removed; the rest is all the same.
    pub async fn remove(self) -> Result<(), ShopError> {
        let mut result = Ok(());
        for made in self.made {
            let removed = match made {
                Made::File(path) => remove_file(&path),
                Made::Schema { role, url, name } => drop_schema(role, &url, &name).await,
            };
            result = result.and(removed);
        }
        result
    }
}

/// Removes a SQLite database: its file and what belongs to it.
fn remove_file(path: &Path) -> Result<(), ShopError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(ShopError::io("removing a database")(e));
            }
            _ => {}
        }
    }
    Ok(())
}

async fn drop_schema(service: Role, url: &str, name: &str) -> Result<(), ShopError> {
    let database = Database::open(service, url).await?;
    let drop_all = AssertSqlSafe(format!("DROP SCHEMA {name} CASCADE"));
    let mut held = database.hold().await;
    held.execute(drop_all)
        .await
        .map_err(|source| DatabaseError::Prepare { service, source })?;
    Ok(())
}

/// A path as it stands in a URL.
fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for c in path.chars() {
        match c {
            '%' => encoded.push_str("%25"),
            '?' => encoded.push_str("%3F"),
            '#' => encoded.push_str("%23"),
            c => encoded.push(c),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> [String; 3] {
        ["order", "payment", "till"].map(str::to_owned)
    }

    #[tokio::test]
    async fn a_runs_databases_come_and_go_and_no_other_runs_are_touched() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("100%?#run");
        let databases = Databases::of(services().iter(), &own, None).await.unwrap();
        assert!(
            databases.urls().keys().eq(["order", "payment"]),
            "a till has no state"
        );
        assert!(own.join("order.sqlite").exists());
        let again = Databases::of(services().iter(), &own, None)
            .await
            .unwrap_err()
            .to_string();
        assert!(again.contains("order.sqlite is there already"), "{again}");
        assert!(
            own.join("order.sqlite").exists(),
            "what was there is not ours to remove"
        );
        let found = databases.audit(&BTreeSet::new()).await.unwrap();
        assert_eq!(found, AuditFindings::default());
        databases.remove().await.unwrap();
        assert_eq!(std::fs::read_dir(&own).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn only_postgres_may_be_given() {
        let folder = tempfile::tempdir().unwrap();
        for url in ["mysql://a:b@c/d", "sqlite:/tmp/x", "nonsense"] {
            let wrong = Databases::of(services().iter(), folder.path(), Some(url)).await;
            let wrong = wrong.unwrap_err().to_string();
            assert!(
                wrong.contains("postgres://") && !wrong.contains("a:b"),
                "{wrong}"
            );
        }
    }
}
