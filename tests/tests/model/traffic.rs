//! Publishing, receiving and settling on both sides.

use std::time::Duration;

use glmsg_broker::{BoxSettler, Intake, Published, Received, Settled, Token};
use glmsg_core::{Message, Result};

use crate::clocked::Clocked;
use crate::pair::{Held, Outcome, Pair, broken, same};

/// How long the backend may take for what the model does at once.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long the backend is watched where the model says that nothing comes. Whatever comes later
/// is found by the steps that follow.
const GRACE: Duration = Duration::from_millis(4);

impl<F: Clocked> Pair<F> {
    pub(crate) async fn publish(&mut self, messages: &[Message]) -> Outcome {
        let name = |outcome: &Published| match outcome {
            Published::Stored => "stored".to_owned(),
            Published::Duplicate => "duplicate".to_owned(),
            Published::Full(_) => "full".to_owned(),
            other => format!("{other:?}"),
        };
        let names = |outcomes: Vec<Published>| outcomes.iter().map(name).collect::<Vec<_>>();
        let model = self.model.broker.publish(messages).await.map_err(broken)?;
        let backend = self.backend.broker.publish(messages).await;
        let backend = backend.map_err(broken)?;
        same("published", &names(model), &names(backend))?;
        Ok(())
    }

    /// Receives on the model what it has at once, and from the backend the same.
    pub(crate) async fn receive(&mut self, group: usize, member: usize, max: usize) -> Outcome {
        let from = (group, member);
        let (model, intake) = self
            .model
            .receive(from, max, Duration::ZERO)
            .await
            .map_err(broken)?;
        let counts = |n: usize, i: Intake| (n, i.expired, i.dead_lettered);
        let expected = counts(model.len(), intake);
        let mut backend: Vec<Received> = Vec::new();
        let mut found = (0, 0, 0);
        while found.0 < expected.0 || found.1 < expected.1 || found.2 < expected.2 {
            let want = max.saturating_sub(backend.len()).max(1);
            let more = self.backend.receive(from, want, PATIENCE).await;
            let (some, intake) = more.map_err(broken)?;
            if some.is_empty() && intake == Intake::default() {
                break;
            }
            found.1 += intake.expired;
            found.2 += intake.dead_lettered;
            backend.extend(some);
            found.0 = backend.len();
            if found.0 > expected.0 {
                break;
            }
        }
        if model.len() < max {
            let more = self.backend.receive(from, max - model.len(), GRACE).await;
            let (some, intake) = more.map_err(broken)?;
            found.1 += intake.expired;
            found.2 += intake.dead_lettered;
            backend.extend(some);
            found.0 = backend.len();
        }
        let seen = |all: &[Received]| -> Vec<_> {
            let one = |d: &Received| {
                let payload = String::from_utf8_lossy(d.message.payload()).into_owned();
                let priority = d.message.priority();
                (payload, priority, d.attempt, d.history.clone())
            };
            all.iter().map(one).collect()
        };
        let (mut model, mut backend) = (model, backend);
        if max >= F::EXACT_BELOW {
            model.sort_by_key(|d| d.message.id());
            backend.sort_by_key(|d| d.message.id());
        }
        same("received", &seen(&model), &seen(&backend))?;
        same("deliveries, expired and dead-lettered", &expected, &found)?;
        for (model, backend) in model.into_iter().zip(backend) {
            same("the message", &model.message, &backend.message)?;
            let held = &mut self.held[group];
            held.push(Held {
                model: (self.model.settler(group, member), model.token),
                backend: (self.backend.settler(group, member), backend.token),
            });
            // The settled among them make room in time.
            if held.len() > 24 {
                held.remove(0);
            }
        }
        Ok(())
    }

    /// Settles some of what is held on both sides.
    pub(crate) async fn settle(
        &mut self,
        group: usize,
        first: usize,
        count: usize,
        call: impl AsyncFn(BoxSettler, Vec<Token>) -> Result<Vec<Settled>>,
    ) -> Outcome {
        let held = &self.held[group];
        if held.is_empty() {
            return Ok(());
        }
        let first = first % held.len();
        for one in held.iter().skip(first).take(count) {
            let (settler, token) = &one.model;
            let model = call(settler.clone(), vec![*token]).await.map_err(broken)?;
            let (settler, token) = &one.backend;
            let backend = call(settler.clone(), vec![*token]).await.map_err(broken)?;
            same("settled", &model, &backend)?;
        }
        Ok(())
    }
}
