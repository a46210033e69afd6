//! Sagas, as an operator sees and handles them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use glmsg::patterns::saga::{SagaDefinition, SagaId, SagaRunner, SagaService, Step, StepContext};
use glmsg::{HandlerError, RetryPolicy};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::store::{Store, await_that};

/// An application whose second step fails, and whose first cannot be undone until it is mended.
struct Application {
    runtime: Runtime,
    runner: SagaRunner,
    is_mended: Arc<AtomicBool>,
}

impl Application {
    fn new(store: &Store) -> Self {
        let runtime = Runtime::new().unwrap();
        let is_mended = Arc::new(AtomicBool::new(false));
        let mended = is_mended.clone();
        let once = RetryPolicy::fixed(Duration::ZERO).max_attempts(1);
        let reserve = Step::new("reserve", async |ctx: StepContext| Ok(ctx.input::<u32>()?))
            .compensate(move |_, _: Option<u32>| {
                let is_mended = mended.load(Ordering::SeqCst);
                async move {
                    let stuck = || HandlerError::retry("the booking \u{1b}[2Jservice is down");
                    is_mended.then_some(()).ok_or_else(stuck)
                }
            })
            .compensation_retry(once);
        let pay = Step::new("pay", async |ctx: StepContext| {
            match ctx.input::<u32>()? {
                0 => Ok(()),
                _ => Err(HandlerError::reject("no money")),
            }
        });
        let saga = SagaDefinition::new("booking", 3).step(reserve).step(pay);
        let builder = SagaRunner::builder().register(saga).owner("app-1");
        let builder = builder.poll(Duration::from_millis(20));
        let runner = runtime.block_on(async {
            let broker = glmsg::connect(&store.url()).await.unwrap();
            builder.open(&broker).await.unwrap()
        });
        Self {
            runtime,
            runner,
            is_mended,
        }
    }

    fn run(&self, id: &str, input: u32) {
        let id = SagaId::new(id).unwrap();
        let ran = self.runner.execute_as(&id, "booking", &input);
        assert_eq!(self.runtime.block_on(ran).is_ok(), input == 0);
    }

    fn serve(&self) -> SagaService {
        let _inside = self.runtime.enter();
        self.runner.serve()
    }
}

fn status(store: &Store, id: &str) -> Value {
    store.json(&["saga", "show", id]).remove(0)["status"].clone()
}

#[test]
fn sagas_are_listed_shown_and_asked_for() {
    let store = Store::new();
    let application = Application::new(&store);
    let empty = store.run(&["saga", "list"]).success();
    assert_eq!(empty.text(), "there are no sagas\n");
    application.run("order-1", 0);
    application.run("order-2", 30);
    application.run("order-3", 30);

    let listed = store.json(&["saga", "list"]);
    let told: Vec<_> = listed
        .iter()
        .map(|saga| (&saga["id"], &saga["status"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("order-1"), &json!("completed")),
            (&json!("order-2"), &json!("parked")),
            (&json!("order-3"), &json!("parked")),
        ]
    );
    let table = store
        .run(&["saga", "list", "--status", "parked", "--limit", "1"])
        .success();
    assert!(
        table.lines()[1].contains("order-2  booking        3  parked   1/2"),
        "{}",
        table.text()
    );
    assert!(
        table
            .text()
            .contains("step pay failed: no money; parked: the compensation of reserve")
    );
    assert!(table.stderr.contains("--after order-2"), "{}", table.stderr);
    let rest = store.json(&["saga", "list", "-s", "parked", "--after", "order-2"]);
    assert_eq!((rest.len(), &rest[0]["id"]), (1, &json!("order-3")));

    let shown = store.run(&["saga", "show", "order-2"]).success();
    for words in [
        "booking version 3",
        "1. reserve  compensating, returned 30, its compensation failed: the booking",
        "2. pay  failed, failed: no money",
        "owner     app-1",
        "\"entry\":\"parked\"",
    ] {
        assert!(shown.text().contains(words), "{words} in {}", shown.text());
    }
    assert!(!shown.text().contains('\u{1b}'));
    let object = store.json(&["saga", "show", "order-2"]).remove(0);
    assert_eq!(object["input"], 30);
    assert_eq!(object["journal"][0]["entry"]["entry"], "started");
    assert_eq!(object["steps"][0]["status"], "compensating");

    // It is asked for, and done when the application runs.
    let asked = store
        .run(&["saga", "resume", "order-2", "--reason", "it is up again"])
        .success();
    assert!(
        asked
            .text()
            .contains("SagaRunner that knows booking version 3"),
        "{}",
        asked.text()
    );
    assert_eq!(status(&store, "order-2"), "compensating");
    application.is_mended.store(true, Ordering::SeqCst);
    let service = application.serve();
    await_that("end of order-2", || {
        (status(&store, "order-2") == "compensated").then_some(())
    });
    let asked = store.json(&["saga", "compensate", "order-3"]).remove(0);
    assert_eq!(
        (&asked["requested"], &asked["id"]),
        (&json!("compensate"), &json!("order-3"))
    );
    await_that("end of order-3", || {
        (status(&store, "order-3") == "compensated").then_some(())
    });
    application.runtime.block_on(service.stop());
    let journal = store.run(&["saga", "show", "order-2"]).success();
    assert!(
        journal.text().contains("it is up again"),
        "{}",
        journal.text()
    );
}

#[test]
fn what_cannot_be_asked_for_is_refused_with_a_remedy() {
    let store = Store::new();
    let application = Application::new(&store);
    application.run("order-1", 0);
    store
        .run(&["saga", "show", "nobody"])
        .fails(1, &["no saga nobody", "glmsg saga list"]);
    store
        .run(&["saga", "resume", "nobody"])
        .fails(1, &["no saga", "glmsg saga list"]);
    store
        .run(&["saga", "compensate", "order-1"])
        .fails(1, &["completed"]);
    store
        .run(&["saga", "resume", "order-1"])
        .fails(1, &["completed"]);
    store
        .run(&["saga", "list", "--status", "bored"])
        .fails(2, &["parked"]);
    store
        .run(&["saga", "show", "no id"])
        .fails(2, &["' '", "glmsg saga show --help"]);
    let elsewhere = Store::new();
    elsewhere.run(&["saga", "list"]).fails(1, &["no broker"]);
}
