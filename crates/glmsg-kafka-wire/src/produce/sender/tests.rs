//! Tasks that end.

use super::*;
use crate::connection::tests::servers;
use crate::{Cluster, Producer, ProducerSettings};

#[test]
fn who_has_something_for_a_task_that_ends_begins_another() {
    let cluster = Cluster::new(servers::at(Vec::new()));
    let producer = Producer::new(cluster, ProducerSettings::default());
    let shared = Arc::clone(&producer.shared);
    assert!(matches!(shared.state().wake(0), Some((0, None))));
    let mut first = Sender::new(&shared, 0, 0);
    assert!(matches!(first.rest(), Rest::Wait(_)));
    assert!(shared.state().wake(0).is_none());
    drop(producer);
    assert!(matches!(first.rest(), Rest::End));
    // Before it is gone.
    assert!(matches!(shared.state().wake(0), Some((0, None))));
    // And it is not the other one that has ended when it is.
    drop(first);
    assert!(shared.state().wake(0).is_none());
}
