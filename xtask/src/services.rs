//! `cargo xtask services`: the real servers that tests talk to, installed, started and stopped here and by nobody else.

mod certificates;
mod checkers;
mod client;
mod cluster;
mod collector;
mod debian;
mod environment;
mod java;
mod kafka;
mod lock;
mod maven;
mod node;
mod options;
mod place;
mod port;
mod program;
mod sentinel;
mod service;
mod status;
mod up;
mod wait;
mod wheel;

pub(crate) use self::checkers::{Checkers, checkers};
pub(crate) use self::debian::install;
use self::environment::Environment;
use self::lock::Lock;
use self::place::Place;
use self::program::Program;
use self::service::Context;
pub(crate) use self::service::Service;
pub(crate) use self::up::up;
use crate::failure::{Failure, Outcome};

pub(crate) const HELP: &str = "\
The servers that tests talk to. Each listens on a free port of 127.0.0.1 and keeps running until it is stopped here.

Usage: cargo xtask services up|down|status [NAME...]
       cargo xtask services collector

  up         Installs what is missing, starts what is not up, waits until it answers
  down       Stops the servers and removes their data
  status     One line for each server
  collector  Builds the OpenTelemetry Collector with Go, for the test that starts it

Names, all if none is given:
  redis7, redis8, valkey9  One server each
  tls                      Redis 7 with TLS alone, for clients with a certificate
  sentinel                 Redis 7: a primary, two replicas, three Sentinels
  cluster                  Redis 7: three primaries with a replica each
  kafka                    Kafka 4.1: one broker
  kafka3                   Kafka 4.1: three brokers, of which one can be missing
  kafka-sasl               Kafka 4.1 with TLS and a password (SCRAM-SHA-512); another port, without either, is for `up`

  prometheus               No server: the programs prometheus and promtool, which a test starts itself

Everything is in `services` below cargo's target directory. Tests find the servers in services.env there: a line
KEY=VALUE for each program and each address. A variable GLMSG_KEY goes before the line, for the tests and for `up`.

Each server has a directory run/NAME there: server.env holds its PID and PORT, server.log what it prints. A broker's also
holds `start`, which starts it again on its port and with its data after it was killed.";

pub(crate) fn run(words: &[String]) -> Outcome {
    let Some((action, names)) = words.split_first() else {
        return Err(Failure::usage("say what to do: up, down or status"));
    };
    let (tools, names): (Vec<String>, Vec<String>) =
        names.iter().cloned().partition(|name| name == PROMETHEUS);
    let wants_tools = names.is_empty();
    let services = match tools.is_empty() || !names.is_empty() {
        true => chosen(&names)?,
        false => Vec::new(),
    };
    match action.as_str() {
        "collector" if names.is_empty() => collector(),
        "collector" => Err(Failure::usage("`collector` takes no name")),
        "up" => {
            if wants_tools || !tools.is_empty() {
                prometheus()?;
            }
            up(&services, &mut Vec::new())
        }
        "down" => down(&services),
        "status" if names.is_empty() => {
            let place = Place::open()?;
            let environment = Environment::load(&place.environment())?;
            status::print(&Context {
                place: &place,
                environment: &environment,
            })
        }
        "status" => Err(Failure::usage("`status` takes no name: it shows all")),
        other => Err(Failure::usage(format!(
            "`{other}` was not expected: say up, down or status"
        ))),
    }
}

/// The word for the programs that are no service.
const PROMETHEUS: &str = "prometheus";

fn chosen(names: &[String]) -> Outcome<Vec<Service>> {
    if names.is_empty() {
        return Ok(Service::ALL.to_vec());
    }
    names.iter().map(|name| Service::named(name)).collect()
}

/// The programs of Redis 7 that need no service to be up, each by the variable that names it to other programs. What is
/// missing is fetched.
pub(crate) fn redis_programs() -> Outcome<Vec<(String, String)>> {
    let programs = [Program::Redis7, Program::Benchmark];
    let environment = provided(&programs)?;
    let told = programs.iter().map(|program| {
        let path = program.path(&environment)?.display().to_string();
        Ok((format!("GLMSG_{}", program.key()), path))
    });
    told.collect()
}

/// Where mdBook is, which is fetched if it is missing.
pub(crate) fn mdbook() -> Outcome<String> {
    let environment = provided(&[Program::Mdbook])?;
    let path = Program::Mdbook.path(&environment)?;
    Ok(path.display().to_string())
}

/// Gets Prometheus, which a test starts itself.
pub(crate) fn prometheus() -> Outcome {
    provided(&[Program::Prometheus, Program::Promtool]).map(drop)
}

/// The OpenTelemetry Collector, which a test starts by itself. It is built if it is missing.
pub(crate) fn collector() -> Outcome {
    provided(&[Program::Collector]).map(drop)
}

/// Makes sure that these are there, and tells where everything is.
fn provided(programs: &[Program]) -> Outcome<Environment> {
    let place = Place::open()?;
    let _lock = Lock::take(&place.lock())?;
    let mut environment = Environment::load(&place.environment())?;
    let provided = program::provide(&place, &mut environment, programs.iter().copied());
    // Also when one could not be had: what was found is not looked for again.
    environment.store(&place.environment())?;
    provided.map(|()| environment)
}

/// Where a service is: as the user says, or as it was started.
pub(crate) fn url(service: Service) -> Outcome<String> {
    if let Some(given) = environment::given(service.key()) {
        return Ok(given);
    }
    let found = Environment::load(&Place::open()?.environment())?;
    let url = found.get(service.key()).map(str::to_owned);
    url.ok_or_else(|| {
        let name = service.name();
        Failure::failed(format!("{name} is not up: run `cargo xtask services up`"))
    })
}

/// The process of a service that was started here and is one server.
pub(crate) fn pid(service: Service) -> Outcome<Option<u32>> {
    let node = node::Node::find(&Place::open()?, service.name())?;
    Ok(node.map(|node| node.pid))
}

/// Stops services; one that is not up is no failure.
pub(crate) fn down(services: &[Service]) -> Outcome {
    let place = Place::open()?;
    let _lock = Lock::take(&place.lock())?;
    let mut environment = Environment::load(&place.environment())?;
    for service in services {
        environment.remove(service.key());
    }
    // First, so that no test is sent to a server that is gone.
    environment.store(&place.environment())?;
    services.iter().try_for_each(|service| service.stop(&place))
}

/// The ports as hosts of an address.
fn address(ports: &[u16]) -> String {
    let hosts: Vec<String> = ports
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    hosts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn no_name_means_all_and_a_wrong_one_is_a_usage_error() {
        assert_eq!(chosen(&[]).unwrap(), Service::ALL);
        assert_eq!(
            chosen(&words("tls redis7")).unwrap(),
            [Service::Tls, Service::Redis7]
        );
        for line in ["", "pu", "up redsi7", "status redis7", "down --all"] {
            assert!(
                matches!(run(&words(line)), Err(Failure::Usage(_))),
                "{line}"
            );
        }
    }

    #[test]
    fn an_address_lists_its_hosts() {
        assert_eq!(address(&[1, 2]), "127.0.0.1:1,127.0.0.1:2");
    }
}
