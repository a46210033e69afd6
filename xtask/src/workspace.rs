//! The workspace as `cargo metadata` describes it: the packages, their features, targets and dependencies.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::process::Process;

/// What a dependency is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DependencyKind {
    Normal,
    Build,
    Dev,
}

/// One line of a manifest's dependency tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: DependencyKind,
}

/// A library, binary, test or bench of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) name: String,
    pub(crate) kind: String,
}

/// One package, of ours or of others.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest: PathBuf,
    pub(crate) rust_version: Option<String>,
    pub(crate) features: Vec<String>,
    pub(crate) targets: Vec<Target>,
    pub(crate) dependencies: Vec<Dependency>,
    /// Whether it is one of ours: a registry package has a source, a member has none.
    pub(crate) is_member: bool,
}

impl Package {
    pub(crate) fn has_target(&self, kind: &str, name: &str) -> bool {
        self.targets
            .iter()
            .any(|target| target.kind == kind && target.name == name)
    }

    pub(crate) fn has_kind(&self, kind: &str) -> bool {
        self.targets.iter().any(|target| target.kind == kind)
    }
}

/// Makes the top of the workspace the current directory, so that every path in this tool is relative to it.
///
/// Asked of cargo at run time, not baked in when this tool was compiled: two checkouts may share a target directory.
pub(crate) fn enter_root() -> Outcome {
    let manifest = Process::cargo("locate-project --workspace --message-format plain").stdout()?;
    let root = Path::new(manifest.trim())
        .parent()
        .unwrap_or(Path::new("."));
    std::env::set_current_dir(root)
        .map_err(|error| Failure::failed(format!("cannot enter {}: {error}", root.display())))
}

/// The members of the workspace. Needs no network.
pub(crate) fn members() -> Outcome<Vec<Package>> {
    parse(&Process::cargo("metadata --format-version 1 --no-deps --locked").stdout()?)
}

/// Every package of the lock file, ours and others', on every platform.
pub(crate) fn packages() -> Outcome<Vec<Package>> {
    parse(&Process::cargo("metadata --format-version 1 --all-features --locked").stdout()?)
}

/// The member of that name.
pub(crate) fn member(name: &str) -> Outcome<Package> {
    let found = members()?.into_iter().find(|package| package.name == name);
    found.ok_or_else(|| Failure::failed(format!("the workspace has no package `{name}`")))
}

/// Where cargo puts what it builds, whatever the environment and the configuration say about that.
pub(crate) fn target_directory() -> Outcome<PathBuf> {
    let json = Process::cargo("metadata --format-version 1 --no-deps --locked").stdout()?;
    Ok(PathBuf::from(text(&read(&json)?, "target_directory")?))
}

fn read(json: &str) -> Outcome<Value> {
    serde_json::from_str(json)
        .map_err(|error| Failure::failed(format!("`cargo metadata` printed no JSON: {error}")))
}

fn parse(json: &str) -> Outcome<Vec<Package>> {
    let metadata = read(json)?;
    list(&metadata, "packages").iter().map(package).collect()
}

fn package(value: &Value) -> Outcome<Package> {
    let dependencies = list(value, "dependencies").iter().map(|dependency| {
        let kind = match dependency["kind"].as_str() {
            Some("dev") => DependencyKind::Dev,
            Some("build") => DependencyKind::Build,
            _ => DependencyKind::Normal,
        };
        Ok(Dependency {
            name: text(dependency, "name")?,
            kind,
        })
    });
    let targets = list(value, "targets").iter().map(|target| {
        // A target may have several kinds (`lib` and `cdylib`); the first is the one that matters here.
        let kind = list(target, "kind")
            .first()
            .and_then(Value::as_str)
            .unwrap_or_default();
        Ok(Target {
            name: text(target, "name")?,
            kind: kind.to_owned(),
        })
    });
    let features = value["features"]
        .as_object()
        .map(|map| map.keys().cloned().collect());
    Ok(Package {
        name: text(value, "name")?,
        version: text(value, "version")?,
        manifest: PathBuf::from(text(value, "manifest_path")?),
        rust_version: value["rust_version"].as_str().map(str::to_owned),
        features: features.unwrap_or_default(),
        targets: targets.collect::<Outcome<_>>()?,
        dependencies: dependencies.collect::<Outcome<_>>()?,
        is_member: value["source"].is_null(),
    })
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value, key: &str) -> Outcome<String> {
    let found = value[key].as_str().map(str::to_owned);
    found.ok_or_else(|| {
        Failure::failed(format!(
            "`cargo metadata` printed something without `{key}`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_read_into_packages() {
        let json = r#"{"packages": [{
            "name": "a", "version": "0.1.0", "manifest_path": "a/Cargo.toml", "source": null, "rust_version": "1.88",
            "features": {"default": [], "json": ["dep:b"]},
            "targets": [{"name": "a", "kind": ["lib"]}, {"name": "worker", "kind": ["bin"]}],
            "dependencies": [{"name": "b", "kind": null}, {"name": "c", "kind": "dev"}, {"name": "d", "kind": "build"}]
        }]}"#;
        let packages = parse(json).unwrap();
        let package = &packages[0];
        assert!(package.is_member);
        assert_eq!(package.features, ["default", "json"]);
        assert!(
            package.has_target("bin", "worker")
                && package.has_kind("lib")
                && !package.has_kind("bench")
        );
        let kinds: Vec<_> = package
            .dependencies
            .iter()
            .map(|dependency| dependency.kind)
            .collect();
        assert_eq!(
            kinds,
            [
                DependencyKind::Normal,
                DependencyKind::Dev,
                DependencyKind::Build
            ]
        );
    }

    #[test]
    fn a_package_without_a_name_is_an_error_not_a_panic() {
        assert!(parse(r#"{"packages": [{}]}"#).is_err());
        assert!(parse("not json").is_err());
    }
}
