//! What is sent of what is wanted, by what the broker remembers.

use kafka_protocol::messages::{FetchRequest, FetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use crate::fetch::session::{Session, Wanted};

fn wanted(partition: i32, generation: u64, offset: i64) -> Wanted {
    Wanted {
        name: TopicName(StrBytes::from_static_str("orders")),
        partition,
        generation,
        offset,
        max_bytes: 1000,
    }
}

/// What was sent: session, number, partitions with offsets, forgotten ones.
type Sent = (i32, i32, Vec<(i32, i64)>, Vec<i32>);

fn ask(session: &mut Session, wanted: &[Wanted]) -> Sent {
    let mut request = FetchRequest::default();
    session.ask(&mut request, wanted, 12);
    let topics = request.topics.iter().flat_map(|topic| &topic.partitions);
    let asked = topics.map(|p| (p.partition, p.fetch_offset)).collect();
    let forgotten = request.forgotten_topics_data.iter();
    let forgotten = forgotten.flat_map(|topic| topic.partitions.clone());
    let (id, epoch) = (request.session_id, request.session_epoch);
    (id, epoch, asked, forgotten.collect())
}

fn heed(session: &mut Session, id: i32, code: i16) -> bool {
    let answer = FetchResponse::default();
    session.heed(&answer.with_session_id(id).with_error_code(code))
}

#[test]
fn only_changes_are_sent() {
    let mut session = Session::new();
    let (one, two) = (wanted(0, 1, 10), wanted(1, 2, 20));
    let all = [one, two.clone()];
    assert_eq!(
        ask(&mut session, &all),
        (0, 0, vec![(0, 10), (1, 20)], vec![])
    );
    assert!(heed(&mut session, 7, 0));
    assert_eq!(ask(&mut session, &all), (7, 1, vec![], vec![]));
    assert!(heed(&mut session, 7, 0));
    let moved = wanted(0, 1, 15);
    let changed = [moved, two.clone()];
    assert_eq!(ask(&mut session, &changed), (7, 2, vec![(0, 15)], vec![]));
    assert!(heed(&mut session, 7, 0));
    assert_eq!(
        ask(&mut session, std::slice::from_ref(&two)),
        (7, 3, vec![], vec![0])
    );
    assert!(heed(&mut session, 7, 0));
    let back = [two, wanted(0, 1, 15)];
    assert_eq!(ask(&mut session, &back), (7, 4, vec![(0, 15)], vec![]));
    assert_eq!((session.find(1), session.find(2)), (Some(15), Some(20)));
    assert_eq!(session.find(3), None);
}

#[test]
fn all_is_sent_to_a_broker_that_has_no_room_for_sessions() {
    let mut session = Session::new();
    for _ in 0..3 {
        let sent = ask(&mut session, &[wanted(0, 1, 10)]);
        assert_eq!(sent, (0, 0, vec![(0, 10)], vec![]));
        assert!(heed(&mut session, 0, 0));
    }
}

#[test]
fn a_session_that_is_forgotten_begins_anew() {
    for (code, id) in [(70, 0), (71, 7)] {
        let mut session = Session::new();
        ask(&mut session, &[wanted(0, 1, 10)]);
        assert!(heed(&mut session, 7, 0));
        ask(&mut session, &[wanted(0, 1, 11)]);
        assert!(!heed(&mut session, 0, code));
        // The number of one that may still be there is told, so that it ends.
        let sent = ask(&mut session, &[wanted(0, 1, 11)]);
        assert_eq!(sent, (id, 0, vec![(0, 11)], vec![]));
        assert!(heed(&mut session, 8, 0));
        let sent = ask(&mut session, &[wanted(0, 1, 11)]);
        assert_eq!(sent, (8, 1, vec![], vec![]));
    }
}

#[test]
fn one_that_was_lost_on_the_way_begins_anew() {
    let mut session = Session::new();
    ask(&mut session, &[wanted(0, 1, 10)]);
    assert!(heed(&mut session, 7, 0));
    session.begin_anew();
    let sent = ask(&mut session, &[wanted(0, 1, 10)]);
    assert_eq!(sent, (7, 0, vec![(0, 10)], vec![]));
}

#[test]
fn an_assignment_anew_begins_the_session_anew() {
    let mut session = Session::new();
    ask(&mut session, &[wanted(0, 1, 10), wanted(1, 2, 20)]);
    assert!(heed(&mut session, 7, 0));
    // At the same offset: a broker would have nothing to say of it.
    let sent = ask(&mut session, &[wanted(0, 3, 10), wanted(1, 2, 20)]);
    assert_eq!(sent, (7, 0, vec![(0, 10), (1, 20)], vec![]));
    assert_eq!(session.find(1), None);
    assert_eq!(session.find(3), Some(10));
}

#[test]
fn what_is_asked_aside_is_in_no_session() {
    let mut session = Session::none();
    for _ in 0..2 {
        let sent = ask(&mut session, &[wanted(0, 1, 10)]);
        assert_eq!(sent, (0, -1, vec![(0, 10)], vec![]));
        assert!(heed(&mut session, 0, 0));
    }
}

#[test]
fn a_broker_of_old_has_no_sessions() {
    let mut session = Session::new();
    for _ in 0..2 {
        let mut request = FetchRequest::default();
        session.ask(&mut request, &[wanted(0, 1, 10)], 6);
        assert_eq!((request.session_id, request.session_epoch), (0, -1));
        assert_eq!(request.topics.len(), 1);
        assert!(heed(&mut session, 0, 0));
    }
}
