//! What a frame is, by its bytes.

use super::*;

fn message(payload: &str) -> Message {
    let builder = Message::builder("a.topic").payload(payload.to_owned());
    builder.build().expect("a message")
}

#[test]
fn a_frame_is_opened_as_it_was_packed() {
    let messages = [message(""), message("two"), message("three")];
    let all: Vec<&Message> = messages.iter().collect();
    let mut bytes = vec![7];
    put(&mut bytes, &all);
    assert_eq!(bytes.remove(0), 7, "it is appended");
    assert_eq!(bytes[..8], *b"\x8fGF\x01\0\0\0\x03");
    let first = wire::encode(&messages[0]);
    assert_eq!(
        bytes[8..12],
        u32::to_be_bytes(u32::try_from(first.len()).unwrap())
    );
    assert_eq!(bytes[20..20 + first.len()], *first);
    let opened = open(&bytes.clone().into()).expect("a frame");
    let expected: Vec<Bytes> = messages.iter().map(wire::encode).collect();
    assert_eq!(opened.collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_no_whole_frame_is_none() {
    let messages = [message("one"), message("two")];
    let mut whole = Vec::new();
    put(&mut whole, &messages.iter().collect::<Vec<_>>());
    for len in 0..whole.len() {
        assert!(open(&Bytes::copy_from_slice(&whole[..len])).is_none());
    }
    let changed = |at: usize, to: u8| {
        let mut bytes = whole.clone();
        bytes[at] = to;
        open(&bytes.into()).is_none()
    };
    assert!(changed(0, 0) && changed(3, 2), "the head");
    assert!(changed(4, 1) && changed(7, 0) && changed(7, 3), "the count");
    assert!(changed(8, 1) && changed(15, 0), "an end");
    let longer = [&whole[..], b"x"].concat();
    assert!(open(&longer.into()).is_none());
}

#[test]
fn messages_are_cut_into_frames_by_number_and_by_bytes() {
    let small = message("x");
    let all = vec![&small; 10];
    assert_eq!(first(&all, 4), 4);
    assert_eq!(first(&all[..3], 4), 3);
    let large = message(&"x".repeat(100 << 10));
    assert_eq!(first(&[&large, &large, &large], 100), 2);
    let huge = message(&"x".repeat(400 << 10));
    assert_eq!(first(&[&huge, &small], 100), 1, "it stands alone");
    assert_eq!(first(&[&small, &huge], 100), 1);
}

#[test]
fn marks_are_bits() {
    let mut marks = Marks::default();
    for index in [0, 9, 17] {
        marks.set(index);
    }
    let bits = marks.into_bytes();
    assert_eq!(bits, [1, 2, 2]);
    let set: Vec<usize> = (0..40).filter(|n| Marks::is_set(&bits, *n)).collect();
    assert_eq!(set, [0, 9, 17]);
}

#[test]
fn the_option_is_kept_as_text() {
    let frames = Frames::default().max_messages(7);
    let frames = frames.max_delay(Duration::from_micros(1500));
    assert_eq!(text_of(&frames), "7 1500");
    assert_eq!(parse("7 1500"), Some(frames));
    for wrong in ["", "7", "7 x", "x 7"] {
        assert_eq!(parse(wrong), None, "{wrong}");
    }
}
