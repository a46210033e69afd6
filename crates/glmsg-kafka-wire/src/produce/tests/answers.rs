//! Answers that do not say what they must.

use super::script::{Act, Found, Say, Script};
use super::{LONG, Producer, SHORT, is_unanswered, one, record, refused, send, soon, with, within};

#[tokio::test]
async fn what_an_answer_leaves_out_is_sent_again() {
    for stores in [true, false] {
        let script = Script::new(1, &[0, 0]).await;
        let producer = Producer::new(script.cluster(), within(LONG));
        let nothing = Say::Nothing { stores };
        script.world.then([Act::With(vec![(1, nothing)])]);
        let mut call = producer.call(2);
        call.put(0, record(0, "a")).await.unwrap();
        call.put(1, record(1, "b")).await.unwrap();
        let outcome = soon(call.finish()).await;
        assert!(outcome.failed.is_empty(), "{outcome:?}");
        assert_eq!(script.world.stored(0), ["a"]);
        assert_eq!(script.world.stored(1), ["b"]);
        let sent = script.world.sent();
        let of_one: Vec<_> = sent.iter().filter(|sent| sent.partition == 1).collect();
        assert_eq!(of_one.len(), 2);
        assert_eq!(of_one[0].place(), of_one[1].place());
    }
}

#[tokio::test]
async fn what_all_answers_leave_out_is_not_told_as_stored() {
    for stores in [true, false] {
        let (script, producer) = with(within(SHORT)).await;
        script
            .world
            .rule(move |_, _| Act::Each(Say::Nothing { stores }));
        let told = send(&producer, "a").await;
        assert!(is_unanswered(&told), "{told:?}");
        script.world.rule(|_, _| Act::Store);
        send(&producer, "b").await.unwrap();
        let wanted: &[&str] = if stores { &["a", "b"] } else { &["b"] };
        assert_eq!(script.world.stored(0), wanted);
    }
}

#[tokio::test]
async fn one_that_has_no_place_is_not_told_as_stored() {
    let (script, producer) = one().await;
    script.world.then([Act::Each(Say::Nowhere)]);
    // That of a sequence which is there already.
    assert_eq!(refused(send(&producer, "a").await), 46);
    send(&producer, "b").await.unwrap();
    let sent = script.world.sent();
    assert_eq!(sent[1].place(), (1000, 1, 0));
    assert_eq!(sent[1].found, Found::Stored(1));
}

#[tokio::test]
async fn one_that_has_no_place_after_a_lost_answer_is_not_known() {
    let (script, producer) = one().await;
    let nowhere = Act::Each(Say::Nowhere);
    script.world.then([Act::HangUp { stores: true }, nowhere]);
    let told = send(&producer, "a").await;
    assert!(is_unanswered(&told), "{told:?}");
    send(&producer, "b").await.unwrap();
    assert_eq!(script.world.stored(0), ["a", "b"]);
}
