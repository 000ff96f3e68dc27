//! A counter from a page of Prometheus text.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long the page may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// The largest page that is read, in bytes.
const LARGEST: u64 = 4 << 20;

/// Where a counter is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Source {
    address: String,
    path: String,
    name: String,
}

impl Source {
    /// The counter `name` of the page at `url`, such as `http://127.0.0.1:9090/metrics`.
    pub(crate) fn new(url: &str, name: &str) -> anyhow::Result<Self> {
        let rule = "the page of a target's CPU time is `http://HOST:PORT/PATH`";
        let rest = url
            .strip_prefix("http://")
            .ok_or_else(|| anyhow!("`{url}` does not begin with http://\n  = {rule}"))?;
        let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
        let good = |c: char| c.is_ascii_graphic() && !"@ ".contains(c);
        if address.is_empty() || !rest.chars().all(good) {
            bail!("`{url}` has no host, or something in it that cannot be asked for\n  = {rule}");
        }
        let has_port = address
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Ok(Self {
            address: if has_port {
                address.to_owned()
            } else {
                format!("{address}:80")
            },
            path: format!("/{path}"),
            name: name.to_owned(),
        })
    }

    /// The counter now, the sum over its labels.
    pub(crate) async fn read(&self) -> anyhow::Result<f64> {
        let asked = tokio::time::timeout(PATIENCE, self.ask()).await;
        let page = asked
            .map_err(|_| anyhow!("no answer within {PATIENCE:?}"))
            .and_then(|page| page);
        page.and_then(|page| counter(&page, &self.name))
            .with_context(|| {
                format!(
                    "reading {} from http://{}{}",
                    self.name, self.address, self.path
                )
            })
    }

    async fn ask(&self) -> anyhow::Result<String> {
        let mut stream = TcpStream::connect(&self.address).await?;
        // In HTTP/1.0 an answer ends with its connection: there is nothing to be put together.
        let request = format!(
            "GET {} HTTP/1.0\r\nHost: {}\r\nAccept: text/plain\r\nConnection: close\r\n\r\n",
            self.path, self.address
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(LARGEST).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .ok_or_else(|| anyhow!("the answer is not HTTP"))?;
        let status = head.split_whitespace().nth(1).unwrap_or("none");
        if status != "200" {
            bail!(
                "the answer's status is {}",
                reports::words::terminal(&status.chars().take(20).collect::<String>())
            );
        }
        Ok(body.to_owned())
    }
}

/// The sum of a counter over its labels.
fn counter(page: &str, name: &str) -> anyhow::Result<f64> {
    let value = |line: &str| -> Option<f64> {
        let rest = line.strip_prefix(name)?;
        let rest = match rest.strip_prefix('{') {
            Some(labelled) => labelled.rsplit_once('}')?.1,
            None => rest.strip_prefix([' ', '\t'])?,
        };
        rest.split_whitespace().next()?.parse().ok()
    };
    let values: Vec<f64> = page
        .lines()
        .filter_map(value)
        .filter(|v| v.is_finite())
        .collect();
    if values.is_empty() {
        bail!("there is no counter `{name}` on the page");
    }
    Ok(values.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_summed_over_its_labels() {
        let page = "# HELP cpu_total x\n# TYPE cpu_total counter\ncpu_total{core=\"0 } 7\"} 1.5\ncpu_total{core=\"1\"} 2 1700000\ncpu_total_max 9\ncpu_total NaN\n";
        assert_eq!(counter(page, "cpu_total").expect("it is there"), 3.5);
        assert_eq!(
            counter("cpu_total 4e1", "cpu_total").expect("it is there"),
            40.0
        );
        assert!(counter(page, "mem_total").is_err());
        assert!(counter("cpu_total{x=\"1\" 3", "cpu_total").is_err());
    }

    #[test]
    fn a_source_is_a_url() {
        let source = Source::new("http://shop.test/metrics?x=1", "cpu").expect("good");
        assert_eq!(
            (source.address.as_str(), source.path.as_str()),
            ("shop.test:80", "/metrics?x=1")
        );
        let source = Source::new("http://[::1]:9090", "cpu").expect("good");
        assert_eq!(
            (source.address.as_str(), source.path.as_str()),
            ("[::1]:9090", "/")
        );
        for bad in [
            "https://a/",
            "a:90/metrics",
            "http://",
            "http:///x",
            "http://a b/",
            "http://a/\r\nX: y",
            "http://me@a/",
        ] {
            assert!(Source::new(bad, "cpu").is_err(), "{bad}");
        }
    }
}
