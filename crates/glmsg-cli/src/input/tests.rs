//! Every format, read three bytes at a time.

use super::source::of_bytes;
use super::{BadPiece, Format};

type Pieces = Vec<(u64, String)>;

/// The pieces up to the first that is bad, and that one.
fn read(format: Format, input: &[u8], limit: usize) -> (Pieces, Option<BadPiece>) {
    let mut reader = format.reader(of_bytes(input), limit);
    let mut pieces = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(piece)) => {
                pieces.push((
                    piece.number,
                    String::from_utf8_lossy(&piece.bytes).into_owned(),
                ));
            }
            Ok(None) => return (pieces, None),
            Err(bad) => return (pieces, Some(bad)),
        }
    }
}

fn good(format: Format, input: &[u8]) -> Pieces {
    let (pieces, bad) = read(format, input, 100);
    assert_eq!(bad, None);
    pieces
}

fn texts(pieces: &[(u64, &str)]) -> Pieces {
    pieces.iter().map(|(n, t)| (*n, (*t).to_owned())).collect()
}

#[test]
fn a_line_is_kept_byte_for_byte() {
    assert_eq!(
        good(Format::Jsonl, b"{\"a\" : 1}\r\n\n  \n[2]"),
        texts(&[(1, "{\"a\" : 1}\r"), (4, "[2]")])
    );
    assert_eq!(
        good(Format::Lines, b"one\n\n  two \n"),
        texts(&[(1, "one"), (2, ""), (3, "  two ")])
    );
    assert!(good(Format::Lines, b"").is_empty());
}

#[test]
fn a_line_that_is_too_long_is_passed_over_and_not_kept() {
    let mut reader = Format::Lines.reader(of_bytes(b"12345\n123456789\n1\n"), 5);
    assert_eq!(reader.next().unwrap().unwrap().bytes, b"12345");
    let bad = reader.next().unwrap_err();
    assert!(bad.passable && bad.number == 2, "{bad:?}");
    let next = reader.next().unwrap().unwrap();
    assert_eq!((next.number, next.bytes.as_slice()), (3, b"1".as_slice()));
}

#[test]
fn an_array_is_divided_between_its_elements() {
    assert_eq!(
        good(
            Format::JsonArray,
            b" [ {\"a\": [1, \"],\\\"\"]} , 2\n,\"x\"]\n"
        ),
        texts(&[(1, "{\"a\": [1, \"],\\\"\"]}"), (2, "2"), (3, "\"x\"")])
    );
    assert!(good(Format::JsonArray, b"[ ]").is_empty());
    assert!(good(Format::JsonArray, b"").is_empty());
}

#[test]
fn a_broken_array_says_where() {
    for (input, number, why) in [
        (&b"{}"[..], 1, "no JSON array"),
        (b"[1, 2", 2, "does not end"),
        (b"[1, \"2]", 2, "does not end"),
        (b"[1,]", 2, "missing"),
        (b"[,1]", 1, "missing"),
        (b"[1] 2", 2, "behind the array"),
        (b"[", 1, "does not end"),
    ] {
        let (_, bad) = read(Format::JsonArray, input, 100);
        let bad = bad.expect("it is broken");
        assert_eq!(bad.number, number, "{}", String::from_utf8_lossy(input));
        assert!(bad.why.contains(why) && !bad.passable, "{bad:?}");
    }
}

#[test]
fn an_element_that_is_too_long_is_passed_over() {
    let mut reader = Format::JsonArray.reader(of_bytes(b"[12345   ,123456,1]"), 5);
    assert_eq!(reader.next().unwrap().unwrap().bytes, b"12345");
    assert!(reader.next().unwrap_err().passable);
    assert_eq!(reader.next().unwrap().unwrap().number, 3);
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn the_whole_input_is_one_piece_up_to_the_limit() {
    assert_eq!(good(Format::Raw, b"a\nb"), texts(&[(1, "a\nb")]));
    assert!(good(Format::Raw, b"").is_empty());
    let (_, bad) = read(Format::Raw, b"123456", 5);
    assert!(bad.expect("it is too long").why.contains("longer than 5"));
}

#[test]
fn messagepack_values_are_divided_by_their_heads() {
    let values: &[&[u8]] = &[
        &[0x07],
        &[0xA2, b'h', b'i'],
        &[0x82, 0xA1, b'a', 0x01, 0xA1, b'b', 0x92, 0xC0, 0xC3],
        &[0xDC, 0x00, 0x01, 0xCB, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0xC7, 0x02, 0x05, 1, 2],
        &[0xD8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0xDE, 0x00, 0x00],
    ];
    let mut reader = Format::Msgpack.reader(of_bytes(&values.concat()), 100);
    for value in values {
        assert_eq!(reader.next().unwrap().unwrap().bytes, *value);
    }
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn broken_messagepack_costs_nothing() {
    let deep = [0x91; 200_000];
    for (input, why) in [
        (&deep[..], "nests deeper"),
        (&[0xC1][..], "c1"),
        (&[0xDD, 0xFF, 0xFF, 0xFF, 0xFF], "ends inside"),
        (&[0xDB, 0xFF, 0xFF, 0xFF, 0xFF], "longer than"),
        (&[0xA5, b'x'], "ends inside"),
    ] {
        let (pieces, bad) = read(Format::Msgpack, input, 1000);
        let bad = bad.expect("it is broken");
        assert!(pieces.is_empty() && bad.why.contains(why), "{bad:?}");
    }
}
