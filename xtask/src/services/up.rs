//! `services up`: what is not up is started, as much as possible at the same time.

use std::time::Instant;

use super::environment::Environment;
use super::kafka::{self, Launched};
use super::lock::Lock;
use super::place::Place;
use super::port::Ports;
use super::program;
use super::service::{Context, Service};
use crate::failure::Outcome;

/// Brings the services up that are not. Those that were started here are told, also when a later one fails.
pub(crate) fn up(services: &[Service], started: &mut Vec<Service>) -> Outcome {
    let place = Place::open()?;
    let _lock = Lock::take(&place.lock())?;
    let mut run = Run {
        environment: Environment::load(&place.environment())?,
        place: &place,
        ports: Ports::default(),
        started,
    };
    let (brokers, others): (Vec<Service>, Vec<Service>) =
        services.iter().partition(|service| service.is_kafka());
    run.provide(&others)?;
    // A broker takes seconds to start: all do so at once, while the other servers are started. Where Java cannot be had,
    // those come up all the same.
    let launched = run.provide(&brokers).and_then(|()| run.launch(&brokers));
    for service in others {
        run.start(service)?;
    }
    for (service, began, brokers) in launched? {
        let url = brokers.wait()?;
        run.is_up(service, url, began)?;
    }
    Ok(())
}

/// One `up`.
struct Run<'a> {
    place: &'a Place,
    environment: Environment,
    ports: Ports,
    started: &'a mut Vec<Service>,
}

impl Run<'_> {
    fn context(&self) -> Context<'_> {
        Context {
            place: self.place,
            environment: &self.environment,
        }
    }

    /// Gets the programs that these services and their tests need.
    fn provide(&mut self, services: &[Service]) -> Outcome {
        let needed = services.iter().flat_map(|service| service.programs());
        let provided = program::provide(self.place, &mut self.environment, needed);
        // Also when one could not be had: what was found is not looked for again.
        self.environment.store(&self.place.environment())?;
        provided
    }

    /// Whether a service must be started. If so, what is left is gone: of servers that were killed, or of a start that
    /// failed.
    fn must_start(&mut self, service: Service) -> Outcome<bool> {
        if self.environment.get(service.key()).is_some() && service.is_up(&self.context())? {
            return Ok(false);
        }
        service.stop(self.place)?;
        self.started.push(service);
        Ok(true)
    }

    fn start(&mut self, service: Service) -> Outcome {
        if !self.must_start(service)? {
            return Ok(());
        }
        let began = Instant::now();
        let ports = self.ports.free(service.nodes().len())?;
        let url = service.start(&self.context(), &ports)?;
        self.is_up(service, url, began)
    }

    fn launch(&mut self, services: &[Service]) -> Outcome<Vec<(Service, Instant, Launched)>> {
        let mut launched = Vec::new();
        for &service in services {
            if self.must_start(service)? {
                let began = Instant::now();
                let ports = self.ports.free(kafka::ports(service))?;
                let brokers = kafka::launch(&self.context(), service, &ports)?;
                launched.push((service, began, brokers));
            }
        }
        Ok(launched)
    }

    /// Tells the user and the tests.
    fn is_up(&mut self, service: Service, url: String, began: Instant) -> Outcome {
        let seconds = began.elapsed().as_secs_f64();
        let shown = without_password(&url);
        println!("{:10}  {shown}  ({seconds:.1} s)", service.name());
        self.environment.set(service.key(), url);
        if service.has_tls() {
            let directory = self.place.certificates().display().to_string();
            self.environment.set("TLS_DIR", directory);
        }
        self.environment.store(&self.place.environment())
    }
}

/// An address as it is shown. The whole of it is in the file that the tests read.
fn without_password(url: &str) -> String {
    let login = url
        .split_once("://")
        .and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)));
    match login {
        Some((scheme, (login, rest))) => {
            let (user, _) = login.split_once(':').unwrap_or((login, ""));
            format!("{scheme}://{user}:***@{rest}")
        }
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_without_its_password() {
        let shown = without_password("kafka://me:c4n4ry@127.0.0.1:3?tls=true");
        assert_eq!(shown, "kafka://me:***@127.0.0.1:3?tls=true");
        let shown = without_password("redis://127.0.0.1:3");
        assert_eq!(shown, "redis://127.0.0.1:3");
    }
}
