//! Settling what stands in frames: of each frame all that is asked for in one step.

use std::collections::HashMap;
use std::time::Duration;

use glmsg_broker::{Settled, Token};
use glmsg_core::Result;
use redis::Pipeline;
use tokio::time::Instant;

use super::{Begun, MOST, RedisSettler, Wish, outcome};
use crate::encode::{fine, list, millis, next, number};
use crate::frame::Marks;
use crate::member::{Deliveries, Held, Part};
use crate::outbox;
use crate::place::EntryId;

/// What is asked of frames.
#[derive(Clone, Copy)]
enum Ask {
    Release,
    Extend(Duration),
}

impl Ask {
    fn what(self) -> &'static str {
        match self {
            Self::Release => "r",
            Self::Extend(_) => "e",
        }
    }

    fn word(self) -> Vec<u8> {
        match self {
            Self::Release => Vec::new(),
            Self::Extend(lease) => millis(lease).to_string().into_bytes(),
        }
    }
}

/// Some deliveries of one frame that are to be settled alike.
struct Joint {
    held: Held,
    part: Part,
    /// Where each one's outcome goes; those that nobody asked for have no place.
    tokens: Vec<(Option<usize>, Token, u16)>,
}

impl Joint {
    fn marks(&self) -> Vec<u8> {
        let mut marks = Marks::default();
        for (_, _, index) in &self.tokens {
            marks.set(*index);
        }
        marks.into_bytes()
    }
}

/// Brings together what is of one frame. What is of none comes back.
#[derive(Default)]
struct Joints {
    all: Vec<Joint>,
    at: HashMap<u32, usize>,
    last: usize,
}

impl Joints {
    fn add(&mut self, place: Option<usize>, token: Token, held: Held, part: Part) {
        let one = (place, token, part.index);
        // They come frame by frame, as a rule.
        if let Some(joint) = self.all.get_mut(self.last)
            && joint.part.frame == part.frame
        {
            joint.tokens.push(one);
            return;
        }
        let at = *self.at.entry(part.frame).or_insert(self.all.len());
        self.last = at;
        match self.all.get_mut(at) {
            Some(joint) => joint.tokens.push(one),
            None => self.all.push(Joint {
                held,
                part,
                tokens: vec![one],
            }),
        }
    }
}

impl RedisSettler {
    /// Acks deliveries of frames; settling them has begun.
    pub(super) async fn ack_framed(
        &self,
        tokens: Vec<(usize, Token, Held)>,
        settled: &mut [Settled],
    ) -> Result<()> {
        let _begun = Begun {
            settler: self,
            tokens: tokens.iter().map(|(_, token, _)| *token).collect(),
        };
        let mut joints = Joints::default();
        for (at, token, held) in tokens {
            if let Some(part) = held.part {
                joints.add(Some(at), token, held, part);
            }
        }
        let now = Instant::now();
        let (mut whole, mut parts) = (Vec::new(), Vec::new());
        {
            let mut deliveries = self.deliveries();
            for joint in joints.all {
                let is_plain = joint.held.is_plain(now)
                    && deliveries.is_rest(joint.part, joint.tokens.len())
                    && !deliveries.is_begun(joint.part);
                if is_plain {
                    whole.push(joint);
                } else {
                    deliveries.begin_frame(joint.part);
                    parts.push(joint);
                }
            }
        }
        for some in whole.chunks(outbox::MOST) {
            self.ack_whole(some, settled).await?;
        }
        for some in parts.chunks(MOST) {
            self.ack_parts(some, settled).await?;
        }
        Ok(())
    }

    /// Acks messages of frames of which others are not acked, or were before.
    async fn ack_parts(&self, joints: &[Joint], settled: &mut [Settled]) -> Result<()> {
        let mut call = self.shared.scripts.mark.of_frames(&self.group);
        call.arg(&*self.consumer);
        {
            let mut deliveries = self.deliveries();
            for joint in joints {
                let EntryId { millis, number } = joint.held.id;
                call.arg(joint.held.id.to_string());
                call.arg(format!("1{millis:012x}{number:012x}"));
                call.arg(deliveries.size_of(joint.part)).arg(joint.marks());
            }
        }
        let mut pipeline = Pipeline::with_capacity(1);
        pipeline.add_command(call);
        let slot = self.group.slot;
        let replies = self.shared.link.send_durably(slot, &pipeline).await?;
        let results = list(fine(next(&mut replies.values.into_iter())?)?)?;
        let mut deliveries = self.deliveries();
        for (joint, result) in joints.iter().zip(results) {
            let is_acked = number(result)? == 1;
            for (at, token, _) in &joint.tokens {
                deliveries.settle(*token);
                if let (true, Some(at)) = (is_acked, at) {
                    settled[*at] = Settled::Acked;
                }
            }
        }
        Ok(())
    }

    /// Acks frames that nobody else can have received: their entries are all that is kept of them.
    async fn ack_whole(&self, joints: &[Joint], settled: &mut [Settled]) -> Result<()> {
        let held = joints.iter().map(|joint| joint.held).collect();
        let acked = self.ack_entries(held).await?;
        let mut deliveries = self.deliveries();
        for (joint, is_acked) in joints.iter().zip(acked) {
            for (at, token, _) in &joint.tokens {
                deliveries.settle(*token);
                if let (true, Some(at)) = (is_acked, at) {
                    settled[*at] = Settled::Acked;
                }
            }
        }
        Ok(())
    }

    /// Asks the same of some frames, by the step that looks who holds each.
    async fn settle_joints(
        &self,
        ask: Ask,
        joints: &[Joint],
        settled: &mut [Settled],
    ) -> Result<()> {
        for some in joints.chunks(MOST) {
            let mut call = self.shared.scripts.settle.of_group(&self.group);
            call.arg(&*self.consumer);
            for joint in some {
                call.arg(ask.what()).arg(1).arg(joint.held.id.to_string());
                call.arg(joint.held.attempt).arg(ask.word());
                call.arg("").arg("").arg("");
            }
            let mut pipeline = Pipeline::with_capacity(1);
            pipeline.add_command(call);
            let sent_at = Instant::now();
            let slot = self.group.slot;
            let replies = self.shared.link.send_durably(slot, &pipeline).await?;
            let results = list(fine(next(&mut replies.values.into_iter())?)?)?;
            let mut deliveries = self.deliveries();
            for (joint, result) in some.iter().zip(results) {
                let Some(outcome) = outcome(result)? else {
                    continue;
                };
                note(&mut deliveries, joint, ask, outcome, sent_at);
                for (at, _, _) in &joint.tokens {
                    if let Some(at) = at {
                        settled[*at] = outcome;
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives deliveries back unhandled; a frame of which nothing else is left goes as a whole.
    pub(super) async fn release_all(&self, tokens: &[Token]) -> Result<Vec<Settled>> {
        self.shared.check_open()?;
        let mut settled = vec![Settled::Stale; tokens.len()];
        let (mut whole, mut rest) = (Vec::new(), Vec::new());
        {
            let mut deliveries = self.deliveries();
            let mut joints = Joints::default();
            for (at, token) in tokens.iter().enumerate() {
                let Some(held) = deliveries.begin(*token) else {
                    continue;
                };
                match held.part {
                    Some(part) => joints.add(Some(at), *token, held, part),
                    None => rest.push((at, *token)),
                }
            }
            for joint in joints.all {
                if deliveries.is_rest(joint.part, joint.tokens.len()) {
                    whole.push(joint);
                } else {
                    let each = joint.tokens.iter();
                    rest.extend(each.filter_map(|(at, token, _)| Some(((*at)?, *token))));
                }
            }
            for (_, token) in &rest {
                deliveries.resume(*token);
            }
        }
        let begun = Begun {
            settler: self,
            tokens: whole
                .iter()
                .flat_map(|joint| joint.tokens.iter().map(|(_, token, _)| *token))
                .collect(),
        };
        self.settle_joints(Ask::Release, &whole, &mut settled)
            .await?;
        drop(begun);
        let wishes: Vec<Wish> = rest
            .iter()
            .map(|(_, token)| Wish::new(*token, "r"))
            .collect();
        for ((at, _), outcome) in rest.iter().zip(self.settle(&wishes).await?) {
            settled[*at] = outcome;
        }
        Ok(settled)
    }

    /// Renews leases: of a frame once. Those that wait in the source for their turn are renewed
    /// with them, because whoever handles the others asks for them later.
    pub(super) async fn extend_all(
        &self,
        tokens: &[Token],
        lease: Duration,
    ) -> Result<Vec<Settled>> {
        self.shared.check_open()?;
        let mut settled = vec![Settled::Stale; tokens.len()];
        let (mut joints, mut rest) = (Joints::default(), Vec::new());
        {
            let mut deliveries = self.deliveries();
            let kept = deliveries.kept_frames();
            let asked = tokens
                .iter()
                .enumerate()
                .map(|(at, token)| (Some(at), *token));
            for (at, token) in asked.chain(kept.into_iter().map(|token| (None, token))) {
                let Some(held) = deliveries.look_at(token) else {
                    continue;
                };
                match (held.part, at) {
                    (Some(part), at) => joints.add(at, token, held, part),
                    (None, Some(at)) => rest.push((at, token)),
                    (None, None) => {}
                }
            }
        }
        let renewed = self.settle_joints(Ask::Extend(lease), &joints.all, &mut settled);
        renewed.await?;
        let wishes: Vec<Wish> = rest
            .iter()
            .map(|(_, token)| Wish::extend(*token, lease))
            .collect();
        for ((at, _), outcome) in rest.iter().zip(self.settle(&wishes).await?) {
            settled[*at] = outcome;
        }
        Ok(settled)
    }
}

/// Notes what came of it.
fn note(deliveries: &mut Deliveries, joint: &Joint, ask: Ask, outcome: Settled, sent_at: Instant) {
    for (_, token, _) in &joint.tokens {
        match ask {
            Ask::Extend(lease) if outcome.is_current() => {
                deliveries.extend(*token, sent_at + lease);
            }
            // Somebody settles it just now, and will hear of it.
            Ask::Extend(_) if deliveries.is_leaving(*token) => {}
            _ => deliveries.settle(*token),
        }
    }
}
