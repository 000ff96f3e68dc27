//! One process of the shop, as its parent sees it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{ChildStdin, Command};

use crate::ShopError;
use crate::protocol::{ChildConfig, Listening};

/// How long a process may take from its start to its address.
const START: Duration = Duration::from_secs(20);

/// A running process. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: tokio::process::Child,
    /// Its standard input: it ends when this closes.
    _stdin: ChildStdin,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Child {
    /// Starts `executable serve ROLE`, gives it its configuration and waits until it says where it listens. What it
    /// writes to standard error goes to the end of the file `log`.
    ///
    /// # Errors
    /// If it cannot be started, or ends or keeps silent instead of saying where it listens.
    pub(crate) async fn start(
        executable: &Path,
        config: &ChildConfig,
        log: &Path,
    ) -> Result<Self, ShopError> {
        let log = File::options()
            .append(true)
            .create(true)
            .open(log)
            .map_err(ShopError::io("opening the log of the shop's processes"))?;
        let mut process = Command::new(executable)
            .args(["serve", config.role.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            // A signal from the terminal is for the parent: it drains and ends its children in its own order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(ShopError::io("starting a process of the shop"))?;
        let said = tokio::time::timeout(START, introduce(&mut process, config)).await;
        let (stdin, address) = said.unwrap_or_else(|_| {
            Err(ShopError::Child(format!(
                "{} did not say where it listens",
                config.role
            )))
        })?;
        Ok(Self {
            process,
            _stdin: stdin,
            address,
        })
    }

    /// Its process id, while it lives.
    pub(crate) fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> String {
        match self.process.wait().await {
            Ok(status) => describe(status),
            Err(e) => format!("its end could not be seen: {e}"),
        }
    }

    /// Ends it without a word.
    pub(crate) fn kill(&mut self) {
        // It fails only if the process has ended already.
        self.process.start_kill().ok();
    }

    /// Asks it to finish what it has, and to end.
    pub(crate) fn terminate(&self) {
        if let Some(pid) = self
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
        {
            // It fails only if the process has ended already.
            kill_process(pid, Signal::TERM).ok();
        }
    }
}

/// Sends the configuration and reads the address.
async fn introduce(
    process: &mut tokio::process::Child,
    config: &ChildConfig,
) -> Result<(ChildStdin, SocketAddr), ShopError> {
    let mut stdin = process.stdin.take().expect("its standard input is piped");
    let stdout = process.stdout.take().expect("its standard output is piped");
    let mut line = serde_json::to_vec(config).map_err(|e| ShopError::Config(e.to_string()))?;
    line.push(b'\n');
    stdin.write_all(&line).await.map_err(ShopError::io(
        "giving a process of the shop its configuration",
    ))?;
    let mut said = String::new();
    BufReader::new(stdout)
        .read_line(&mut said)
        .await
        .map_err(ShopError::io("reading where a process of the shop listens"))?;
    let listening: Listening = serde_json::from_str(&said).map_err(|_| {
        ShopError::Child(format!(
            "{} ended before it listened; its log says why",
            config.role
        ))
    })?;
    Ok((stdin, listening.listening))
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown end".into(),
    }
}
