//! The commands of a call, and which of them are still to be done.

use std::collections::BTreeMap;

use redis::{Cmd, Pipeline, Value};

use super::verdict::Verdict;
use crate::config::Address;

/// The commands of a call, and which of them are still to be done.
///
/// Only what a server has refused to execute is sent again, so that every answer is that of the
/// one execution where none was lost on the way.
#[derive(Debug)]
pub(super) struct Work<'a> {
    commands: &'a Pipeline,
    answers: Vec<Option<Value>>,
    /// The last refusal of a command still to be done.
    pub(super) refusal: Option<Value>,
    /// A connection was lost between a command and its answer.
    pub(super) is_in_doubt: bool,
}

/// What is to happen before the next try.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Todo {
    pub(super) load_scripts: bool,
    pub(super) find_master: bool,
    pub(super) moved: Option<(u16, Address)>,
    /// Commands to repeat elsewhere, this once.
    pub(super) asked: BTreeMap<Address, Vec<usize>>,
    pub(super) wait: bool,
    /// How many commands are done now.
    pub(super) done: usize,
}

impl<'a> Work<'a> {
    pub(super) fn new(commands: &'a Pipeline) -> Self {
        Self {
            commands,
            answers: vec![None; commands.len()],
            refusal: None,
            is_in_doubt: false,
        }
    }

    /// The commands that have no answer yet.
    pub(super) fn open(&self) -> Vec<usize> {
        let open = self.answers.iter().enumerate();
        open.filter_map(|(index, answer)| answer.is_none().then_some(index))
            .collect()
    }

    /// What to send for some of the commands, and a tail after them; `None` if it is simply all.
    pub(super) fn pipeline(
        &self,
        indices: &[usize],
        tail: &Pipeline,
        asking: bool,
    ) -> Option<Pipeline> {
        if indices.len() == self.commands.len() && tail.is_empty() && !asking {
            return None;
        }
        let commands: Vec<&Cmd> = self.commands.cmd_iter().collect();
        let chosen = indices.iter().filter_map(|index| commands.get(*index));
        let mut pipeline = Pipeline::with_capacity(2 * (indices.len() + tail.len()));
        for command in chosen.copied().chain(tail.cmd_iter()) {
            if asking {
                // It holds for one command only.
                pipeline.cmd("ASKING");
            }
            pipeline.add_command(command.clone());
        }
        Some(pipeline)
    }

    /// All of the commands, as the caller gave them.
    pub(super) fn commands(&self) -> &'a Pipeline {
        self.commands
    }

    /// Takes the answers to what [`pipeline`](Self::pipeline) said to send. Returns those to the
    /// tail, and what is to be done before the next try; `None` if there is an answer too few.
    pub(super) fn take(
        &mut self,
        indices: &[usize],
        tail: &Pipeline,
        asking: bool,
        answers: Vec<Value>,
        from: &Address,
    ) -> Option<(Vec<Value>, Todo)> {
        let step = if asking { 2 } else { 1 };
        if answers.len() != step * (indices.len() + tail.len()) {
            return None;
        }
        let mut todo = Todo::default();
        let mut answers = answers.into_iter().skip(step - 1).step_by(step);
        for (index, answer) in indices.iter().zip(&mut answers) {
            match Verdict::of(&answer, from) {
                Verdict::Done => {
                    self.answers[*index] = Some(answer);
                    todo.done += 1;
                    continue;
                }
                Verdict::Later => todo.wait = true,
                Verdict::NoMaster => (todo.wait, todo.find_master) = (true, true),
                Verdict::LoadScripts => todo.load_scripts = true,
                Verdict::Moved { slot, node } => todo.moved = Some((slot, node)),
                Verdict::Ask { node } => todo.asked.entry(node).or_default().push(*index),
            }
            self.refusal = Some(answer);
        }
        Some((answers.collect(), todo))
    }

    /// `true` if there is nothing left to do.
    pub(super) fn is_done(&self) -> bool {
        self.answers.iter().all(Option::is_some)
    }

    /// `true` if something was done.
    pub(super) fn is_begun(&self) -> bool {
        self.answers.iter().any(Option::is_some)
    }

    /// The answers, in the order of the commands. A command that was given up has its refusal.
    pub(super) fn finish(self) -> Vec<Value> {
        let refusal = self.refusal.unwrap_or_default();
        let answers = self.answers.into_iter();
        answers
            .map(|answer| answer.unwrap_or_else(|| refusal.clone()))
            .collect()
    }
}
