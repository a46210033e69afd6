//! Kafka's jars from a Maven repository: the broker and its tools, with all they depend on.

use std::path::{Path, PathBuf};

use super::debian;
use super::place::{self, Place};
use crate::failure::{Failure, Outcome};
use crate::process::Process;

/// The release. It is in the name of the directory: another release is another download.
const KAFKA: &str = "4.1.0";

/// Group, artefact, version.
const ARTEFACTS: &[(&str, &str, &str)] = &[
    ("org.apache.kafka", "kafka_2.13", KAFKA),
    ("org.apache.kafka", "kafka-tools", KAFKA),
    // Kafka brings the interface of its logs alone: without one to write them, no broker says why it does not start.
    ("org.slf4j", "slf4j-simple", "1.7.36"),
];

/// The directory of the jars, downloaded if it is not there yet.
pub(super) fn kafka(place: &Place) -> Outcome<PathBuf> {
    let directory = place.programs(&format!("kafka-{KAFKA}"));
    if directory.is_dir() {
        return Ok(directory);
    }
    require_maven()?;
    let part = place.programs(&format!("kafka-{KAFKA}.part"));
    place::remove_directory(&part)?;
    place::create_directory(&part)?;
    std::fs::write(part.join("pom.xml"), project()).map_err(|error| {
        Failure::failed(format!("cannot write into {}: {error}", part.display()))
    })?;
    Process::new("mvn")
        .words("--quiet --batch-mode dependency:copy-dependencies -DoutputDirectory=lib")
        .within(&part)
        .run()
        .map_err(|failure| Failure::failed(format!("{failure}: let Maven reach a repository")))?;
    // In one piece: a directory that is there is complete.
    std::fs::rename(part.join("lib"), &directory)
        .map_err(|error| Failure::failed(format!("cannot rename {}: {error}", part.display())))?;
    place::remove_directory(&part)?;
    Ok(directory)
}

/// The release of the broker among those jars.
pub(super) fn release(jars: &Path) -> Option<String> {
    let entries = std::fs::read_dir(jars).ok()?.flatten();
    let mut names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.find_map(|name| broker(&name))
}

/// The release in the name of the broker's jar; its other number is that of Scala.
fn broker(name: &str) -> Option<String> {
    let rest = name.strip_prefix("kafka_")?.strip_suffix(".jar")?;
    Some(rest.split_once('-')?.1.to_owned())
}

/// The description of a project that is nothing but its dependencies.
fn project() -> String {
    let dependencies: String = ARTEFACTS
        .iter()
        .map(|(group, artefact, version)| {
            format!(
                "    <dependency>\n      \
                 <groupId>{group}</groupId>\n      \
                 <artifactId>{artefact}</artifactId>\n      \
                 <version>{version}</version>\n    \
                 </dependency>\n"
            )
        })
        .collect();
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  \
         <modelVersion>4.0.0</modelVersion>\n  \
         <groupId>glmsg</groupId>\n  \
         <artifactId>kafka</artifactId>\n  \
         <version>1</version>\n  \
         <dependencies>\n{dependencies}  </dependencies>\n\
         </project>\n"
    )
}

fn require_maven() -> Outcome {
    let is_there = || Process::new("mvn").args(["--version"]).succeeds();
    if is_there() || debian::install("maven").is_ok() && is_there() {
        return Ok(());
    }
    Err(Failure::failed(
        "Maven is missing: install it, on Debian with `apt-get install maven`",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_broker_names_its_release() {
        assert_eq!(broker("kafka_2.13-4.1.0.jar").as_deref(), Some("4.1.0"));
        assert_eq!(broker("kafka-clients-4.1.0.jar"), None);
        assert_eq!(broker("pom.xml"), None);
    }

    #[test]
    fn the_project_depends_on_every_artefact() {
        let project = project();
        assert_eq!(project.matches("<dependency>").count(), ARTEFACTS.len());
        let broker = "      <artifactId>kafka_2.13</artifactId>\n      <version>4.1.0</version>\n    </dependency>";
        assert!(project.contains(broker), "{project}");
        assert!(project.ends_with("  </dependencies>\n</project>\n"));
    }
}
