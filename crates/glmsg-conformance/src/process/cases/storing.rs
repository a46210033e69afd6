//! Writers of a log that are killed.

use std::collections::HashSet;

use glmsg_broker::{Record, Storage};
use glmsg_core::MessageId;

use crate::patience::within;
use crate::process::ledger::What;
use crate::process::plan::Role;
use crate::process::stage::Stage;
use crate::process::worker::{PIECE, log};
use crate::{Fixture, Need};

/// Writers of a log that are killed in mid-append leave every append whole or not there, and
/// nothing that they had reported is missing.
pub async fn a_log_has_no_gap_whenever_its_writer_is_killed<F: Fixture>(stage: Stage<F>) {
    const VICTIMS: [usize; 4] = [1, 10, 25, 60];
    if !Need::Storage.is_met::<F>() {
        return Need::Storage.assert_refused(stage.fixture()).await;
    }
    for moment in VICTIMS {
        let mut victim = stage.start_as(Role::Append);
        victim.take(What::Stored, moment).await;
        victim.kill().await;
    }
    let broker = stage.broker().await;
    let storage = within("the storage", broker.open_storage()).await;
    let storage = storage.expect("it opens");
    let mut found: Vec<Record> = Vec::new();
    loop {
        let after = found.last().map_or(0, |record| record.version);
        let page = within("records", storage.read(&log(), after, 1_000)).await;
        let page = page.expect("reading works");
        if page.is_empty() {
            break;
        }
        found.extend(page);
    }
    let versions = found.iter().map(|record| record.version);
    assert!(versions.eq(1..=found.len() as u64), "no gap");
    assert_eq!(found.len() % PIECE, 0, "each append is whole");
    let mut stored = HashSet::new();
    for piece in found.chunks(PIECE) {
        let id = piece[0].data[..].try_into().expect("an id");
        assert!(piece.iter().all(|record| record.data == piece[0].data));
        let is_new = stored.insert(MessageId::from_bytes(id));
        assert!(is_new, "each append is there once");
    }
    let reported: HashSet<_> = stage.events(What::Stored).iter().map(|e| e.id).collect();
    let lost: Vec<_> = reported.difference(&stored).collect();
    assert_eq!(lost, Vec::<&_>::new(), "reported and not there");
    assert!(
        stored.len() <= reported.len() + VICTIMS.len(),
        "at most the one of each whose report was cut off is there unreported"
    );
}
