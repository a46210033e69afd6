//! SCRAM as its RFC has it, and brokers that do not keep to it.

use super::*;

/// The exchange of RFC 7677, section 3.
const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                         s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const FINAL: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=";

fn login(family: Family) -> Scram {
    Scram::new(family, "user", NONCE)
}

fn refusal(challenge: &str) -> String {
    let scram = login(Family::Sha256);
    let refused = scram.prove(challenge.as_bytes(), "pencil").map(|_| ());
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    refused.context("detail").unwrap().to_owned()
}

#[test]
fn it_is_the_exchange_of_the_rfc() {
    let scram = login(Family::Sha256);
    assert_eq!(scram.first(), b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    let (last, expected) = scram.prove(CHALLENGE.as_bytes(), "pencil").unwrap();
    let proof = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    assert_eq!(String::from_utf8(last).unwrap(), format!("{FINAL}{proof}"));
    let signature = b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    expected.check(signature).unwrap();
}

/// The same exchange with the longer hash. There is no RFC with one: the values are from Python's
/// `hashlib.pbkdf2_hmac` and `hmac`.
#[test]
fn the_longer_hash_is_used_alike() {
    let scram = login(Family::Sha512);
    let (last, expected) = scram.prove(CHALLENGE.as_bytes(), "pencil").unwrap();
    let proof =
        "gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==";
    assert_eq!(String::from_utf8(last).unwrap(), format!("{FINAL}{proof}"));
    let signature = b"v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==";
    expected.check(signature).unwrap();
}

#[test]
fn a_user_may_have_any_sign() {
    let scram = Scram::new(Family::Sha256, "a=b,c=2Cü", "x");
    let first = String::from_utf8(scram.first()).unwrap();
    assert_eq!(first, "n,,n=a=3Db=2Cc=3D2Cü,r=x");
}

#[test]
fn a_broker_that_does_not_know_the_password_is_not_believed() {
    let (_, expected) = login(Family::Sha256)
        .prove(CHALLENGE.as_bytes(), "pencil")
        .unwrap();
    let cases: [&[u8]; 6] = [
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95Gw=",
        b"v=6rri",
        b"v=",
        b"e=other-error",
        b"\xff",
    ];
    for case in cases {
        let refused = expected.check(case).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    }
    expected
        .check(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,x=more")
        .unwrap();
}

#[test]
fn a_challenge_that_is_none_is_refused() {
    let form = "its challenge has another form";
    assert_eq!(refusal(""), form);
    assert_eq!(refusal("e=unknown-user"), form);
    assert_eq!(refusal(&format!("m=ext,{CHALLENGE}")), form);
    let other = "its challenge is not for this login";
    assert_eq!(refusal("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"), other);
    // The broker adds to it.
    assert_eq!(refusal(&format!("r={NONCE},s=W22Z,i=4096")), other);
    let salt = format!("r={NONCE}x,s=?,i=4096");
    assert_eq!(refusal(&salt), "its salt is no base64");
    for rounds in ["1", "4095", "10000001", "99999999999", "-1", "x", ""] {
        let challenge = format!("r={NONCE}x,s=W22Z,i={rounds}");
        assert_eq!(refusal(&challenge), "it wants too few rounds or too many");
    }
}

#[test]
fn no_two_logins_are_alike() {
    assert_ne!(nonce(), nonce());
    assert!(!nonce().contains(','));
}
