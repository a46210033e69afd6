//! The worker process of the exactly-once cases: it copies messages from one topic to another, and can die at a step of
//! its choice.

use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use glmsg_broker::{Broker, Settler as _, Source as _, SubscribeOptions};
use glmsg_core::{Error, GroupName, Message, TopicName};
use glmsg_kafka::{Input, KafkaBroker, KafkaConfig, TransactionalOptions};
use serde::{Deserialize, Serialize};
use tokio::signal::unix::{SignalKind, signal};

/// The environment variable that holds the plan.
pub const VARIABLE: &str = "GLMSG_COPIER_PLAN";

/// The most messages of a transaction.
const BATCH: usize = 3;

/// The steps of a transaction, in their order. A process dies before the step of that name is done; of `begun`, `told`,
/// `received`, `published` and `committed` after it.
pub const STEPS: [&str; 10] = [
    "begin",
    "begun",
    "tell",
    "tell-commit",
    "told",
    "received",
    "published",
    "send-offsets",
    "commit",
    "committed",
];

/// What a copier does.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub url: String,
    pub from: String,
    pub to: String,
    pub group: String,
    pub member: String,
    /// How long a transaction may be open.
    pub timeout_s: u64,
    /// At which step it dies, and the how many-th time it comes there.
    pub dies_at: Option<(String, u32)>,
    /// At which step it stops, as by `SIGSTOP`, the first time it comes there.
    pub stops_at: Option<String>,
    /// The message that ends the process that handles it.
    pub poison: Option<String>,
    /// It copies by a handler, so many messages at a time.
    pub handles: Option<usize>,
    /// Results and offsets are stored apart from each other: a subscription, a publish, an ack.
    pub is_apart: bool,
}

/// Who was stopped has stood still for longer.
const STANDSTILL: Duration = Duration::from_millis(500);

static DIES_AT: OnceLock<(String, u32)> = OnceLock::new();
static TIMES: AtomicU32 = AtomicU32::new(0);
static STOPS_AT: Mutex<Option<String>> = Mutex::new(None);

fn step(name: &'static str) {
    if let Some((at, time)) = DIES_AT.get()
        && at == name
        && TIMES.fetch_add(1, Ordering::SeqCst) + 1 == *time
    {
        std::process::abort();
    }
    let mut stops_at = STOPS_AT.lock().expect("nobody panics");
    if stops_at.as_deref() == Some(name) {
        *stops_at = None;
        let mut seen = Instant::now();
        let pid = std::process::id().to_string();
        let stopped = Command::new("kill").args(["-STOP", &pid]).status();
        assert!(stopped.is_ok_and(|status| status.success()), "it stops");
        // Another thread takes the signal, on a busy machine a little later. This one goes on when
        // it has seen that it stood still.
        while seen.elapsed() < STANDSTILL {
            seen = Instant::now();
            std::thread::sleep(STANDSTILL / 20);
        }
    }
}

/// Copies until it is killed, by itself or by others, or asked to end.
///
/// # Panics
/// If the cluster does what it must not.
pub fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime starts").block_on(async {
        // Before anything else: who is asked to end while it still opens does so in order, too.
        let mut term = signal(SignalKind::terminate()).expect("a signal can be waited for");
        let text = std::env::var(VARIABLE).expect("a plan in GLMSG_COPIER_PLAN");
        let plan: Plan = serde_json::from_str(&text).expect("a valid plan");
        if let Some(dies_at) = plan.dies_at.clone() {
            DIES_AT.get_or_init(|| dies_at);
        }
        STOPS_AT
            .lock()
            .expect("nobody panics")
            .clone_from(&plan.stops_at);
        let config = KafkaConfig::from_url(&plan.url).expect("a valid URL");
        let broker = loop {
            match KafkaBroker::open(config.clone()).await {
                Ok(broker) => break Arc::new(broker),
                // Its time-outs are short, and the machine may be busy.
                Err(error) if error.is_transient() => {}
                Err(error) => panic!("{error}"),
            }
        };
        let copying = async {
            match plan.is_apart {
                true => copy_apart(&plan, broker.clone()).await,
                false => copy(&plan, &broker).await,
            }
        };
        tokio::select! {
            () = copying => {}
            _ = term.recv() => {}
        }
        broker.close().await.expect("it ends in order");
        ExitCode::SUCCESS
    })
}

async fn copy(plan: &Plan, broker: &KafkaBroker) {
    let from = TopicName::new(&plan.from).expect("a valid name");
    let group = GroupName::new(&plan.group).expect("a valid name");
    let options = TransactionalOptions::new(&plan.member)
        .batch(plan.handles.unwrap_or(BATCH))
        .timeout(Duration::from_secs(plan.timeout_s))
        .on_step(step);
    let mut copier = loop {
        let opened = broker.transactional(&from, &group, options.clone());
        match opened.await {
            Ok(copier) => break copier,
            Err(error) if error.is_transient() => {}
            Err(error) => panic!("{error}"),
        }
    };
    if plan.handles.is_some() {
        let handler = async |input: Input| {
            eat(plan, &input.message);
            Ok::<_, Error>(vec![copied(&input.message, &plan.to)])
        };
        let ended = copier.run(handler).await;
        panic!("{ended:?}");
    }
    loop {
        let copied = async {
            let mut transaction = copier.begin().await?;
            step("begun");
            let inputs = transaction.recv(BATCH).await?;
            step("received");
            for input in &inputs {
                eat(plan, &input.message);
                let copy = copied(&input.message, &plan.to);
                transaction.publish(&[copy]).await?;
            }
            step("published");
            transaction.commit().await
        };
        match copied.await {
            Ok(()) => {}
            Err(error) if error.is_transient() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn copy_apart(plan: &Plan, broker: Arc<KafkaBroker>) {
    let options = SubscribeOptions::new(&*plan.from, &*plan.group).expect("valid names");
    let mut source = loop {
        match broker.open_source(&options).await {
            Ok(source) => break source,
            // Its time-outs are short, and the machine may be busy.
            Err(error) if error.is_transient() => {}
            Err(error) => panic!("{error}"),
        }
    };
    let settler = source.settler();
    loop {
        let mut received = Vec::new();
        source.recv(&mut received, BATCH).await.expect("messages");
        for one in &received {
            let copy = copied(&one.message, &plan.to);
            broker.publish(&[copy]).await.expect("it is stored");
        }
        step("published");
        let tokens: Vec<_> = received.iter().map(|one| one.token).collect();
        settler.ack(&tokens).await.expect("it is acked");
    }
}

/// Ends the process if that is what a message does.
fn eat(plan: &Plan, message: &Message) {
    if plan
        .poison
        .as_ref()
        .is_some_and(|it| message.payload() == it.as_bytes())
    {
        std::process::abort();
    }
}

fn copied(message: &Message, to: &str) -> Message {
    Message::new(to, message.payload().clone()).expect("a valid message")
}
