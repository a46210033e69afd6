//! History, dead-letter reasons and batches.

use glmsg_core::{
    Attempt, AttemptOutcome, DeadLetterReason, ErrorKind, History, Message, MessageBatch,
    Timestamp, clean_error_text, limits, wire,
};

fn attempt(number: u32, error: &str) -> Attempt {
    Attempt::new(
        number,
        Timestamp::from_micros(number.into()),
        AttemptOutcome::Failed,
        error,
    )
}

#[test]
fn a_history_keeps_the_last_ten() {
    let mut history = History::new();
    (1..=25).for_each(|n| history.push(attempt(n, "boom")));
    assert_eq!(history.len(), limits::MAX_HISTORY);
    assert_eq!(history.attempts()[0].number, 16);
    assert_eq!(history.last().unwrap().number, 25);
    let bytes = wire::encode_history(&history);
    assert_eq!(wire::decode_history(&bytes).unwrap(), history);
}

#[test]
fn error_texts_are_cut_and_cleaned() {
    let text = "ä\n\0\u{1b}[31m".to_owned() + &"ö".repeat(5000);
    let clean = clean_error_text(&text);
    assert!(clean.len() <= limits::MAX_ERROR_TEXT && clean.starts_with("ä   [31m"));
    assert!(!clean.chars().any(char::is_control));

    // A text that did not go through `Attempt::new` is cut when it is written.
    let mut history = History::new();
    history.push(Attempt {
        error: text.into(),
        ..attempt(1, "")
    });
    let read = wire::decode_history(&wire::encode_history(&history)).unwrap();
    assert_eq!(read.last().unwrap().error, clean);
}

#[test]
fn every_outcome_has_its_number() {
    let mut history = History::new();
    for (n, outcome) in (0..).zip(AttemptOutcome::ALL) {
        assert_eq!(outcome as u32, n);
        history.push(Attempt {
            outcome,
            ..attempt(n, "")
        });
    }
    assert_eq!(
        wire::decode_history(&wire::encode_history(&history)).unwrap(),
        history
    );
    for (n, reason) in (0..).zip(DeadLetterReason::ALL) {
        assert_eq!(reason as u32, n);
        assert_eq!(reason.as_str().parse::<DeadLetterReason>().unwrap(), reason);
    }
    assert!("lost".parse::<DeadLetterReason>().is_err());
}

#[test]
fn a_damaged_history_is_refused() {
    let mut history = History::new();
    history.push(attempt(1, "boom"));
    let whole = wire::encode_history(&history);
    assert!(wire::decode_history(&[]).unwrap().is_empty());
    for len in 1..whole.len() {
        assert_eq!(
            wire::decode_history(&whole[..len]).unwrap_err().kind(),
            ErrorKind::Codec
        );
    }
    // Version, count, outcome, length, control character in the text.
    for (at, byte) in [(0, 2), (1, 11), (1, 0), (14, 6), (15, 0xFF), (17, 7)] {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        let err = wire::decode_history(&bytes).unwrap_err();
        assert_eq!(err.kind(), ErrorKind::Codec, "{at}");
    }
    assert!(wire::decode_history(&[whole, vec![0]].concat()).is_err());
}

#[test]
fn a_batch_is_bounded() {
    let mut batch = MessageBatch::new();
    let small = Message::new("t", "x").unwrap();
    for _ in 0..limits::MAX_BATCH {
        batch.push(small.clone()).unwrap();
    }
    assert_eq!(batch.push(small).unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!((batch.len(), batch.payload_bytes()), (1000, 1000));

    let mut batch = MessageBatch::new();
    let big = Message::new("t", vec![0; limits::MAX_PAYLOAD]).unwrap();
    batch.push(big.clone()).unwrap();
    batch.push(big.clone()).unwrap();
    assert_eq!(batch.push(big).unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(batch.into_messages().len(), 2);
}
