//! What is to be done, before anything is.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;
use metrics::Grid;
use pacer::Mode;
use scenarios::Scenario;

/// A run of load: what, against whom, and with what means.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The scenario, already at its speed.
    pub scenario: Arc<Scenario>,
    /// Who is asked.
    pub target: Target,
    /// Where the windows lie. Its start is the instant of the scenario's time 0.
    pub grid: Grid,
    /// The run, as its requests' `traceparent` carries it.
    pub run: u32,
    /// Threads, each on a core of its own if it can: one suffices for some thousand requests a second.
    pub workers: u32,
    /// The most connections that each worker has. Requests beyond wait in a queue, and that is counted.
    pub connections: u32,
    /// How exactly requests are sent on time.
    pub pacing: Mode,
    /// A request that is not answered so long after it was due has timed out.
    pub time_limit: Duration,
    /// How long open requests may take after the end.
    pub drain: Duration,
    /// Variables whose values are told whenever a served answer brings a new one.
    pub collect: BTreeSet<String>,
    /// The host that the user says is theirs to load. Needed for every target that is not on this machine.
    pub owned: Option<String>,
    /// What a target that is not on this machine is spared.
    pub caps: Caps,
}

/// What a target that is not on this machine is spared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Caps {
    /// The most arrivals in any one second.
    pub rate: u64,
    /// The longest run.
    pub duration: Duration,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            rate: 500,
            duration: Duration::from_secs(3600),
        }
    }
}

impl Plan {
    /// A plan with the usual means: one worker, 1,024 connections, balanced pacing, a limit of 10 s, 5 s to drain.
    #[must_use]
    pub fn new(scenario: Arc<Scenario>, target: Target) -> Self {
        Self {
            grid: Grid::of_run(scenario.starts, scenario.duration, scenario.control.period),
            scenario,
            target,
            run: 1,
            workers: 1,
            connections: 1024,
            pacing: Mode::Balanced,
            time_limit: Duration::from_secs(10),
            drain: Duration::from_secs(5),
            collect: BTreeSet::new(),
            owned: None,
            caps: Caps::default(),
        }
    }
}

/// A base URL: pages' paths are put behind it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The host: a name or an address, without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// What stands before every path, without a slash at its end.
    pub(crate) prefix: String,
    /// The `Host` header.
    pub(crate) authority: String,
}

/// A text that is no base URL of ours.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TargetError {
    /// It is no URL with a host.
    #[error("`{0}` is not a URL such as http://127.0.0.1:8080")]
    NotAUrl(String),
    /// It asks for TLS.
    #[error(
        "`{0}` asks for TLS, which is not supported yet: use http://, or put a proxy that ends TLS in between"
    )]
    Tls(String),
    /// It asks for another protocol.
    #[error("`{0}` is not an http:// URL")]
    NotHttp(String),
    /// It has a part that a base URL cannot have.
    #[error("`{url}` has {what}, which a base URL cannot have")]
    Extra {
        /// The text.
        url: String,
        /// The part.
        what: &'static str,
    },
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let not_a_url = || TargetError::NotAUrl(text.chars().take(200).collect());
        let uri: Uri = text.trim().parse().map_err(|_| not_a_url())?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(TargetError::Tls(text.into())),
            Some(_) => return Err(TargetError::NotHttp(text.into())),
            None => return Err(not_a_url()),
        }
        let authority = uri.authority().ok_or_else(not_a_url)?;
        let extra = |what| TargetError::Extra {
            url: text.into(),
            what,
        };
        if authority.as_str().contains('@') {
            return Err(extra("a user name"));
        }
        if uri.query().is_some() {
            return Err(extra("a query"));
        }
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(not_a_url());
        }
        Ok(Self {
            host,
            port: authority.port_u16().unwrap_or(80),
            prefix: uri.path().trim_end_matches('/').into(),
            authority: authority.as_str().into(),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.authority, self.prefix)
    }
}

/// Whether an address is on this machine.
pub(crate) fn is_here(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_base_url() {
        let t: Target = "http://127.0.0.1:8080/shop/".parse().unwrap();
        assert_eq!((t.host.as_str(), t.port), ("127.0.0.1", 8080));
        assert_eq!(t.prefix, "/shop");
        assert_eq!(t.to_string(), "http://127.0.0.1:8080/shop");
        let t: Target = "http://[::1]".parse().unwrap();
        assert_eq!((t.host.as_str(), t.port), ("::1", 80));
        assert_eq!(t.prefix, "");
    }

    #[test]
    fn what_is_no_target_says_why() {
        for (text, needle) in [
            ("https://example.com", "TLS"),
            ("ftp://example.com", "not an http://"),
            ("example.com", "not a URL"),
            ("", "not a URL"),
            ("http://", "not a URL"),
            ("http://a b/", "not a URL"),
            ("http://me:secret@host/", "user name"),
            ("http://host/?x=1", "a query"),
            ("/only/a/path", "not a URL"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(needle), "{text}: {error}");
        }
    }

    #[test]
    fn only_loopback_is_here() {
        for (address, here) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("0.0.0.0", false),
            ("10.0.0.1", false),
            ("8.8.8.8", false),
        ] {
            assert_eq!(is_here(address.parse().unwrap()), here, "{address}");
        }
    }
}
