//! The agents: processes of this program where the broker is shared between processes, and
//! consumers with a runtime of their own where it is not. Either way one can be killed so that it
//! gets no chance to give anything back.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use glmsg::{Broker, MemberName};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_util::sync::CancellationToken;

use super::agent::{self, AgentSpec};
use super::event::{Event, Report};
use super::{AGENTS, Plan, STALL_AFTER};
use crate::cli::AGENT;
use crate::failure::Failure;

/// How long an agent may take to finish what it has begun.
const FINISH: Duration = Duration::from_secs(30);

/// What an agent's end or word is: its event, or why it ended when nobody had asked it to.
type Said = (usize, Result<Event, String>);

pub(super) struct Fleet {
    agents: Vec<Agent>,
    said: UnboundedReceiver<Said>,
}

enum Agent {
    Process(Child),
    Thread {
        runtime: Option<Runtime>,
        stop: CancellationToken,
        done: tokio::task::JoinHandle<()>,
    },
    Killed,
}

impl Fleet {
    /// Starts the agents. The first of them will stop in the middle of a flight.
    pub(super) async fn start(
        broker: &Arc<dyn Broker>,
        url: &str,
        plan: &Plan,
    ) -> Result<Self, Failure> {
        let (sender, said) = mpsc::unbounded_channel();
        let mut agents = Vec::new();
        for number in 0..AGENTS {
            let spec = AgentSpec {
                name: MemberName::new(format!("agent-{number}"))?,
                run: plan.run.clone(),
                factor: plan.factor,
                stall_after: (number == 0).then_some(STALL_AFTER),
            };
            let sender = sender.clone();
            agents.push(if broker.capability().multi_process {
                Agent::process(number, url, &spec, sender)?
            } else {
                Agent::thread(number, broker.clone(), spec, sender)?
            });
        }
        Ok(Self { agents, said })
    }

    /// Waits until all have joined their group.
    pub(super) async fn all_ready(&mut self) -> Result<(), Failure> {
        let mut ready = 0;
        while ready < AGENTS {
            if let (_, Event::Ready) = self.next().await? {
                ready += 1;
            }
        }
        Ok(())
    }

    /// The next thing an agent says. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<(usize, Event), Failure> {
        loop {
            let Some((number, said)) = self.said.recv().await else {
                return Err(Failure::failed("all agents have ended"));
            };
            match said {
                Ok(event) => return Ok((number, event)),
                // The killed one ends, as was to be expected.
                Err(_) if matches!(self.agents.get(number), Some(Agent::Killed)) => {}
                Err(why) => {
                    return Err(Failure::failed(format!(
                        "agent-{number} ended early: {why}"
                    )));
                }
            }
        }
    }

    /// Ends an agent at once: SIGKILL for a process; a runtime that stops running its tasks for
    /// one in this process.
    pub(super) async fn kill(&mut self, number: usize) -> Result<(), Failure> {
        let Some(agent) = self.agents.get_mut(number) else {
            return Ok(());
        };
        match &mut std::mem::replace(agent, Agent::Killed) {
            Agent::Process(child) => child
                .kill()
                .await
                .map_err(|e| Failure::failed(format!("cannot kill agent-{number}: {e}"))),
            // Dropping it is what kills it.
            Agent::Thread { .. } | Agent::Killed => Ok(()),
        }
    }

    /// Asks all to finish, and returns what they had still to say.
    pub(super) async fn stop(mut self) -> Result<Vec<Event>, Failure> {
        for (number, agent) in self.agents.iter_mut().enumerate() {
            agent.finish(number).await?;
        }
        let mut events = Vec::new();
        while let Ok((_, said)) = self.said.try_recv() {
            events.extend(said.ok());
        }
        Ok(events)
    }
}

impl Agent {
    fn process(
        number: usize,
        url: &str,
        spec: &AgentSpec,
        said: UnboundedSender<Said>,
    ) -> Result<Self, Failure> {
        let cannot = |e: std::io::Error| Failure::failed(format!("cannot start an agent: {e}"));
        let mut command = Command::new(std::env::current_exe().map_err(cannot)?);
        command
            .args([AGENT, "--name", spec.name.as_str(), "--run", &spec.run])
            .args(["--factor", &spec.factor.to_string()])
            // Not an argument: those are for everybody on the machine to see.
            .env("GLMSG_BROKER", url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(after) = spec.stall_after {
            command.args(["--stall-after", &after.to_string()]);
        }
        // Ctrl-C is for the demo, which then asks its agents to stop.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(cannot)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        tokio::spawn(async move {
            if let Some(stdout) = stdout {
                let mut lines = BufReader::new(stdout).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    let _ = said.send((number, line.parse()));
                }
            }
            let mut why = String::new();
            if let Some(mut stderr) = stderr {
                let _ = stderr.read_to_string(&mut why).await;
            }
            let why = why.trim().trim_start_matches("glmsg: ").to_owned();
            let _ = said.send((number, Err(why)));
        });
        Ok(Self::Process(child))
    }

    fn thread(
        number: usize,
        broker: Arc<dyn Broker>,
        spec: AgentSpec,
        said: UnboundedSender<Said>,
    ) -> Result<Self, Failure> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|e| Failure::failed(format!("cannot start an agent: {e}")))?;
        let stop = CancellationToken::new();
        let events = said.clone();
        let report: Report = Arc::new(move |event| {
            let _ = events.send((number, Ok(event)));
        });
        let work = agent::work(broker, spec, report, stop.clone());
        let done = runtime.spawn(async move {
            let ended = work.await;
            let why = ended.map_or_else(|e| e.to_string(), |()| "it was stopped".to_owned());
            let _ = said.send((number, Err(why)));
        });
        Ok(Self::Thread {
            runtime: Some(runtime),
            stop,
            done,
        })
    }

    /// Asks it to finish, and waits until it has.
    async fn finish(&mut self, number: usize) -> Result<(), Failure> {
        let late = |_| Failure::failed(format!("agent-{number} does not finish"));
        match self {
            Self::Process(child) => {
                drop(child.stdin.take());
                let ended = tokio::time::timeout(FINISH, child.wait()).await;
                ended
                    .map_err(late)?
                    .map(drop)
                    .map_err(|e| Failure::failed(format!("cannot wait for agent-{number}: {e}")))
            }
            Self::Thread { stop, done, .. } => {
                stop.cancel();
                tokio::time::timeout(FINISH, done)
                    .await
                    .map(drop)
                    .map_err(late)
            }
            Self::Killed => Ok(()),
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // A runtime must not be waited for where others run.
        if let Self::Thread { runtime, .. } = self
            && let Some(runtime) = runtime.take()
        {
            runtime.shutdown_background();
        }
    }
}
