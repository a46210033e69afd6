//! What goes to a broker, and where a password comes from.

use super::*;

#[test]
fn a_plain_login_is_three_words() {
    assert_eq!(plain("me", "secret").unwrap(), b"\0me\0secret");
    for (user, password) in [("m\0e", "secret"), ("me", "sec\0ret")] {
        let refused = plain(user, password).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConfigInvalid);
        assert!(!refused.to_string().contains("sec\0ret"), "{refused}");
    }
}

#[test]
fn a_file_of_a_password_may_end_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("password");
    for (text, expected) in [
        ("secret", "secret"),
        ("secret\r\n", "secret"),
        (" s \n", " s "),
    ] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(read(&Password::File(path.clone())).unwrap(), expected);
    }
    let refused = read(&Password::File(dir.path().join("nowhere"))).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConfigInvalid);
    assert!(refused.to_string().contains("nowhere"), "{refused}");
}
