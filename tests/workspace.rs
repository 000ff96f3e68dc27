//! The shape of the workspace: who may depend on whom.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each folder and the folders it may use. ARCHITECTURE.md has the same table in words.
const MAY_USE: &[(&str, &[&str])] = &[
    ("metrics", &[]),
    ("scenarios", &["metrics", "scaler"]),
    ("scaler", &["metrics"]),
    ("routing", &["metrics", "scenarios"]),
    ("simulator", &["metrics", "scenarios", "scaler", "routing"]),
    ("pacer", &[]),
    ("loadgen", &["metrics", "scenarios", "pacer"]),
    (
        "shop",
        &["metrics", "scenarios", "scaler", "routing", "pacer"],
    ),
    ("reports", &["metrics", "scaler"]),
    (
        "rushhour",
        &[
            "metrics",
            "scenarios",
            "scaler",
            "routing",
            "simulator",
            "pacer",
            "loadgen",
            "shop",
            "reports",
        ],
    ),
];

/// Crates without input, output, threads or clocks.
const PURE: &[&str] = &["metrics", "scenarios", "scaler", "routing", "simulator"];

/// What a pure crate may not reach, however far down.
const IMPURE: &[&str] = &[
    "tokio",
    "mio",
    "socket2",
    "hyper",
    "reqwest",
    "axum",
    "sqlx",
    "async-std",
    "smol",
];

/// Dependencies that only one folder may have.
const ONLY_IN: &[(&str, &str)] = &[
    ("plotters", "reports"),
    ("kube", "cluster"),
    ("sqlx", "shop"),
];

/// What was resolved for this platform: what others would need is not downloaded.
fn cargo_metadata() -> Value {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON")
}

/// Package id → (name, ids of its normal and build dependencies).
fn graph(metadata: &Value) -> BTreeMap<String, (String, Vec<String>)> {
    let names: BTreeMap<&str, &str> = metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|p| {
            (
                p["id"].as_str().expect("id"),
                p["name"].as_str().expect("name"),
            )
        })
        .collect();
    let is_kept = |dep: &Value| {
        dep["dep_kinds"]
            .as_array()
            .expect("kinds")
            .iter()
            .any(|k| k["kind"].as_str() != Some("dev"))
    };
    metadata["resolve"]["nodes"]
        .as_array()
        .expect("nodes")
        .iter()
        .map(|node| {
            let id = node["id"].as_str().expect("id");
            let deps = node["deps"]
                .as_array()
                .expect("deps")
                .iter()
                .filter(|d| is_kept(d));
            let deps = deps
                .map(|d| d["pkg"].as_str().expect("pkg").to_owned())
                .collect();
            (id.to_owned(), (names[id].to_owned(), deps))
        })
        .collect()
}

fn members(metadata: &Value) -> BTreeSet<String> {
    let ids = metadata["workspace_members"].as_array().expect("members");
    ids.iter()
        .map(|id| id.as_str().expect("id").to_owned())
        .collect()
}

#[test]
fn folders_use_only_the_folders_they_may() {
    let metadata = cargo_metadata();
    let (graph, members) = (graph(&metadata), members(&metadata));
    let may_use: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    for id in &members {
        let (name, deps) = &graph[id];
        let allowed = may_use.get(name.as_str());
        let allowed = allowed.unwrap_or_else(|| panic!("`{name}` is not in the table of folders"));
        for dep in deps.iter().filter(|dep| members.contains(*dep)) {
            let dep = &graph[dep].0;
            assert!(
                allowed.contains(&dep.as_str()),
                "`{name}` may not use `{dep}`: see ARCHITECTURE.md"
            );
        }
    }
}

#[test]
fn pure_crates_reach_nothing_impure() {
    let graph = graph(&cargo_metadata());
    for (id, (name, _)) in graph
        .iter()
        .filter(|(_, (name, _))| PURE.contains(&name.as_str()))
    {
        let (mut todo, mut seen) = (vec![id], BTreeSet::new());
        while let Some(id) = todo.pop() {
            if seen.insert(id) {
                let (dep, deps) = &graph[id];
                assert!(
                    !IMPURE.contains(&dep.as_str()),
                    "the pure crate `{name}` reaches `{dep}`"
                );
                todo.extend(deps);
            }
        }
    }
}

#[test]
fn some_dependencies_stay_in_one_folder() {
    let metadata = cargo_metadata();
    let (graph, members) = (graph(&metadata), members(&metadata));
    for id in &members {
        let (name, deps) = &graph[id];
        for dep in deps.iter().map(|dep| graph[dep].0.as_str()) {
            for (only, folder) in ONLY_IN {
                assert!(
                    dep != *only || name == folder,
                    "`{only}` belongs in `{folder}`, not in `{name}`"
                );
            }
        }
    }
}
