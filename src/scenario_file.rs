//! Finding scenarios and the files they name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use scenarios::{Checked, Engine, Files, ScalingText, Scenario, Set};

use crate::args::ScenarioArgs;
use crate::exit::Failure;
use crate::tuning::manifests::{Changed, Texts};
use crate::{output, variants};

/// The longest scenario file that is read at all, in bytes. The language's own limit is smaller and says so better.
const LONGEST: u64 = 8 << 20;

/// Reads, changes and checks a scenario, and tells what is doubtful about it; then compresses it to the speed.
pub(crate) fn load(args: &ScenarioArgs) -> Result<Scenario, Failure> {
    let checked = read_for(args)?;
    output::remarks(&checked.warnings);
    at_speed(checked.scenario, args)
}

/// The same for the local world: what it cannot do is an error, what it leaves out is told.
pub(crate) fn load_for_local(args: &ScenarioArgs) -> Result<Scenario, Failure> {
    let checked = read_for(args)?;
    if !checked.beyond_local.is_empty() {
        return Err(Failure::usage(anyhow::anyhow!(
            "{}the local world cannot run this scenario, nothing was started",
            checked.beyond_local.told("error")
        )));
    }
    output::remarks(&checked.warnings.and(checked.left_out));
    at_speed(checked.scenario, args)
}

fn read_for(args: &ScenarioArgs) -> Result<Checked, Failure> {
    let mut sets = args.sets.clone();
    sets.extend(args.seed.map(|seed| format!("seed={seed}")));
    let mut sets = parsed(&sets)?;
    let checked = read_with(&args.scenario, &sets)?;
    let Some(policy) = &args.policy else {
        return Ok(checked);
    };
    let variant = variants::policy(policy)?;
    if variant.is_oracle() {
        let text = "a run cannot know its future: the oracle is for `simulate` and `compare`";
        return Err(Failure::usage(anyhow::anyhow!(text)));
    }
    sets.extend(variant.sets(&checked.scenario)?);
    read_with(&args.scenario, &sets)
}

fn at_speed(scenario: Scenario, args: &ScenarioArgs) -> Result<Scenario, Failure> {
    scenario.at_speed(args.speed).map_err(Failure::usage)
}

/// Reads, changes and checks a scenario of the library or a file.
pub(crate) fn read(name: &str, sets: &[String]) -> Result<Checked, Failure> {
    read_with(name, &parsed(sets)?)
}

/// What `--set` says.
pub(crate) fn parsed(sets: &[String]) -> Result<Vec<Set>, Failure> {
    Set::parse_all(sets).map_err(Failure::usage)
}

/// As [`read`], with values that were looked at already.
pub(crate) fn read_with(name: &str, sets: &[Set]) -> Result<Checked, Failure> {
    open(name)?.checked(sets, &Texts::new())
}

/// A scenario's text, to be read with these or those changes.
pub(crate) struct Opened {
    shown: String,
    text: Vec<u8>,
    folder: Option<PathBuf>,
}

/// Opens a scenario of the library or a file.
pub(crate) fn open(name: &str) -> Result<Opened, Failure> {
    let (shown, text, folder) = find(name)?;
    Ok(Opened {
        shown,
        text,
        folder,
    })
}

impl Opened {
    /// The scenario with values changed, and some of its files with other texts.
    pub(crate) fn checked(&self, sets: &[Set], texts: &Texts) -> Result<Checked, Failure> {
        let files = Changed {
            files: Folder(self.folder.clone()),
            texts,
        };
        Scenario::checked(&self.shown, &self.text, &files, sets).map_err(Failure::usage)
    }

    /// How its services scale, as it is written.
    pub(crate) fn scaling(&self, sets: &[Set]) -> Result<ScalingText, Failure> {
        ScalingText::read(&self.shown, &self.text, sets).map_err(Failure::usage)
    }

    /// The text of a file that it names.
    pub(crate) fn file(&self, name: &str) -> Result<String, Failure> {
        let mut text = String::new();
        let opened = Folder(self.folder.clone()).open(name);
        opened
            .and_then(|file| file.take(LONGEST).read_to_string(&mut text))
            .map_err(|e| Failure::usage(anyhow::anyhow!("cannot read {name}: {e}")))?;
        Ok(text)
    }
}

/// The `scaling:` part of a file.
pub(crate) fn scaling_of(name: &str) -> Result<Set, Failure> {
    let text = policy_text(name)?;
    Set::scaling(name, text.as_bytes()).map_err(Failure::usage)
}

/// Reads and checks what the engine drives; manifests that it names stand beside it.
pub(crate) fn engine(path: &Path) -> Result<Engine, Failure> {
    let name = path.display().to_string();
    let text = read_file(path).map_err(|e| {
        let why = match e.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => e.to_string(),
        };
        Failure::usage(anyhow::anyhow!("cannot read the engine {name}: {why}"))
    })?;
    Engine::read(&name, &text, &Folder(folder_of(path))).map_err(Failure::usage)
}

/// The folder that a file stands in.
fn folder_of(path: &Path) -> Option<PathBuf> {
    let folder = path.parent()?;
    Some(if folder.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        folder.to_path_buf()
    })
}

/// The text of a file with a policy.
pub(crate) fn policy_text(name: &str) -> Result<String, Failure> {
    let cannot =
        |why: String| Failure::usage(anyhow::anyhow!("cannot read the policy {name}: {why}"));
    let text = read_file(Path::new(name)).map_err(|e| {
        cannot(match e.kind() {
            io::ErrorKind::NotFound => "there is no such file".to_owned(),
            _ => e.to_string(),
        })
    })?;
    String::from_utf8(text).map_err(|_| cannot("it is not UTF-8".to_owned()))
}

/// The text of an autoscaler's manifest.
pub(crate) fn manifest(file: &Path) -> Result<String, Failure> {
    let text = read_file(file).map_err(anyhow::Error::new);
    let text = text.and_then(|bytes| Ok(String::from_utf8(bytes)?));
    text.map_err(|e| {
        let what = format!("cannot read {}", file.display());
        Failure::usage(e.context(what))
    })
}

/// A scenario's name for people, its text, and the folder it stands in.
fn find(name: &str) -> Result<(String, Vec<u8>, Option<PathBuf>), Failure> {
    if let Some(text) = scenarios::library_scenario(name) {
        return Ok((format!("{name}.yaml"), text.as_bytes().to_vec(), None));
    }
    let path = Path::new(name);
    let looks_like_a_file =
        path.extension().is_some() || name.contains(std::path::MAIN_SEPARATOR) || path.exists();
    if !looks_like_a_file {
        return Err(Failure::usage(unknown(name)));
    }
    let text = read_file(path).map_err(|e| Failure::usage(unreadable(name, &e)))?;
    Ok((name.to_owned(), text, folder_of(path)))
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let file = open_file(path)?;
    let mut text = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other(format!(
            "it is larger than {} MiB",
            LONGEST >> 20
        )));
    }
    Ok(text)
}

/// Opens a file and nothing else: a pipe would wait for its writer, a device may never end.
fn open_file(path: &Path) -> io::Result<File> {
    // Even opening a pipe waits, unless it is told not to.
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(i32::try_from(flags).unwrap_or(0))
        .open(path)?;
    let kind = file.metadata()?.file_type();
    let what = match kind {
        kind if kind.is_file() => return Ok(file),
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "something else",
    };
    Err(io::Error::other(format!("it is {what}, not a file")))
}

fn unreadable(name: &str, error: &io::Error) -> anyhow::Error {
    if error.kind() == io::ErrorKind::NotFound {
        anyhow::anyhow!(
            "there is no file {name}\n  = to write one to begin with: rushhour scenario new {name}"
        )
    } else {
        anyhow::anyhow!("cannot read the scenario {name}: {error}")
    }
}

/// What is said of a name that is no scenario's.
pub(crate) fn unknown(name: &str) -> anyhow::Error {
    let names: Vec<&str> = scenarios::library().iter().map(|(name, _)| *name).collect();
    let like = scenarios::library_like(name)
        .map_or_else(String::new, |like| format!(": did you mean `{like}`?"));
    anyhow::anyhow!(
        "there is no scenario `{name}`, neither in the library nor as a file{like}\n  = the library has: {}\n  \
         = to write your own: rushhour scenario new my-sale.yaml",
        names.join(", ")
    )
}

/// The folder that a scenario's files are looked for in; the library has none.
struct Folder(Option<PathBuf>);

impl Files for Folder {
    fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
        let folder = self.0.as_ref().ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotFound,
                "scenarios of the library have no files",
            )
        })?;
        let folder = fs::canonicalize(folder)?;
        let path = fs::canonicalize(folder.join(name))?;
        // A link may lead out of the folder, whatever its name looks like.
        if !path.starts_with(&folder) {
            return Err(io::Error::other("it is outside the scenario's folder"));
        }
        Ok(Box::new(open_file(&path)?))
    }
}
