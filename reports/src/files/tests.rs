use super::*;
use crate::sample::{self, Kind};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn all_files_are_there_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let record = sample::record(Kind::Failed);
    let written = write_all(folder.path(), &record, &Analysis::of(&record));
    assert!(written.errors.is_empty(), "{:?}", written.errors);
    let meant = [
        "hero.svg",
        "junit.xml",
        "latency.hlog",
        "report.html",
        "report.json",
        "summary.md",
    ];
    assert_eq!(names(folder.path()), meant);
}

#[test]
fn one_that_fails_names_its_path_and_keeps_no_other_away() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("report.json/inside")).unwrap();
    let record = sample::record(Kind::Failed);
    let written = write_all(folder.path(), &record, &Analysis::of(&record));
    assert_eq!((written.files.len(), written.errors.len()), (5, 1));
    assert!(
        written.errors[0]
            .to_string()
            .contains("report.json: cannot be written")
    );
    assert_eq!(names(folder.path()).len(), 6, "no temporary file is left");
}

#[test]
fn an_old_file_stays_whole_when_the_new_one_fails() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.json");
    fs::write(&path, "old").unwrap();
    let full = |to: &mut dyn Write| {
        to.write_all(b"half of the n")?;
        Err(io::Error::from(io::ErrorKind::StorageFull))
    };
    assert!(write(&path, full).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "old");
    assert_eq!(names(folder.path()), ["report.json"]);
}

#[test]
fn a_link_is_replaced_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let (link, target) = (folder.path().join("a"), folder.path().join("b"));
    fs::write(&target, "mine").unwrap();
    std::os::unix::fs::symlink(&target, &link).unwrap();
    write(&link, |to| to.write_all(b"new")).unwrap();
    assert_eq!(fs::read_to_string(&target).unwrap(), "mine");
    assert_eq!(fs::read_to_string(&link).unwrap(), "new");
}

#[test]
fn hostile_names_break_out_of_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let record = sample::hostile();
    let run = Analysis::of(&record);
    assert!(write_all(folder.path(), &record, &run).errors.is_empty());
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    let junit = read("junit.xml");
    assert!(
        !junit.contains("<script>") && !junit.contains('\u{1b}'),
        "{junit}"
    );
    quick_junit::Report::deserialize(junit.as_bytes()).unwrap();
    let markdown = read("summary.md");
    assert!(
        !markdown.contains("<script>") || markdown.contains("```sh\n</script>"),
        "{markdown}"
    );
    assert!(!markdown.contains('\u{1b}') && !markdown.contains('\u{202e}'));
    let rows: Vec<&str> = markdown
        .lines()
        .filter(|l| l.starts_with("| FAIL"))
        .collect();
    for row in &rows {
        let bars = row.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 6, "{row}");
    }
    assert!(!rows.is_empty());
    let html = read("report.html");
    assert!(!html.contains("<script>alert") && !html.contains('\u{1b}'));
    let json: crate::json::Report = serde_json::from_str(&read("report.json")).unwrap();
    assert_eq!(json.analysis, run);
    let terminal = crate::terminal::summary(&run, None, 100, crate::terminal::Style::Plain);
    assert!(
        !terminal.chars().any(|c| c.is_control() && c != '\n'),
        "{terminal:?}"
    );
}
