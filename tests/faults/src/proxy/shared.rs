//! What the connections of a proxy and its controls share.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use super::control::Seen;
use super::mode::{DropReply, Mode};

/// The mode, and which setting of it this is: the same mode set twice counts its bytes anew.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) mode: Mode,
    pub(super) serial: u64,
}

#[derive(Debug)]
pub(super) struct Shared {
    setting: watch::Sender<Setting>,
    /// The last setting that the acceptor has acted on.
    pub(super) in_force: watch::Sender<u64>,
    /// Counted up to reset the connections that exist.
    pub(super) resets: watch::Sender<u64>,
    pub(super) seen: watch::Sender<Seen>,
    upstream: Mutex<SocketAddr>,
}

impl Shared {
    pub(super) fn new(upstream: SocketAddr) -> Self {
        let setting = Setting {
            mode: Mode::Pass,
            serial: 0,
        };
        Self {
            setting: watch::Sender::new(setting),
            in_force: watch::Sender::new(0),
            resets: watch::Sender::new(0),
            seen: watch::Sender::new(Seen::default()),
            upstream: Mutex::new(upstream),
        }
    }

    /// Sets the mode and returns the serial of the setting.
    pub(super) fn set(&self, mode: Mode) -> u64 {
        let mut serial = 0;
        self.setting.send_modify(|setting| {
            setting.mode = mode;
            setting.serial += 1;
            serial = setting.serial;
        });
        serial
    }

    /// Lets go of whoever waits for this setting, or for one before it.
    pub(super) fn acted_on(&self, serial: u64) {
        let later = |known: &mut u64| *known = serial.max(*known);
        self.in_force.send_modify(later);
    }

    pub(super) fn setting(&self) -> Setting {
        self.setting.borrow().clone()
    }

    pub(super) fn settings(&self) -> watch::Receiver<Setting> {
        self.setting.subscribe()
    }

    pub(super) fn upstream(&self) -> SocketAddr {
        *self.upstream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn retarget(&self, upstream: SocketAddr) {
        *self.upstream.lock().unwrap_or_else(PoisonError::into_inner) = upstream;
    }

    pub(super) fn saw(&self, count: impl FnOnce(&mut Seen)) {
        self.seen.send_modify(count);
    }

    /// Takes one of the replies that are to be dropped. False if another connection took the last.
    pub(super) fn claim_drop(&self, serial: u64) -> bool {
        let mut claimed = false;
        self.setting.send_if_modified(|setting| {
            let Mode::DropReply(DropReply { times, .. }) = &mut setting.mode else {
                return false;
            };
            if setting.serial != serial {
                return false;
            }
            claimed = true;
            let Some(left) = times else {
                return false;
            };
            *left = left.saturating_sub(1);
            if *left > 0 {
                return false;
            }
            setting.mode = Mode::Pass;
            setting.serial += 1;
            true
        });
        claimed
    }
}
