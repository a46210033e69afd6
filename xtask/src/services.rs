//! `cargo xtask services`: the real servers that tests talk to, installed, started and stopped here and by nobody else.

mod certificates;
mod client;
mod cluster;
mod debian;
mod environment;
mod lock;
mod node;
mod options;
mod place;
mod port;
mod program;
mod sentinel;
mod service;
mod status;
mod wait;
mod wheel;

use std::time::Instant;

use self::environment::Environment;
use self::lock::Lock;
use self::place::Place;
use self::program::Program;
use self::service::Context;
pub(crate) use self::service::Service;
use crate::failure::{Failure, Outcome};

pub(crate) const HELP: &str = "\
The servers that tests talk to. Each listens on a free port of 127.0.0.1 and keeps running until it is stopped here.

Usage: cargo xtask services up|down|status [NAME...]

  up      Installs what is missing, starts what is not up, waits until it answers
  down    Stops the servers and removes their data
  status  One line for each server

Names, all if none is given:
  redis7, redis8, valkey9  One server each
  tls                      Redis 7 with TLS alone, for clients with a certificate
  sentinel                 Redis 7: a primary, two replicas, three Sentinels
  cluster                  Redis 7: three primaries with a replica each

Everything is in `services` below cargo's target directory. Tests find the servers in services.env there: a line
KEY=VALUE for each program and each address. A variable GLMSG_KEY goes before the line, for the tests and for `up`.";

pub(crate) fn run(words: &[String]) -> Outcome {
    let Some((action, names)) = words.split_first() else {
        return Err(Failure::usage("say what to do: up, down or status"));
    };
    let services = chosen(names)?;
    match action.as_str() {
        "up" => up(&services, &mut Vec::new()),
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

fn chosen(names: &[String]) -> Outcome<Vec<Service>> {
    if names.is_empty() {
        return Ok(Service::ALL.to_vec());
    }
    names.iter().map(|name| Service::named(name)).collect()
}

/// Brings the services up that are not. Those that were started here are told, also when a later one fails.
pub(crate) fn up(services: &[Service], started: &mut Vec<Service>) -> Outcome {
    let place = Place::open()?;
    let _lock = Lock::take(&place.lock())?;
    let mut environment = Environment::load(&place.environment())?;
    let always = [
        Program::Redis7,
        Program::Cli,
        Program::Benchmark,
        Program::Faketime,
    ];
    let own = services.iter().map(|service| service.program());
    let provided = program::provide(&place, &mut environment, always.into_iter().chain(own));
    // Also when one could not be had: what was found is not looked for again.
    environment.store(&place.environment())?;
    provided?;
    for &service in services {
        let context = Context {
            place: &place,
            environment: &environment,
        };
        if environment.get(service.key()).is_some() && service.is_up(&context)? {
            continue;
        }
        let began = Instant::now();
        // What is left of servers that were killed, or of a start that failed.
        service.stop(&place)?;
        started.push(service);
        let url = service.start(&context)?;
        println!(
            "{:8}  {url}  ({:.1} s)",
            service.name(),
            began.elapsed().as_secs_f64()
        );
        environment.set(service.key(), url);
        if service == Service::Tls {
            environment.set("TLS_DIR", place.certificates().display().to_string());
        }
        environment.store(&place.environment())?;
    }
    Ok(())
}

/// The programs of Redis 7 that need no service to be up, each by the variable that names it to other programs. What is
/// missing is fetched.
pub(crate) fn redis_programs() -> Outcome<Vec<(String, String)>> {
    let place = Place::open()?;
    let _lock = Lock::take(&place.lock())?;
    let mut environment = Environment::load(&place.environment())?;
    let programs = [Program::Redis7, Program::Benchmark];
    let provided = program::provide(&place, &mut environment, programs);
    environment.store(&place.environment())?;
    provided?;
    let told = programs.iter().map(|program| {
        let path = program.path(&environment)?.display().to_string();
        Ok((format!("GLMSG_{}", program.key()), path))
    });
    told.collect()
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
